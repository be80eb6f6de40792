"""How several jobs stand as one: what share of the work is done, and how long the rest may take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.models import Job
from jobs.templatetags.wording import took


@dataclass(frozen=True, kw_only=True)
class Progress:
    """`percent`: the mean of all jobs, one that has ended counting whole. `seconds_left`: None if unknown."""

    total: int
    open: int
    done: int
    failed: int
    cancelled: int
    percent: float
    seconds_left: float | None


def progress_of(jobs: Sequence[Job], at: datetime) -> Progress:
    count = {status: sum(job.status == status for job in jobs) for status in Job.Status}
    return Progress(
        total=len(jobs),
        open=sum(job.is_open for job in jobs),
        done=count[Job.Status.DONE],
        failed=count[Job.Status.FAILED],
        cancelled=count[Job.Status.CANCELLED],
        percent=100 * sum(map(share_made, jobs)) / max(len(jobs), 1),
        seconds_left=seconds_left(jobs, at),
    )


def share_made(job: Job) -> float:
    """0..1. A waiting job keeps no share: what an attempt before had made is made anew."""
    if not job.is_open:
        return 1.0
    if job.status != Job.Status.PROCESSING or job.latest is None:
        return 0.0
    return (job.latest.percent or 0) / 100


def seconds_left(jobs: Sequence[Job], at: datetime) -> float | None:
    """What is left of the clips, at the pace of those made so far, by as many workers as are at them now."""
    waiting = [job for job in jobs if job.is_open]
    seen = pace(jobs, at)
    if not waiting or seen is None:
        return None
    rest = sum(length(job) * (1 - share_made(job)) for job in waiting)
    return rest * seen / max(1, sum(work_began(job) is not None for job in waiting))


def pace(jobs: Sequence[Job], at: datetime) -> float | None:
    """Seconds of work for a second of clip: of the jobs that are done or, while none is, of those begun."""
    done = [(job, seconds) for job in jobs if job.status == Job.Status.DONE and (seconds := took(job))]
    if done:
        return sum(seconds for _, seconds in done) / sum(length(job) for job, _ in done)
    begun = [(job, started) for job in jobs if share_made(job) > 0 and (started := work_began(job))]
    if not begun:
        return None
    spent = sum((at - started).total_seconds() for _, started in begun)
    return spent / sum(length(job) * share_made(job) for job, _ in begun)


def work_began(job: Job) -> datetime | None:
    """When a worker took the job that it is at now."""
    return job.latest.started_at if job.status == Job.Status.PROCESSING and job.latest else None


def length(job: Job) -> float:
    return (job.reference_video and job.reference_video.seconds) or 1.0
