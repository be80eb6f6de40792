"""Find what was lost, and set it going again. Safe to run twice at once; makes no outward call itself."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now
from django_q.tasks import async_task

import assets.retention
from jobs import clocks, looks, outcomes, outputs, retention
from jobs.compute import ProviderError, Report, State, current_provider, provider_of
from jobs.deletion import delete_files
from jobs.heartbeat import SWEEP_BEAT, WORKER_BEAT
from jobs.models import Attempt, Heartbeat, Job

log = logging.getLogger(__name__)

CLEAR_EVERY = timedelta(minutes=10)
HEALTH_EVERY = timedelta(seconds=60)
ERASED_AT_ONCE = 200  # jobs a sweep


def sweep_if_due(at: datetime) -> dict[str, int] | None:
    """Sweep, unless this or another process did so within the last seconds."""
    last = Heartbeat.last(SWEEP_BEAT)
    if not Heartbeat.take_turn(SWEEP_BEAT, at, settings.SWEEP_EVERY):
        return None
    if last and clocks.has_jumped(last, at):
        count = clocks.mend(last, at)
        log.warning("Nobody kept the time between %s and %s; %d attempts go on.", last, at, count)
    if Heartbeat.take_turn("health", at, HEALTH_EVERY):
        async_task("jobs.sweep.check_health", task_name="health", save=False)
    found = reconcile(at)
    if Heartbeat.take_turn("retention", at, CLEAR_EVERY):
        found |= assets.retention.clear(at) | retention.clear(at)
    if any(found.values()):
        log.info("Sweep: %s", ", ".join(f"{count} {name}" for name, count in found.items() if count))
    return found


def reconcile(at: datetime) -> dict[str, int]:
    """Bring back everything that somebody should be at and nobody is; return how many of each."""
    lost_before = at - settings.DISPATCH_LOST_AFTER
    attempts = Attempt.objects
    return {
        "requeued": _requeue(Job.objects.undispatched(at, lost_before), at),
        "resent": _queue("jobs.dispatch.send", attempts.unsent(lost_before)),
        "unanswered": _give_up_unanswered(attempts.unanswered(at - settings.CLAIM_GRACE)),
        "lapsed": _lose(attempts.lapsed(at), "lease", "worker_lost", "The worker stopped answering."),
        "overdue": _lose(attempts.overdue(at), "deadline", "timed_out", "The work took longer than it may."),
        "uncollectable": sum(map(outputs.give_up, attempts.uncollectable(at, lost_before))),
        "collecting": _queue("jobs.outputs.collect", attempts.collectable(lost_before), cluster="outputs"),
        "untold": sum(attempt.request_cancel(at) for attempt in attempts.untold(at)),
        "unseen": looks.bring_back(at),
        "erased": _erase(Job.objects.to_erase(at)),
        "polled": sum(attempt.request_poll(at) for attempt in attempts.working()),
    }


def _requeue(jobs: QuerySet[Job], at: datetime) -> int:
    requeued = 0
    for job in jobs:
        # Touched, so that the next sweeps leave it alone for as long again.
        here = Job.objects.filter(pk=job.pk, status=job.status, queued_at=job.queued_at, due_at=job.due_at)
        with transaction.atomic():
            if here.update(queued_at=at, due_at=None):
                job.queue_dispatch()
                requeued += 1
                job.note("dispatch queued again by the sweep", job.latest)
    return requeued


def _erase(jobs: QuerySet[Job]) -> int:
    due = list(jobs[:ERASED_AT_ONCE])
    for job in due:
        delete_files(job, reason="deleted for good")
    return len(due)


def _queue(task: str, attempts: QuerySet[Attempt], cluster: str = "dispatch") -> int:
    for attempt in attempts:
        async_task(task, attempt.pk, cluster=cluster)
        attempt.job.note(f"{task.rpartition('.')[2]} queued again by the sweep", attempt)
    return len(attempts)


def _give_up_unanswered(attempts: QuerySet[Attempt]) -> int:
    """Nobody knows whether these were taken. One whose input was fetched is running: its deadline decides.

    With workers that call us nothing was sent, so nothing is in doubt: it waits for one to take it.
    """
    silent = [
        attempt
        for attempt in attempts
        if provider_of(attempt).is_polled and not attempt.tokens().exclude(redeemed_at=None).exists()
    ]
    report = Report(
        state=State.LOST,
        cause="no sign of it",
        error_code="provider_unavailable",
        error_message="The job was sent, but nobody seems to have taken it.",
        is_transient=True,
    )
    return sum(outcomes.apply(attempt, report) for attempt in silent)


def _lose(attempts: QuerySet[Attempt], cause: str, code: str, sentence: str) -> int:
    lost = 0
    for attempt in attempts:
        report = Report(
            state=State.LOST,
            cause=cause,
            error_code=code,
            error_message=sentence,
            is_transient=cause == "lease",
        )
        if outcomes.apply(attempt, report):
            async_task("jobs.dispatch.cancel", attempt.pk, task_name=f"cancel-{attempt.pk}")
            lost += 1
    return lost


def poll(attempt_pk: UUID) -> None:
    """Ask the provider about one attempt and let the judge hear the answer."""
    attempt = Attempt.objects.select_related("job").get(pk=attempt_pk)
    if not attempt.is_open:
        return
    try:
        report = provider_of(attempt).poll(attempt)
    except ProviderError as exc:
        log.warning("Could not poll %s: %s", attempt, exc)
        return  # The next sweep asks again.
    if report is not None:
        outcomes.apply(attempt, report)


def check_health() -> None:
    """Ask the provider who could work, for the readiness page."""
    try:
        health = current_provider().health()
    except ProviderError as exc:
        log.warning("The compute provider does not answer: %s", exc)
        return
    if health.workers:
        Heartbeat.beat(WORKER_BEAT, now())
