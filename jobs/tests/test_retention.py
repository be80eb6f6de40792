"""What goes after its time, what stays, and that two at once do it once."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from django.utils.timezone import now
from django_q.models import Task

from assets.models import Asset
from jobs import outcomes, outputs, retention
from jobs.compute import Report, State
from jobs.errors import NotRetryable
from jobs.idempotency import IdempotencyKey
from jobs.models import Job
from jobs.sweep import sweep_if_due
from jobs.tests.test_outputs import deliver

pytestmark = pytest.mark.django_db
DAYS = 30
LATER = timedelta(days=DAYS, hours=1)


@pytest.fixture(autouse=True)
def month(settings):
    settings.RETENTION_DAYS = dict.fromkeys(("video", "image", "audio", "output"), DAYS)


@pytest.fixture
def done_job(attempt, clip_bytes) -> Job:
    deliver(attempt, clip_bytes)
    outcomes.apply(attempt, Report(state=State.COMPLETED, cause="callback"))
    outputs.collect(attempt.pk)
    return Job.objects.with_parts().get()


def files_of(job: Job) -> list[Path]:
    return [Path(asset.file.path) for asset in (job.reference_video, job.source_image, job.output)]


def test_the_files_of_a_job_long_ended_go_and_their_rows_say_when(done_job):
    files, at = files_of(done_job), now() + LATER

    found = retention.clear(at)

    assert (found["video_files"], found["image_files"], found["output_files"]) == (1, 1, 1)
    assert not any(path.exists() for path in files)
    job = Job.objects.with_parts().get()
    assert (job.output.deleted_at, job.output.kept_days) == (at, DAYS)
    assert job.output.epitaph == f"'{job.pk}.mp4' was deleted on {at:%Y-%m-%d}, after {DAYS} days."


def test_the_answer_for_a_result_past_its_time_says_so(done_job, api):
    at = now() + LATER
    retention.clear(at)

    answer = api.get(f"/v1/jobs/{done_job.pk}/output")
    job = api.get(f"/v1/jobs/{done_job.pk}").json()

    assert answer.status_code == 404
    assert f"deleted on {at:%Y-%m-%d}, after 30 days" in answer.json()["detail"]
    assert job["status"] == "done"
    assert job["output_url"] is None
    assert job["input_config"]["source_image"]["deleted_at"] is not None


def test_the_page_of_the_job_says_so(done_job, page):
    at = now() + LATER
    retention.clear(at)

    html = page.get(done_job.get_absolute_url()).content.decode()

    assert f"The result has been deleted on {at.day} {at:%B %Y}, after 30 days." in html
    assert "The result was deleted after 30 days" in html  # among what happened


def test_nothing_goes_before_its_time(done_job):
    found = retention.clear(now() + timedelta(days=DAYS - 1))

    assert not any(found.values())


def test_without_a_limit_everything_stays(done_job, settings):
    settings.RETENTION_DAYS = dict.fromkeys(settings.RETENTION_DAYS, 0)

    retention.clear(now() + timedelta(days=9999))

    assert all(path.exists() for path in files_of(done_job))


def test_each_kind_has_its_own_time(done_job, settings):
    settings.RETENTION_DAYS = {"video": 0, "image": 1, "audio": 0, "output": 0}
    clip, photo, result = files_of(done_job)

    retention.clear(now() + timedelta(days=2))

    assert [path.exists() for path in (clip, photo, result)] == [True, False, True]


def test_an_open_job_keeps_its_files(attempt):
    retention.clear(now() + timedelta(days=9999))

    assert attempt.job.reference_video.is_available


def test_a_file_that_another_job_still_needs_stays(done_job, alice):
    Job.objects.submit(
        owner=alice,
        consent="yes",
        consent_via="a test",
        mode="video_swap",
        reference_video=done_job.reference_video,
        source_image=done_job.source_image,
    )
    clip, photo, result = files_of(done_job)

    retention.clear(now() + LATER)

    assert [path.exists() for path in (clip, photo, result)] == [True, True, False]


def test_a_job_retried_a_moment_before_keeps_its_files(failed_job):
    at = now() + LATER
    found = failed_job.pk, failed_job.reference_video.pk  # the sweep has read this, and then:
    failed_job.retry("by a person")

    assert not retention.expire_file(*found, at, DAYS)
    assert Asset.objects.get(pk=found[1]).is_available


def test_a_job_whose_files_went_a_moment_before_cannot_be_retried(failed_job):
    stale = Job.objects.with_parts().get()  # a page has read this, and then:
    retention.clear(now() + LATER)

    with pytest.raises(NotRetryable, match="deleted"):
        stale.retry("by a person")


@pytest.mark.django_db(transaction=True)
def test_two_at_once_delete_a_file_once(done_job):
    at, start, found = now() + LATER, threading.Barrier(2), []

    def clear() -> None:
        start.wait()
        found.append(retention.clear(at))
        connection.close()

    threads = [threading.Thread(target=clear) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(each["output_files"] for each in found) == 1
    assert done_job.events.filter(reason__contains="(retention)").count() == 3


def test_an_input_that_no_job_ever_used_goes(stored_asset):
    path = Path(stored_asset.file.path)

    assert retention.clear(now() + timedelta(hours=23))["unused_inputs"] == 0
    assert retention.clear(now() + timedelta(hours=25))["unused_inputs"] == 1
    assert not path.exists()
    assert not Asset.objects.exists()


def test_the_inputs_of_a_job_are_used(job):
    assert retention.clear(now() + timedelta(days=9999))["unused_inputs"] == 0


def test_old_answers_go(alice):
    at = now()
    IdempotencyKey.objects.claim(owner=alice, value="of a request that was killed", at=at)
    answered = IdempotencyKey.objects.claim(owner=alice, value="answered", at=at)
    answered.answer(fingerprint="", status=202, body={}, location="")

    assert retention.clear(at + timedelta(hours=25))["idempotency_keys"] == 0
    assert retention.clear(at + timedelta(hours=49))["idempotency_keys"] == 2


def test_finished_queue_rows_go(settings):
    for hours in (1, 24 * 8):
        stopped = now() - timedelta(hours=hours)
        Task.objects.create(
            id=uuid4().hex, name="done", func="f", started=stopped, stopped=stopped, success=False
        )

    assert retention.clear(now())["queue_rows"] == 1
    assert Task.objects.count() == 1


def test_the_sweep_does_all_this_every_ten_minutes(done_job, caplog):
    at = now() + LATER
    caplog.set_level("INFO", "jobs.sweep")

    found = sweep_if_due(at)
    again = sweep_if_due(at + timedelta(minutes=9))

    assert found["output_files"] == 1
    assert "1 output_files" in caplog.text
    assert "output_files" not in again
