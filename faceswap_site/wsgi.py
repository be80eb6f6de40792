import os

from django.core.wsgi import get_wsgi_application

from runpod_bridge import shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "faceswap_site.settings")

application = get_wsgi_application()
shutdown.watch()  # A worker's request for work is held for seconds; it must not hold up the end.
