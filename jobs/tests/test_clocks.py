from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils.timezone import now

from jobs import sweep
from jobs.models import Attempt, Heartbeat, Job

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def taken(attempt) -> Attempt:
    """Taken by a worker a moment ago; the sweep has been round since."""
    at = now()
    sweep.sweep_if_due(at)
    Attempt.objects.update(lease_until=at + settings.LEASE, worker="box/one")
    attempt.refresh_from_db()
    return attempt


def status() -> str:
    return Job.objects.get().status


# The lease was renewed 14 s before the sleep, so that it ends even in the shortest.
@pytest.mark.parametrize("jump", [timedelta(seconds=17), timedelta(minutes=1), HOUR, 8 * HOUR])
def test_a_machine_that_slept_loses_no_worker_that_was_alive(taken, jump):
    Attempt.objects.update(lease_until=taken.lease_until - timedelta(seconds=14))

    sweep.sweep_if_due(now() + jump)

    taken.refresh_from_db()
    assert taken.is_open
    assert taken.lease_until > now() + jump


def test_a_worker_that_did_not_wake_loses_its_lease_after_one_more(taken):
    wake = now() + HOUR
    sweep.sweep_if_due(wake)

    for seconds in (11, 22):
        sweep.sweep_if_due(wake + timedelta(seconds=seconds))
        assert status() == Job.Status.PROCESSING
    sweep.sweep_if_due(wake + timedelta(seconds=33))
    assert Attempt.objects.get(number=1).outcome == Attempt.Outcome.LOST


def test_the_deadline_and_the_links_get_the_time_back(taken):
    deadline, expiry = taken.deadline, taken.tokens().first().expires_at

    sweep.sweep_if_due(now() + 8 * HOUR)

    taken.refresh_from_db()
    assert taken.deadline - deadline >= 8 * HOUR - timedelta(seconds=5)
    assert taken.tokens().first().expires_at - expiry >= 8 * HOUR - timedelta(seconds=5)


def test_sweeps_go_on_when_the_clock_was_set_back(taken):
    back = now() - HOUR

    assert sweep.sweep_if_due(back) is not None
    assert sweep.sweep_if_due(back + timedelta(seconds=1)) is None


def test_a_dead_workers_lease_does_not_last_an_hour_when_the_clock_was_set_back(taken):
    back = now() - HOUR
    sweep.sweep_if_due(back)

    for seconds in (12, 24, 36):
        sweep.sweep_if_due(back + timedelta(seconds=seconds))

    assert Attempt.objects.get(number=1).outcome == Attempt.Outcome.LOST


def test_a_queued_job_is_found_again_when_the_clock_was_set_back(job, provider):
    sweep.sweep_if_due(now())
    back = now() - HOUR
    sweep.sweep_if_due(back)

    found = [sweep.sweep_if_due(back + timedelta(seconds=s))["requeued"] for s in (12, 24, 36)]

    assert sum(found) == 1


def test_a_sign_of_life_from_before_the_clock_was_set_back_proves_nothing(db):
    Heartbeat.beat("queue:dispatch", now())

    assert not Heartbeat.is_fresh("queue:dispatch", now() - HOUR, timedelta(seconds=30))


def test_a_late_sweep_is_no_jump(taken):
    lease = taken.lease_until

    sweep.sweep_if_due(now() + timedelta(seconds=14))

    taken.refresh_from_db()
    assert taken.lease_until == lease
