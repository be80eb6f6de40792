"""A look at a file through the real processes: taken in by the web server, looked at by the queue."""

from __future__ import annotations

import time
from contextlib import suppress

import requests

PATIENCE = 120  # seconds after which a test has failed, never how long it takes
SESSION = """
from django.contrib.auth import get_user_model, login
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
request = HttpRequest()
request.session = SessionStore()
user = get_user_model().objects.create_user("chooser")
login(request, user, backend="django.contrib.auth.backends.ModelBackend")
request.session.save()
print(request.session.session_key)
"""


def test_a_photo_is_looked_at_by_the_queue(running_service, face_photo):
    browser = requests.Session()
    browser.cookies["sessionid"] = running_service.manage("shell", "-v0", "-c", SESSION).strip()
    browser.cookies["csrftoken"] = token = "t" * 32
    url, headers = running_service.url, {"X-CSRFToken": token}

    with face_photo.open("rb") as photo:
        files = {"source_image": ("face.png", photo)}
        kept = browser.post(f"{url}/files/", files=files, headers=headers, timeout=PATIENCE)
    deadline, html = time.monotonic() + PATIENCE, 'hx-trigger="'
    while "hx-trigger" in html and time.monotonic() < deadline:
        time.sleep(0.5)
        with suppress(requests.ConnectionError):
            html = browser.get(url + kept.json()["look_url"], timeout=PATIENCE).text
    face = browser.get(f"{url}/files/{kept.json()['id']}/faces/1/", timeout=PATIENCE)

    assert kept.status_code == 201
    assert 'alt="Face 1"' in html
    assert face.content.startswith(b"\xff\xd8\xff")
