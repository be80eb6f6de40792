"""Several photos and who gets which, from the form to the worker."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from jobs.faces import MOST
from jobs.models import Job
from jobs.submission import PHOTOS_MOST
from runpod_bridge.tests.conftest import sent
from worker.wire import Payload

pytestmark = pytest.mark.django_db
TARGET = {"time": 0.2, "box": [0.1, 0.2, 0.5, 0.9]}


def test_a_worker_is_sent_every_photo_and_who_gets_which(pool, worker, api, video_file, photo_bytes):
    photos = [SimpleUploadedFile(f"{i}.jpg", photo_bytes) for i in range(PHOTOS_MOST)]
    faces = [{"target": TARGET, "source": PHOTOS_MOST - 1}, {"target": TARGET, "source": None}] * (MOST // 2)
    form = {"mode": "video_swap", "reference_video": video_file, "source_images": photos}
    assert api.post("/v1/jobs", form | {"faces": json.dumps(faces)}).status_code == 202
    sent(Job.objects.get())

    given = worker.take().json()["input"]

    payload = Payload.from_input(given)
    assert given["faces"] == faces
    assert len(payload.assets.photo_urls) == PHOTOS_MOST
    assert payload.assets.photo_urls[0] == payload.assets.source_image_url
    for url in payload.assets.photo_urls:
        assert Client().get(url.removeprefix("http://testserver")).status_code == 200


def test_one_photo_and_no_faces_are_sent_as_ever(attempt, worker):
    given = worker.take().json()["input"]

    assert "faces" not in given
    assert "source_image_urls" not in given["assets"]
