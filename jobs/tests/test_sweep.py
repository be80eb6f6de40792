from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils.timezone import now
from django_q.models import OrmQ

from jobs import dispatch, sweep
from jobs.compute import ProviderError, Report, State
from jobs.models import Attempt, Heartbeat, Job

pytestmark = pytest.mark.django_db
Status = Job.Status


def later(**kwargs):
    return now() + timedelta(**kwargs)


def tasks() -> list[str]:
    return [row.task["func"] for row in OrmQ.objects.all()]


def test_nothing_is_found_where_all_is_well(attempt):
    found = sweep.reconcile(now())

    assert found.pop("polled") == 1
    assert not any(found.values())


def test_a_queued_job_that_nobody_took_is_queued_again_once_in_a_while(job, provider):
    OrmQ.objects.all().delete()  # its queue row was lost

    counts = [
        sweep.reconcile(at)["requeued"]
        for at in (now(), later(seconds=31), later(seconds=41), later(seconds=70))
    ]

    assert counts == [0, 1, 0, 1]


def test_an_attempt_whose_sender_died_is_sent(job, provider):
    job.move(Status.PROCESSING)
    Attempt.objects.begin(job, provider=settings.COMPUTE_PROVIDER, at=now())

    assert sweep.reconcile(later(seconds=31))["resent"] == 1
    assert "jobs.dispatch.send" in tasks()


def test_a_send_without_an_answer_waits_for_the_grace_and_is_then_tried_again(attempt):
    Attempt.objects.update(external_id="", heard_at=None)

    assert sweep.reconcile(later(minutes=9))["unanswered"] == 0
    assert sweep.reconcile(later(minutes=11))["unanswered"] == 1

    assert Job.objects.get().status == Status.QUEUED


def test_a_send_without_an_answer_whose_input_was_fetched_is_running(attempt):
    Attempt.objects.update(external_id="", heard_at=None)
    attempt.tokens().update(redeemed_at=now())

    assert sweep.reconcile(later(minutes=11))["unanswered"] == 0


def test_an_attempt_that_waits_for_a_worker_to_call_is_never_in_doubt(attempt):
    Attempt.objects.update(external_id="", heard_at=None, provider="runpod_bridge.pool.PoolProvider")

    assert sweep.reconcile(later(hours=1))["unanswered"] == 0


def test_a_worker_that_falls_silent_loses_its_lease_and_the_job_is_tried_again_at_once(attempt):
    OrmQ.objects.all().delete()
    Attempt.objects.update(lease_until=later(seconds=30))

    assert sweep.reconcile(later(seconds=29))["lapsed"] == 0
    assert sweep.reconcile(later(seconds=31))["lapsed"] == 1

    attempt.refresh_from_db()
    assert attempt.outcome == Attempt.Outcome.LOST
    assert Job.objects.get().status == Status.QUEUED
    assert "jobs.dispatch.dispatch" in tasks()


def test_work_past_its_deadline_fails_and_is_called_back(attempt):
    assert sweep.reconcile(attempt.deadline + timedelta(seconds=1))["overdue"] == 1

    assert Job.objects.get().error_code == "timed_out"
    assert "jobs.dispatch.cancel" in tasks()


def test_a_result_that_nobody_collects_is_collected(attempt):
    Attempt.objects.update(collecting_at=now())

    assert sweep.reconcile(later(seconds=31))["collecting"] == 1
    assert "jobs.outputs.collect" in tasks()


def test_one_poll_is_queued_per_job_in_ten_seconds(attempt):
    at = now()

    assert [attempt.request_poll(at + timedelta(seconds=s)) for s in (0, 5, 9, 11)] == [
        True,
        False,
        False,
        True,
    ]


def test_a_poll_lets_the_judge_hear_the_answer(attempt, provider):
    provider.reports = [
        Report(state=State.FAILED, cause="poll", error_code="boom", error_message="It broke.")
    ]

    sweep.poll(attempt.pk)

    assert Job.objects.get().error_message == "It broke."


def test_of_two_sweeps_at_once_one_does_the_round(provider):
    at = now()

    assert sweep.sweep_if_due(at) is not None
    assert sweep.sweep_if_due(at) is None
    assert sweep.sweep_if_due(at + settings.SWEEP_EVERY) is not None


def test_temp_files_that_nobody_owns_are_cleared(tmp_path, settings, provider):
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    (tmp_path / "left.part").write_bytes(b"x")

    found = sweep.sweep_if_due(later(hours=2))

    assert found["temp_files"] == 1
    assert not list(tmp_path.iterdir())


def test_health_is_noted_where_the_provider_has_workers(provider):
    sweep.check_health()

    assert Heartbeat.is_fresh("worker", now(), timedelta(seconds=5))


def test_sending_again_by_sweep_and_dispatch_sends_once(job, provider):
    dispatch.dispatch(job.pk)

    dispatch.send(job.attempts.get().pk)

    assert len(provider.sent) == 1


# --- Telling a provider to stop


@pytest.fixture
def cancelled(attempt, provider) -> Attempt:
    """Cancelled here, while the provider is away."""
    attempt.job.cancel(reason="enough")
    provider.refusal = ProviderError("Runpod does not answer.")
    dispatch.cancel(attempt.pk)
    OrmQ.objects.all().delete()
    return attempt


def test_a_cancellation_that_the_provider_did_not_hear_is_repeated_until_it_does(cancelled, provider):
    assert sweep.reconcile(later(seconds=11))["untold"] == 1
    assert "jobs.dispatch.cancel" in tasks()

    provider.refusal = None
    dispatch.cancel(cancelled.pk)

    assert sweep.reconcile(later(seconds=22))["untold"] == 0


def test_a_cancellation_is_repeated_every_ten_seconds_at_most_and_for_an_hour(cancelled):
    counts = [sweep.reconcile(later(seconds=s))["untold"] for s in (11, 12, 25, 3590, 3610)]

    assert counts == [1, 0, 1, 1, 0]


def test_of_two_sweeps_one_repeats_a_cancellation(cancelled):
    first, second = (Attempt.objects.get() for _ in range(2))
    at = later(seconds=11)

    assert (first.request_cancel(at), second.request_cancel(at)) == (True, False)


def test_an_attempt_given_up_while_it_was_being_sent_is_called_back(job, provider, monkeypatch):
    def send(self, attempt):
        sweep.reconcile(later(minutes=11))  # the send took longer than anybody waits for it
        return "fake-1"

    monkeypatch.setattr(provider, "send", send)

    dispatch.dispatch(job.pk)

    assert provider.cancelled == [job.attempts.get().pk]


def test_what_the_sweep_did_stands_in_the_history_once_however_often_it_did_it(attempt):
    Attempt.objects.update(collecting_at=now())

    for seconds in (31, 41, 51):
        sweep.reconcile(later(seconds=seconds))

    reasons = list(Job.objects.get().events.values_list("reason", flat=True))
    assert reasons.count("collect queued again by the sweep") == 1
