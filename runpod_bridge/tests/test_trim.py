"""A part of a clip, from the form to the worker, in the pool and on Runpod."""

from __future__ import annotations

import json

import pytest

from jobs.models import Job
from runpod_bridge.tests.conftest import sent
from worker.wire import Payload, Trim

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(api, video_file, photo_file):
    def send(**fields) -> Job:
        form = {"mode": "video_swap", "reference_video": video_file, "source_image": photo_file}
        assert api.post("/v1/jobs", form | fields).status_code == 202
        return Job.objects.get()

    return send


def test_a_worker_is_sent_the_part(pool, worker, post):
    sent(post(trim=json.dumps({"start": 0.2, "end": 0.8})))

    given = worker.take().json()["input"]

    assert given["trim"] == {"start": 0.2, "end": 0.8}
    assert "preview" not in given
    assert Payload.from_input(given).trim == Trim(start=0.2, end=0.8)


def test_a_previews_end_is_the_parts(pool, worker, post):
    sent(post(trim=json.dumps({"start": 0.25}), preview_seconds=3))

    given = worker.take().json()["input"]

    assert (given["trim"], given["preview"]) == ({"start": 0.25, "end": 3.25}, True)


def test_runpod_is_sent_the_same(fake_runpod, post):
    attempt = sent(post(trim=json.dumps({"end": 0.5}), preview_seconds=3))

    given = fake_runpod.jobs[attempt.external_id].input

    assert (given["trim"], given["preview"]) == ({"start": 0, "end": 0.5}, True)


def test_a_whole_job_is_sent_as_ever(attempt, worker):
    given = worker.take().json()["input"]

    assert not {"trim", "preview"} & given.keys()
