"""Hand a job to whoever computes, and call it back. Run by the queue; each may run twice, late, or never."""

from __future__ import annotations

import logging
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from jobs import outcomes
from jobs.compute import ProviderError, Report, State, provider_of
from jobs.errors import IllegalMove
from jobs.models import Attempt, Job

log = logging.getLogger(__name__)


def dispatch(job_pk: UUID) -> None:
    """Take a queued job, open an attempt at it, and send that."""
    job = Job.objects.with_parts().get(pk=job_pk)
    if job.due_at:
        return  # Sent, and put off, since this was queued: the sweep queues it when it is due.
    try:
        with transaction.atomic():
            job.move(Job.Status.PROCESSING, reason="dispatched")
            attempt = Attempt.objects.begin(job, provider=settings.COMPUTE_PROVIDER, at=now())
    except IllegalMove:
        return  # It was taken, cancelled, or queued twice.
    send(attempt.pk)


def send(attempt_pk: UUID) -> None:
    """Hand an attempt to its provider, once: whoever writes `sending_at` is the one who sends."""
    if Attempt.objects.working().filter(pk=attempt_pk, sending_at=None).update(sending_at=now()) != 1:
        return
    attempt = Attempt.objects.select_related("job").get(pk=attempt_pk)
    try:
        external_id = provider_of(attempt).send(attempt)
    except ProviderError as exc:
        _not_sent(attempt, exc)
        return
    Attempt.objects.filter(pk=attempt.pk).update(external_id=external_id)
    attempt.refresh_from_db()
    if attempt.outcome in Attempt.ENDED_BY_US:  # while it was being sent
        cancel(attempt.pk)


def _not_sent(attempt: Attempt, exc: ProviderError) -> None:
    if exc.maybe_started:
        # It may be running. The sweep waits for a sign of it before anything is sent again.
        attempt.job.events.create(attempt=attempt, reason=f"the answer to the dispatch was lost: {exc}")
        return
    outcomes.apply(
        attempt,
        Report(
            state=State.FAILED,
            cause="dispatch",
            error_code="provider_refused" if not exc.is_transient else "provider_unavailable",
            error_message=str(exc),
            is_transient=exc.is_transient,
        ),
    )


def cancel(attempt_pk: UUID) -> None:
    """Tell the provider to stop; the row has been closed already. What fails here the sweep repeats."""
    attempt = Attempt.objects.select_related("job").get(pk=attempt_pk)
    try:
        is_sure = provider_of(attempt).cancel(attempt)
    except ProviderError as exc:
        log.warning("Could not cancel %s: %s", attempt, exc)
        return
    if is_sure:
        Attempt.objects.unstopped().filter(pk=attempt.pk).update(stopped_at=now())
