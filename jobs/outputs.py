"""Bring a reported result home: fetch it if it is elsewhere, prove it, and only then call the job done."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.timezone import now

from assets import remote, space
from assets.errors import Refusal, StorageFull
from assets.models import Asset
from assets.probe import probe
from assets.receiving import spooled
from assets.uploads import describe, discard, question_about
from jobs.errors import IllegalMove
from jobs.models import Attempt, Job
from jobs.renewal import meanwhile

log = logging.getLogger(__name__)

RENEW_EVERY = timedelta(seconds=5)


def collect(attempt_pk: UUID) -> None:
    """Take the attempt for a while, store and prove its result, and end both it and its job."""
    at = now()
    waiting = Attempt.objects.collectable(at).filter(pk=attempt_pk)
    if waiting.update(collecting_at=at + settings.COLLECT_LEASE, collects=F("collects") + 1) != 1:
        return  # ended, in another process's hands, or gone for too often
    attempt = Attempt.objects.select_related("job", "output", "output__owner").get(pk=attempt_pk)
    try:
        with space.full_disk_refused(), meanwhile(lambda: _renew(attempt, now()), RENEW_EVERY):
            if attempt.collect_url:
                with spooled(remote.fetch(attempt.collect_url)) as keep:
                    keep(attempt.output)
            _prove(attempt.output)
    except StorageFull as refusal:
        _wait_for_room(attempt, refusal)
    except Refusal as refusal:
        _fail(attempt, "bad_output", str(refusal))
    else:
        _accept(attempt)


def _renew(attempt: Attempt, at: datetime) -> None:
    """Say that somebody is at it; a process that dies says so no more, and soon another may try."""
    Attempt.objects.open().filter(pk=attempt.pk).update(collecting_at=at + settings.COLLECT_LEASE)


def _prove(asset: Asset) -> None:
    if not asset.is_available:
        raise remote.NoBytes("The worker says it is finished, but has delivered no result.")
    question = question_about(asset.file.path, Asset.Kind.OUTPUT, "The result")
    try:
        (answer,) = probe([question], timeout=settings.PROBE_TIMEOUT.total_seconds())
        if isinstance(answer, Refusal):
            raise answer
        describe(asset, answer, question)
    finally:
        discard(question.thumbnail)


def _wait_for_room(attempt: Attempt, refusal: StorageFull) -> None:
    """The result is not at fault: the sweep goes for it again, and this time counts for none."""
    log.warning("The result of %s waits: %s", attempt, refusal)
    Attempt.objects.open().filter(pk=attempt.pk).update(collects=F("collects") - 1)


def _accept(attempt: Attempt) -> None:
    output = attempt.output
    with transaction.atomic(), suppress(IllegalMove):
        job = Job.objects.locked(attempt.job_id)
        if not Asset.objects.filter(pk=output.pk, file=output.file.name, deleted_at=None).exists():
            return  # Delivered once more while it was proved: the sweep has that looked at.
        if attempt.close(Attempt.Outcome.COMPLETED, now()) and job.latest_id == attempt.pk:
            job.move(Job.Status.DONE, "the result is here", attempt=attempt, output=output)


def give_up(attempt: Attempt) -> bool:
    """End the job of a result that nobody gets hold of, however often it is tried."""
    sentence = f"The result came, but it could not be taken in ({attempt.collects} tries)."
    return _fail(attempt, "uncollectable", sentence)


def _fail(attempt: Attempt, code: str, sentence: str) -> bool:
    """A result that is none ends the job; say whether it was us."""
    columns: dict[str, Any] = {"error_code": code, "error_message": sentence}
    with transaction.atomic(), suppress(IllegalMove):
        job = Job.objects.locked(attempt.job_id)
        if not attempt.close(Attempt.Outcome.FAILED, now(), **columns):
            return False
        if job.latest_id == attempt.pk:
            job.move(Job.Status.FAILED, sentence, attempt=attempt, **columns)
    return True
