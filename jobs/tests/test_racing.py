"""Two processes that change one job and its attempt at the same moment, each in a transaction of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import connection

from jobs import outcomes, outputs
from jobs.compute import Report, State
from jobs.models import Attempt, Event, Job

pytestmark = pytest.mark.django_db(transaction=True)

FAILED = Report(state=State.FAILED, cause="callback", error_code="no_face_in_video", error_message="No face.")


def at_once(*acts: Callable[[], object]) -> list[Exception]:
    """Run each in a thread with a connection of its own; return what they raised."""
    raised: list[Exception] = []

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as exc:
            raised.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.fixture
def slow_to_change(monkeypatch) -> None:
    """Whoever has changed one of the two rows waits for the other to have changed one as well."""
    meeting = threading.Barrier(2)
    for model, method in ((Job, "move"), (Attempt, "close")):
        monkeypatch.setattr(model, method, then_meet(getattr(model, method), meeting))


def then_meet(change: Callable, meeting: threading.Barrier) -> Callable:
    def changed(*args, **kwargs):
        result = change(*args, **kwargs)
        with suppress(threading.BrokenBarrierError):  # The other waits for our lock, as it should.
            meeting.wait(0.5)
        return result

    return changed


@pytest.mark.parametrize("end", ["a failure", "a result that is none"])
def test_a_cancellation_and_the_end_of_the_attempt_do_not_wait_for_each_other(attempt, slow_to_change, end):
    job, attempt = Job.objects.get(), Attempt.objects.select_related("output").get()
    acts = {
        "a failure": lambda: outcomes.apply(attempt, FAILED),
        "a result that is none": lambda: outputs._fail(attempt, "bad_output", "It is no video."),
    }

    raised = at_once(acts[end], lambda: job.cancel(reason="enough"))

    status = Job.objects.get().status
    assert {type(exc).__name__ for exc in raised} <= {"NotCancellable"}
    assert status in (Job.Status.FAILED, Job.Status.CANCELLED)
    assert Event.objects.filter(new__in=[Job.Status.FAILED, Job.Status.CANCELLED]).count() == 1
    assert not Attempt.objects.open().exists()
