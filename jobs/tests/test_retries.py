from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now
from django_q.models import OrmQ

from jobs import sweep
from jobs.compute import Report, State
from jobs.dispatch import dispatch
from jobs.models import Attempt, Job
from jobs.outcomes import apply

pytestmark = pytest.mark.django_db
Status = Job.Status


def bad_luck(**kwargs) -> Report:
    said = {"error_code": "fetch_failed", "error_message": "No luck.", "is_transient": True}
    return Report(state=State.FAILED, cause="callback", **(said | kwargs))


def fail(job: Job, send_again, times: int) -> None:
    for _ in range(times):
        apply(send_again(job), bad_luck())
    job.refresh_from_db()


def test_the_pauses_grow_and_the_last_one_stays(job, provider, send_again, settings):
    settings.MAX_ATTEMPTS, settings.RETRY_PAUSES = 5, [timedelta(seconds=s) for s in (10, 60, 300)]
    pauses = []
    for _ in range(4):
        fail(job, send_again, 1)
        pauses.append(round((job.due_at - job.queued_at).total_seconds()))

    assert pauses == [10, 60, 300, 300]


def test_a_job_that_was_put_off_is_sent_when_it_is_due_and_not_before(attempt):
    apply(attempt, bad_luck())
    OrmQ.objects.all().delete()
    at = now()

    assert sweep.reconcile(at + timedelta(seconds=9))["requeued"] == 0
    assert sweep.reconcile(at + timedelta(seconds=11))["requeued"] == 1
    assert sweep.reconcile(at + timedelta(seconds=12))["requeued"] == 0
    assert [row.task["func"] for row in OrmQ.objects.all()] == ["jobs.dispatch.dispatch"]


def test_a_queue_row_that_runs_twice_does_not_cut_the_pause_short(attempt, provider):
    apply(attempt, bad_luck())

    dispatch(attempt.job_id)

    assert len(provider.sent) == 1


def test_a_queue_row_lost_after_the_pause_is_made_up_for(attempt):
    apply(attempt, bad_luck())
    at = now() + timedelta(minutes=1)
    sweep.reconcile(at)
    OrmQ.objects.all().delete()

    assert sweep.reconcile(at + timedelta(seconds=31))["requeued"] == 1


def test_of_two_sweeps_one_queues_a_job_that_is_due(attempt):
    apply(attempt, bad_luck())
    OrmQ.objects.all().delete()
    at = now() + timedelta(minutes=1)
    due, also_due = (list(Job.objects.undispatched(at, at)) for _ in range(2))

    assert (sweep._requeue(due, at), sweep._requeue(also_due, at)) == (1, 0)


def test_a_persons_retry_has_all_the_tries_again_with_a_clean_attempt(job, provider, send_again, settings):
    fail(job, send_again, settings.MAX_ATTEMPTS)
    assert job.status == Status.FAILED

    job.retry(reason="retried by alice")
    fail(job, send_again, settings.MAX_ATTEMPTS - 1)
    assert (job.status, job.tries) == (Status.QUEUED, settings.MAX_ATTEMPTS - 1)
    fail(job, send_again, 1)

    assert job.status == Status.FAILED
    assert job.attempts.count() == 2 * settings.MAX_ATTEMPTS
    assert job.attempts.values("output").distinct().count() == 2 * settings.MAX_ATTEMPTS


def test_a_persons_retry_is_sent_at_once(job, provider, send_again, settings):
    fail(job, send_again, 1)
    job.cancel(reason="cancelled by alice")

    job.retry(reason="retried by alice")
    dispatch(job.pk)

    job.refresh_from_db()
    assert (job.status, job.tries) == (Status.PROCESSING, 1)


def test_a_failure_that_will_not_pass_is_not_tried_again(attempt):
    apply(attempt, bad_luck(error_code="no_face_in_video", is_transient=False))

    assert Job.objects.get().status == Status.FAILED


@pytest.mark.parametrize("cause", ["lease", "job-take"])
def test_a_lost_workers_job_is_sent_at_once(attempt, cause):
    OrmQ.objects.all().delete()

    apply(attempt, Report(state=State.LOST, cause=cause, is_transient=True))

    assert Job.objects.get().due_at is None
    assert OrmQ.objects.get().task["func"] == "jobs.dispatch.dispatch"


def test_what_an_attempt_that_failed_had_delivered_goes(attempt, clip_bytes):
    from jobs.tests.test_outputs import deliver

    deliver(attempt, clip_bytes)
    file = attempt.output.file

    apply(attempt, bad_luck())

    assert not file.storage.exists(file.name)
    assert Attempt.objects.get().output.deleted_at
