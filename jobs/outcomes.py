"""The one judge of what the outside says about an attempt."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now
from django_q.tasks import async_task

from jobs.compute import Report, State
from jobs.errors import IllegalMove
from jobs.models import Attempt, Job, Stage

WORKING_STAGES = [Stage.QUEUED, Stage.PREPROCESSING, Stage.GENERATING, Stage.ENHANCING, Stage.PACKAGING]
OUTCOMES = {
    State.FAILED: Attempt.Outcome.FAILED,
    State.LOST: Attempt.Outcome.LOST,
    State.CANCELLED: Attempt.Outcome.CANCELLED,
}
# Causes that say that a worker is gone, and that is all: the next may have the job now.
AT_ONCE = {"lease", "job-take"}


def apply(attempt: Attempt, report: Report) -> bool:
    """Let a report change the attempt, and its job if the attempt is the newest; say whether it did.

    Every change begins with a guarded UPDATE of the attempt, so that what comes twice, late or
    out of order falls away, and of two processes with the same news one acts.
    """
    at = now()
    if report.state == State.QUEUED:
        return False
    if report.state == State.RUNNING:
        return _note_progress(attempt, report, at)
    if report.state == State.COMPLETED:
        return _collect(attempt, report, at)
    return _end(attempt, report, at)


def _note_progress(attempt: Attempt, report: Report, at: datetime) -> bool:
    attempt.refresh_from_db()
    columns: dict[str, Any] = {"heard_at": at, "started_at": attempt.started_at or at}
    if attempt.lease_until:
        columns["lease_until"] = at + settings.LEASE
    if report.worker:
        columns["worker"] = report.worker[:100]
    if _is_forward(attempt, report):
        columns |= _progress(attempt, report, at)
    return Attempt.objects.working().filter(pk=attempt.pk).update(**columns) == 1


def _is_forward(attempt: Attempt, report: Report) -> bool:
    """Messages may overtake each other; progress never goes back."""
    if report.stage not in WORKING_STAGES:
        return False
    here, there = WORKING_STAGES.index(Stage(attempt.stage)), WORKING_STAGES.index(Stage(report.stage))
    return (there, report.frames_done or 0) >= (here, attempt.frames_done or 0 if here == there else 0)


def _progress(attempt: Attempt, report: Report, at: datetime) -> dict[str, Any]:
    columns: dict[str, Any] = {"stage": report.stage, "percent": report.percent}
    if report.frames_done is not None:
        columns |= {"frames_done": report.frames_done, "frames_total": report.frames_total}
    if report.stage != attempt.stage:
        columns["stage_timings"] = _timings(attempt, report.stage, at)
    # What is done when the frames begin may be another worker's work, of long ago.
    begins = report.stage == Stage.GENERATING != attempt.stage
    if report.percent is not None and (begins or attempt.pace_at is None):
        columns |= {"pace_at": at, "pace_percent": report.percent}
    return columns


def _timings(attempt: Attempt, stage: str, at: datetime) -> dict[str, dict[str, str | None]]:
    """Close the stage that was running and, if one follows, open it."""
    stamp = at.isoformat()
    timings = {
        name: {"start": span["start"], "end": span["end"] or stamp}
        for name, span in attempt.stage_timings.items()
    }
    if stage:
        timings[stage] = {"start": stamp, "end": None}
    return timings


def _collect(attempt: Attempt, report: Report, at: datetime) -> bool:
    """The worker is finished. Believe it once its result is here and has been proved."""
    attempt.refresh_from_db()
    with transaction.atomic():
        taken = Attempt.objects.working().filter(pk=attempt.pk)
        columns = {
            "collecting_at": at,
            "collect_url": report.output_url,
            "heard_at": at,
            "started_at": attempt.started_at or at,
            "metrics": report.metrics,
            "stage": Stage.PACKAGING,
            "percent": 100,
            "stage_timings": _timings(attempt, "", at),
        }
        if taken.update(**columns) != 1:
            return False
        attempt.job.events.create(attempt=attempt, reason=f"result reported ({report.cause})")
        async_task("jobs.outputs.collect", attempt.pk, cluster="outputs", task_name=f"collect-{attempt.pk}")
    return True


def _end(attempt: Attempt, report: Report, at: datetime) -> bool:
    attempt.refresh_from_db()
    with transaction.atomic():
        job = Job.objects.locked(attempt.job_id)
        ended = attempt.close(
            OUTCOMES[report.state],
            at,
            # Once its result is being collected, that alone decides.
            among=Attempt.objects.working(),
            error_code=report.error_code[:40],
            error_message=report.error_message,
            error_detail=report.error_detail,
            stage_timings=_timings(attempt, "", at),
        )
        if not ended:
            return False
        if job.latest_id == attempt.pk:
            with suppress(IllegalMove):  # Its owner cancelled it a moment ago: that stands.
                _move_job(job, attempt, report)
    return True


def _move_job(job: Job, attempt: Attempt, report: Report) -> None:
    reason = f"{report.cause}: {report.error_message}"
    if report.state == State.CANCELLED:
        job.move(Job.Status.CANCELLED, f"{report.cause}: cancelled at the provider", attempt=attempt)
    elif report.is_transient and (tries := job.tries) < settings.MAX_ATTEMPTS:
        is_at_once = report.cause in AT_ONCE
        due_at = None if is_at_once else now() + pause_after(tries)
        job.move(Job.Status.QUEUED, reason, attempt=attempt, due_at=due_at)
        if is_at_once:
            job.queue_dispatch()
    else:
        job.move(
            Job.Status.FAILED,
            reason,
            attempt=attempt,
            error_code=report.error_code[:40],
            error_message=report.error_message,
        )


def pause_after(tries: int) -> timedelta:
    """Trouble that did not pass in a short time is given a longer one."""
    return settings.RETRY_PAUSES[min(tries, len(settings.RETRY_PAUSES)) - 1]
