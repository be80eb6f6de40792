# The service: web, queue and what keeps the time. Its worker has an image of its own, worker/Dockerfile.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app

COPY requirements.txt ./
COPY worker/requirements.txt ./worker/
RUN pip install --no-cache-dir -r requirements.txt -r worker/requirements.txt

COPY . .
RUN useradd --create-home faces && mkdir /data && chown faces /data
USER faces

# From outside the container, 127.0.0.1 inside it cannot be reached.
ENV HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz')"
CMD ["python", "-m", "faceswap_site.runner"]
