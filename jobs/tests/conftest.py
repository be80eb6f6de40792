from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from jobs.dispatch import dispatch
from jobs.models import Attempt, Job
from jobs.tests.fake_provider import FakeProvider


@pytest.fixture
def provider(settings) -> type[FakeProvider]:
    settings.COMPUTE_PROVIDER = "jobs.tests.fake_provider.FakeProvider"
    FakeProvider.reset()
    return FakeProvider


@pytest.fixture
def attempt(job, provider) -> Attempt:
    """The job's first attempt, sent."""
    dispatch(job.pk)
    job.refresh_from_db()
    return job.latest


@pytest.fixture
def send_again() -> Callable[[Job], Attempt]:
    """Send a job that was put off, as the sweep and the queue do once it is due."""

    def send(job: Job) -> Attempt:
        Job.objects.filter(pk=job.pk).update(due_at=None)
        dispatch(job.pk)
        job.refresh_from_db()
        return job.latest

    return send


@pytest.fixture
def failed_job(job) -> Job:
    Job.objects.update(status=Job.Status.FAILED, finished_at=now(), error_code="no_face_in_video")
    job.refresh_from_db()
    return job


@pytest.fixture
def done_job(attempt, clip_bytes) -> Job:
    attempt.output.keep(ContentFile(clip_bytes), size=len(clip_bytes), sha256="0" * 64)
    attempt.close(Attempt.Outcome.COMPLETED, now())
    job = Job.objects.get()
    job.move(Job.Status.DONE, "the result is here", attempt=attempt, output=attempt.output)
    return job


@pytest.fixture
def page(client, alice):
    """Alice's browser, signed in."""
    client.force_login(alice)
    return client


@pytest.fixture
def count_queries(page):
    """Say how many queries a page takes, the session's and the user's among them."""

    def count(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert page.get(address).status_code == 200
        return len(captured)

    return count
