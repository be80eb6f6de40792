"""When the queue counts as alive, and how often it is asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now
from django_q.models import OrmQ

from jobs import heartbeat
from jobs.heartbeat import ASK_EVERY, BEAT_EVERY, QUEUE_BEAT
from jobs.models import Heartbeat

DISPATCH = QUEUE_BEAT["dispatch"]
TASK = {"cluster": "dispatch", "func": "jobs.dispatch.send"}


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT_EVERY", timedelta(seconds=0.05))


def eventually_later(than):
    for _ in range(200):
        if (last := Heartbeat.last(DISPATCH)) and last > than:
            return True
        heartbeat._over.wait(0.02)
    return False


@pytest.mark.django_db
def test_a_queue_that_takes_nothing_is_asked_once(settings):
    at = now()

    for seconds in range(0, 600, 5):
        heartbeat.ask("dispatch", at + timedelta(seconds=seconds))

    assert OrmQ.objects.filter(key="dispatch").count() == 1


@pytest.mark.django_db
def test_a_queue_whose_hung_pusher_took_the_question_is_asked_again():
    at = now()
    heartbeat.ask("dispatch", at)
    OrmQ.objects.update(lock=at + timedelta(minutes=10))

    heartbeat.ask("dispatch", at + ASK_EVERY)

    assert OrmQ.objects.filter(key="dispatch").count() == 2


@pytest.mark.django_db
def test_a_task_that_begins_is_a_sign_of_life():
    heartbeat.task_begins(None, TASK)
    heartbeat.task_ended(None, TASK)

    assert Heartbeat.is_fresh(DISPATCH, now(), BEAT_EVERY)


@pytest.mark.django_db(transaction=True)
def test_a_long_task_gives_signs_of_life_until_it_ends(impatient):
    heartbeat.task_begins(None, TASK)
    began = Heartbeat.last(DISPATCH)

    assert eventually_later(began)

    heartbeat.task_ended(None, TASK)


@pytest.mark.django_db
def test_a_task_of_somebody_elses_queue_is_none_of_ours():
    heartbeat.task_begins(None, {"cluster": "other", "func": "f"})

    assert not Heartbeat.objects.exists()
