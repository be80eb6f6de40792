"""When a queue counts as hung. The clock is the test's own; the child is a real process."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import psutil
import pytest
from django.utils.timezone import now

from faceswap_site.children import Child, Program
from faceswap_site.timekeeper import FIRST_SIGN, SILENCE, Timekeeper
from faceswap_site.undertaker import Undertaker
from jobs.heartbeat import QUEUE_BEAT
from jobs.models import Heartbeat

pytestmark = pytest.mark.django_db
SOON = timedelta(seconds=1)


@pytest.fixture
def queue(tmp_path):
    undertaker = Undertaker()
    child = Child(Program(name="dispatch", command=["sleep", "60"]), undertaker, folder=tmp_path)
    child.start(now())
    yield child
    child.bury()
    undertaker.dismiss()


@pytest.fixture
def timekeeper(queue):
    return Timekeeper({"dispatch": queue})


def was_killed(child: Child) -> bool:
    return child.process.wait(5) == -signal.SIGKILL


def test_a_queue_that_never_gave_a_sign_of_life_is_killed(timekeeper, queue):
    timekeeper.end_the_silent(queue.started_at + FIRST_SIGN + SOON)

    assert was_killed(queue)


def test_a_queue_that_has_fallen_silent_is_killed_sooner(timekeeper, queue):
    Heartbeat.beat(QUEUE_BEAT["dispatch"], queue.started_at + SOON)

    timekeeper.end_the_silent(queue.started_at + 2 * SOON + SILENCE)

    assert was_killed(queue)


def test_a_queue_that_has_just_been_started_is_given_time(timekeeper, queue):
    Heartbeat.beat(QUEUE_BEAT["dispatch"], queue.started_at - timedelta(hours=1))  # its predecessor's

    timekeeper.end_the_silent(queue.started_at + FIRST_SIGN - SOON)

    assert queue.is_running


def test_a_queue_that_gives_signs_of_life_is_left_alone(timekeeper, queue):
    at = queue.started_at + timedelta(hours=1)
    Heartbeat.beat(QUEUE_BEAT["dispatch"], at - SILENCE + SOON)

    timekeeper.end_the_silent(at)

    assert queue.is_running


def test_a_machine_that_slept_gives_its_queue_time_to_wake(timekeeper, queue, monkeypatch):
    monkeypatch.setattr(timekeeper, "_try", lambda act, at: act(at))  # leaves the connection open
    timekeeper.round(queue.started_at)

    timekeeper.round(queue.started_at + timedelta(hours=8))

    assert queue.is_running


def test_a_failing_round_is_not_the_last(timekeeper, queue, monkeypatch, caplog):
    def fails(at):
        raise OSError("the disk is full")

    monkeypatch.setattr("faceswap_site.timekeeper.sweep_if_due", fails)
    monkeypatch.setattr("faceswap_site.timekeeper.close_old_connections", lambda: None)
    monkeypatch.setattr("faceswap_site.timekeeper.connection", Unclosed())

    timekeeper.round(queue.started_at)

    assert "the disk is full" in caplog.text
    assert Heartbeat.objects.filter(name="asked:dispatch").exists()


class Unclosed:
    """Stands for the thread's own connection, which in a test is everybody's."""

    def close(self) -> None:
        pass


@pytest.mark.slow
def test_a_queue_that_hangs_is_replaced_within_a_minute(running_service):
    supervisor = psutil.Process(running_service.process.pid)
    hung = next(
        child
        for child in supervisor.children()
        if "qcluster" in child.cmdline() and child.environ()["Q_CLUSTER_NAME"] == "dispatch"
    )

    for process in (*hung.children(recursive=True), hung):
        os.kill(process.pid, signal.SIGSTOP)

    hung.wait(60)
    running_service.wait_until_ready(30)
