from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from jobs.dispatch import dispatch
from jobs.models import Attempt, Job
from runpod_bridge import client as runpod_client
from runpod_bridge.models import WorkerToken
from runpod_bridge.payload import callback_secret, payload_for
from runpod_bridge.pool import PROVIDER
from runpod_bridge.tests.fake_runpod import FakeRunpod
from runpod_bridge.tests.scene import Clock, Scene
from worker.wire import SIGNATURE_HEADER, sign

PUBLIC = "https://faceswap.example"


class PoolWorker:
    """A worker as the service sees it: requests with a token."""

    def __init__(self, token: str, name: str) -> None:
        self.client = Client(headers={"Authorization": token})
        self.name = name

    def take(self, **params: str) -> HttpResponse:
        return self.client.get(f"/runpod/v2/pool/job-take/{self.name}", {"job_in_progress": "0", **params})

    def ping(self, job_id: object) -> HttpResponse:
        return self.client.get(f"/runpod/v2/pool/ping/{self.name}", {"job_id": str(job_id)})

    def jobs_to_stop(self) -> HttpResponse:
        return self.client.get(f"/runpod/v2/pool/job-stop/{self.name}")

    def done(self, job_id: object, said: Any, what: str = "job-done") -> HttpResponse:
        return self.client.post(
            f"/runpod/v2/pool/{what}/{self.name}/{job_id}?gpu=none&isStream=false",
            said if isinstance(said, bytes) else json.dumps(said),
            content_type="application/x-www-form-urlencoded",  # as the SDK sends it
        )


@pytest.fixture
def pool(settings) -> None:
    settings.COMPUTE_PROVIDER = PROVIDER
    settings.TAKE_HOLD = timedelta(0)
    settings.ALLOWED_HOSTS = ["testserver"]


@pytest.fixture
def token(db) -> str:
    _, value = WorkerToken.objects.issue("gpu box")
    return value


@pytest.fixture
def worker(pool, token) -> PoolWorker:
    return PoolWorker(token, "first")


@pytest.fixture
def other_worker(pool, token) -> PoolWorker:
    return PoolWorker(token, "second")


@pytest.fixture
def attempt(pool, job) -> Attempt:
    """The job's first attempt, waiting in the pool."""
    return sent(job)


@pytest.fixture
def taken(attempt, worker) -> Attempt:
    """The attempt in the hands of `worker`."""
    assert worker.take().status_code == 200
    attempt.refresh_from_db()
    return attempt


@pytest.fixture
def fake_runpod(settings) -> Iterator[FakeRunpod]:
    with FakeRunpod() as fake:
        settings.COMPUTE_PROVIDER = "runpod_bridge.runpod.RunpodProvider"
        settings.PUBLIC_BASE_URL = PUBLIC
        settings.RUNPOD_API_BASE = fake.base
        settings.RUNPOD_ENDPOINT_ID, settings.RUNPOD_API_KEY = fake.endpoint, fake.key
        yield fake


@pytest.fixture
def scene(settings, monkeypatch, live_server, job, clip_bytes) -> Iterator[Scene]:
    monkeypatch.setattr(runpod_client, "FIRST_PAUSE", 0.01)
    with FakeRunpod() as fake:
        settings.COMPUTE_PROVIDER = "runpod_bridge.runpod.RunpodProvider"
        settings.PUBLIC_BASE_URL, settings.RUNPOD_API_BASE = live_server.url, fake.base
        settings.RUNPOD_ENDPOINT_ID, settings.RUNPOD_API_KEY = fake.endpoint, fake.key
        yield Scene(fake, Clock(monkeypatch), job, clip_bytes)


def sent(job: Job) -> Attempt:
    dispatch(job.pk)
    job.refresh_from_db()
    return job.latest


def say(attempt: Attempt, said: Any, *, secret: str | None = None) -> HttpResponse:
    """Send a callback, signed as the attempt's worker signs it."""
    body = said if isinstance(said, bytes) else json.dumps({"job_id": str(attempt.job_id), **said}).encode()
    signature = sign(body, callback_secret(attempt) if secret is None else secret)
    return post(body, signature)


def post(body: bytes, signature: str | None) -> HttpResponse:
    headers = {} if signature is None else {SIGNATURE_HEADER: signature}
    return Client().post("/v1/runpod/callback", body, content_type="application/json", headers=headers)


@pytest.fixture
def make_job(job) -> Callable[[], Job]:
    """Another job of alice's, of the same files."""

    def make() -> Job:
        parts = {"reference_video": job.reference_video, "source_image": job.source_image}
        return Job.objects.submit(owner=job.owner, consent="yes", consent_via="form", mode=job.mode, **parts)

    return make


@pytest.fixture
def deliver(clip_bytes) -> Callable[[Attempt], str]:
    """Upload a result as a worker does; return the address that it then reports."""

    def put(attempt: Attempt) -> str:
        target = payload_for(attempt, "").as_input()["output_target"]
        assert Client().put(target["upload_url"], clip_bytes, content_type="video/mp4").status_code == 201
        return f"http://testserver{target['output_url']}"

    return put
