from __future__ import annotations

import pytest
from django.db import transaction
from django_q.models import OrmQ

from jobs.errors import IllegalMove, NotRetryable
from jobs.models import Event, Job

pytestmark = pytest.mark.django_db
Status = Job.Status


@pytest.mark.parametrize("to", Status)
def test_a_job_that_is_done_stays_done(job, to):
    Job.objects.update(status=Status.DONE)
    job.refresh_from_db()

    with pytest.raises(IllegalMove):
        job.move(to)


def test_the_second_of_two_racing_processes_loses(job):
    callback, sweep = Job.objects.get(), Job.objects.get()  # both read "queued"
    callback.move(Status.PROCESSING)

    with pytest.raises(IllegalMove, match="is processing and cannot become failed"):
        sweep.move(Status.FAILED)

    event = Event.objects.last()  # the winner's; the loser left no trace
    assert (event.old, event.new) == (Status.QUEUED, Status.PROCESSING)


def test_a_move_that_is_rolled_back_leaves_no_event(job):
    before = Event.objects.count()

    with transaction.atomic():
        job.move(Status.PROCESSING)
        transaction.set_rollback(True)

    assert Event.objects.count() == before
    assert Job.objects.get().status == Status.QUEUED


def test_a_job_and_its_dispatch_commit_together_or_not_at_all(job):
    waiting = OrmQ.objects.count()

    with transaction.atomic():
        Job.objects.submit(
            owner=job.owner,
            consent="yes",
            consent_via="test",
            mode=job.mode,
            source_image=job.source_image,
            reference_video=job.reference_video,
        )
        assert OrmQ.objects.count() == waiting + 1
        transaction.set_rollback(True)

    assert OrmQ.objects.count() == waiting
    assert Job.objects.count() == 1


def test_a_failed_job_can_be_tried_again_and_is_queued(failed_job):
    waiting = OrmQ.objects.count()

    failed_job.retry(reason="once more")

    job = Job.objects.get()
    assert (job.status, job.error_code, job.finished_at) == (Status.QUEUED, "", None)
    assert OrmQ.objects.count() == waiting + 1


def test_an_open_job_cannot_be_retried(job):
    with pytest.raises(NotRetryable, match="is queued"):
        job.retry(reason="impatience")


def test_a_job_whose_video_is_gone_cannot_be_retried(failed_job):
    failed_job.reference_video.erase(failed_job.created_at)

    with pytest.raises(NotRetryable, match="has been deleted"):
        failed_job.retry(reason="too late")
