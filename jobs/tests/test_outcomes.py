from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now
from django_q.models import OrmQ

from jobs import outcomes
from jobs.compute import Report, State
from jobs.models import Attempt, Event, Job, Stage

pytestmark = pytest.mark.django_db
Status = Job.Status


def progress(stage: str = "generating", done: int = 10, total: int = 100) -> Report:
    return Report(
        state=State.RUNNING,
        cause="callback",
        stage=stage,
        percent=100 * done / total,
        frames_done=done,
        frames_total=total,
    )


def failure(**kwargs) -> Report:
    said = {"error_code": "no_face_in_video", "error_message": "There is no face in the video."}
    return Report(state=State.FAILED, cause="callback", **(said | kwargs))


COMPLETED = Report(state=State.COMPLETED, cause="callback")


def test_progress_is_shown(attempt):
    outcomes.apply(attempt, progress(done=10))

    job = Job.objects.select_related("latest").get()
    assert (job.stage, job.latest.percent, job.latest.frames_done) == (Stage.GENERATING, 10, 10)


@pytest.mark.parametrize(
    "late", [progress(done=5), progress(stage="preprocessing", done=99), progress(stage="done")]
)
def test_progress_never_goes_back(attempt, late):
    outcomes.apply(attempt, progress(done=10))

    outcomes.apply(attempt, late)

    attempt.refresh_from_db()
    assert (attempt.stage, attempt.frames_done) == (Stage.GENERATING, 10)


def test_progress_writes_no_events(attempt):
    before = Event.objects.count()

    for done in range(10):
        outcomes.apply(attempt, progress(done=done))

    assert Event.objects.count() == before


def test_stages_are_timed_in_order(attempt):
    for stage in ("preprocessing", "generating", "packaging"):
        outcomes.apply(attempt, progress(stage=stage, done=1))
    outcomes.apply(attempt, COMPLETED)

    timings = Job.objects.select_related("latest").get().stage_timings
    assert list(timings) == ["preprocessing", "generating", "packaging"]
    assert all(span["end"] for span in timings.values())


def test_the_time_left_is_told_by_the_pace_of_this_worker_alone(attempt):
    outcomes.apply(attempt, progress(stage="preprocessing", done=0))
    outcomes.apply(attempt, progress(done=50))  # it goes on where a killed one was

    attempt.refresh_from_db()
    assert attempt.eta_seconds(attempt.pace_at + timedelta(seconds=20)) is None

    outcomes.apply(attempt, progress(done=60))

    attempt.refresh_from_db()
    assert attempt.eta_seconds(attempt.pace_at + timedelta(seconds=20)) == 80


def test_the_time_left_goes_on_by_the_same_pace_when_the_frames_are_done(attempt):
    for stage, done in (("generating", 5), ("packaging", 95)):
        outcomes.apply(attempt, progress(stage=stage, done=done))

    attempt.refresh_from_db()
    assert attempt.eta_seconds(attempt.pace_at + timedelta(seconds=90)) == 5


def test_a_failure_reaches_the_person_as_a_sentence(attempt):
    outcomes.apply(attempt, failure(error_detail="Traceback …"))

    job = Job.objects.get()
    assert (job.status, job.error_code) == (Status.FAILED, "no_face_in_video")
    assert job.error_message == "There is no face in the video."
    assert "Traceback" not in job.error_message


def test_the_same_failure_twice_moves_the_job_once(attempt):
    assert outcomes.apply(attempt, failure())
    events = Event.objects.count()

    assert not outcomes.apply(attempt, failure())

    assert Event.objects.count() == events


def test_a_transient_failure_is_tried_again_by_itself_up_to_the_limit(job, provider, settings, send_again):
    for _ in range(settings.MAX_ATTEMPTS):
        outcomes.apply(send_again(job), failure(is_transient=True))

    job.refresh_from_db()
    assert job.status == Status.FAILED
    assert job.attempts.count() == settings.MAX_ATTEMPTS


@pytest.mark.parametrize("report", [progress(), failure(), COMPLETED])
def test_a_superseded_attempt_no_longer_speaks_for_the_job(attempt, report, send_again):
    outcomes.apply(attempt, failure(is_transient=True))
    send_again(attempt.job)

    outcomes.apply(attempt, report)

    job = Job.objects.select_related("latest").get()
    assert (job.status, job.latest.number, job.latest.stage) == (Status.PROCESSING, 2, Stage.QUEUED)


def test_a_result_after_the_cancellation_is_dropped(attempt):
    Job.objects.get().cancel(reason="enough")

    assert not outcomes.apply(attempt, COMPLETED)

    assert Job.objects.get().status == Status.CANCELLED


def test_a_failure_after_the_result_changes_nothing(attempt):
    outcomes.apply(attempt, COMPLETED)

    outcomes.apply(attempt, progress(done=50))

    attempt.refresh_from_db()
    assert attempt.stage == Stage.PACKAGING
    assert attempt.percent == 100


def test_progress_read_before_the_end_and_judged_after_it_changes_nothing(attempt):
    late = Attempt.objects.get()
    outcomes.apply(attempt, COMPLETED)
    before = Attempt.objects.values().get()

    assert not outcomes.apply(late, progress(stage="packaging", done=100))

    assert Attempt.objects.values().get() == before


@pytest.mark.parametrize("state", [State.FAILED, State.LOST, State.CANCELLED])
def test_once_a_result_is_being_collected_that_alone_decides(attempt, state):
    outcomes.apply(attempt, COMPLETED)

    assert not outcomes.apply(attempt, Report(state=state, cause="poll"))

    attempt.refresh_from_db()
    assert attempt.is_open


def test_a_reported_result_is_collected_by_the_outputs_cluster_once(attempt):
    before = OrmQ.objects.filter(key="outputs").count()

    outcomes.apply(attempt, COMPLETED)
    outcomes.apply(attempt, COMPLETED)

    assert OrmQ.objects.filter(key="outputs").count() == before + 1
    assert Job.objects.get().status == Status.PROCESSING  # done only when the result is proved


def test_every_end_revokes_the_tokens(attempt):
    outcomes.apply(attempt, failure())

    assert not attempt.tokens().live(now()).exists()


def test_cancelled_at_the_provider_is_cancelled_here(attempt):
    outcomes.apply(attempt, Report(state=State.CANCELLED, cause="poll"))

    assert Job.objects.get().status == Status.CANCELLED
