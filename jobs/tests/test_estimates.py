"""How long a job will take: measured where that can be said, else a guess that is called one."""

from __future__ import annotations

import pytest

from jobs.estimates import START_SECONDS, paces
from jobs.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def finished(done_job):
    """Make the job one of several that took so many seconds for ten megapixels."""

    def finish(*seconds: float, **metrics) -> None:
        for each in seconds:
            said = {
                "frames": 10,
                "width": 1000,
                "height": 1000,
                "run_seconds": each + START_SECONDS,
            } | metrics
            attempt = done_job.latest
            job = Job.objects.get(pk=done_job.again(consent_via="test").pk)
            copy = type(attempt).objects.begin(job, provider=attempt.provider, at=attempt.created_at)
            type(attempt).objects.filter(pk=copy.pk).update(metrics=said)
            Job.objects.filter(pk=job.pk).update(status=Job.Status.DONE)

    return finish


def of(owner) -> dict:
    return paces(owner)["video_swap"]["balanced"]


def test_before_anything_was_made_it_is_a_guess(alice):
    pace = of(alice)

    assert pace["is_guess"]
    assert 0 < pace["slow"] < pace["quick"]


def test_the_quartiles_of_what_was_made_are_its_range(alice, finished):
    finished(1, 2, 5, 10, 1000)

    assert of(alice) == {"slow": 1, "quick": 5, "is_guess": False}


def test_two_results_say_too_little(alice, finished):
    finished(1, 2)

    assert of(alice)["is_guess"]


def test_each_quality_is_measured_on_its_own(alice, finished):
    finished(1, 1, 1)

    assert paces(alice)["video_swap"]["fast"]["is_guess"]


def test_a_worker_that_says_too_little_counts_for_nothing(alice, finished):
    finished(1, 1, 1, width=None)
    finished(-1, 0)

    assert of(alice)["is_guess"]


def test_another_persons_results_are_not_told(bob, finished):
    finished(1, 1, 1)

    assert of(bob)["is_guess"]
