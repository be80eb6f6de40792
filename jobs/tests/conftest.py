from __future__ import annotations

import pytest
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
def failed_job(job) -> Job:
    Job.objects.update(status=Job.Status.FAILED, finished_at=now(), error_code="no_face_in_video")
    job.refresh_from_db()
    return job
