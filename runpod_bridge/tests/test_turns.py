from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from jobs.models import Attempt, Job
from jobs.turns import queue_position, queue_positions
from runpod_bridge.pool import PROVIDER
from runpod_bridge.tests.conftest import sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(pool, job):
    """Return a function that makes a job wait: whose, and since how many seconds."""

    def make(owner, *, since: float, preview_seconds: int | None = None) -> Job:
        parts = {"reference_video": job.reference_video, "source_image": job.source_image}
        asked = {"mode": job.mode, "preview_seconds": preview_seconds, **parts}
        made = Job.objects.submit(owner=owner, consent="yes", consent_via="form", **asked)
        attempt = sent(made)
        Attempt.objects.filter(pk=attempt.pk).update(created_at=now() - timedelta(seconds=since))
        return made

    return make


def taken_by(worker) -> Job:
    return Attempt.objects.get(pk=worker.take().json()["id"]).job


def end(job: Job) -> None:
    job.cancel("for the next one")


def test_with_one_worker_two_owners_take_turns(waiting, worker, alice, bob):
    of_alice = [waiting(alice, since=100 - number) for number in range(3)]
    of_bob = [waiting(bob, since=50 - number) for number in range(2)]

    order = []
    for _ in range(5):
        order.append(taken_by(worker))
        end(order[-1])

    assert order == [of_alice[0], of_bob[0], of_alice[1], of_bob[1], of_alice[2]]


def test_whoever_has_fewer_jobs_in_work_goes_first(waiting, worker, alice, bob):
    at_work, second = waiting(bob, since=200), waiting(bob, since=150)
    assert taken_by(worker) == at_work
    first_of_alice = waiting(alice, since=100)
    assert taken_by(worker) == first_of_alice
    end(first_of_alice)  # served last, but with none in work
    third = waiting(alice, since=10)

    assert [taken_by(worker), taken_by(worker)] == [third, second]


def test_of_one_owners_jobs_previews_come_first(waiting, worker, alice, bob):
    waiting(alice, since=100)
    preview = waiting(alice, since=10, preview_seconds=5)

    assert taken_by(worker) == preview


def test_a_preview_does_not_take_another_owners_turn(waiting, worker, alice, bob):
    first, second = waiting(alice, since=100), waiting(alice, since=90)
    preview, other_preview = (waiting(bob, since=since, preview_seconds=5) for since in (10, 9))

    assert [taken_by(worker) for _ in range(4)] == [first, preview, second, other_preview]


def test_the_places_are_those_in_which_jobs_are_taken(waiting, worker, alice, bob):
    jobs = [waiting(alice, since=100 - number) for number in range(4)]
    jobs += [waiting(bob, since=30 - number) for number in range(3)]
    jobs += [waiting(bob, since=5, preview_seconds=3)]
    assert taken_by(worker) == jobs[0]
    places = queue_positions()

    order = [taken_by(worker).pk for _ in range(7)]

    assert places == {pk: place for place, pk in enumerate(order, 1)}


def test_only_who_waits_has_a_place(waiting, worker, alice):
    at_work, next_one, cancelled = (waiting(alice, since=100 - number) for number in range(3))
    taken_by(worker)
    end(cancelled)

    for each in (at_work, next_one, cancelled):
        each.refresh_from_db()

    assert [queue_position(each) for each in (at_work, next_one, cancelled)] == [None, 1, None]


def test_a_queue_that_is_not_ours_has_no_places(waiting, alice, settings):
    one = waiting(alice, since=1)
    settings.COMPUTE_PROVIDER = "runpod_bridge.runpod.RunpodProvider"

    assert queue_position(one) is None


@pytest.mark.parametrize("length", [2, 12])
def test_all_places_take_two_queries(waiting, alice, bob, length):
    for number in range(length):
        waiting((alice, bob)[number % 2], since=number)

    with CaptureQueriesContext(connection) as captured:
        assert len(queue_positions()) == length

    assert len(captured) == 2
    assert Attempt.objects.waiting(PROVIDER).count() == length
