"""Bring a reported result home: fetch it if it is elsewhere, prove it, and only then call the job done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from assets import remote
from assets.errors import Refusal
from assets.models import Asset
from assets.probe import probe
from assets.receiving import spooled
from assets.uploads import describe, discard, question_about
from jobs.errors import IllegalMove
from jobs.heartbeat import QUEUE_BEAT
from jobs.models import Attempt, Heartbeat, Job

RENEW_EVERY = timedelta(seconds=10)


def collect(attempt_pk: UUID) -> None:
    """Take the attempt for a while, store and prove its result, and end both it and its job."""
    at = now()
    waiting = Attempt.objects.open().filter(pk=attempt_pk, collecting_at__lte=at)
    if waiting.update(collecting_at=at + settings.COLLECT_LEASE) != 1:
        return  # ended, or in another process's hands
    attempt = Attempt.objects.select_related("job", "output", "output__owner").get(pk=attempt_pk)
    try:
        if attempt.collect_url:
            with spooled(_renewing(attempt, remote.fetch(attempt.collect_url))) as keep:
                keep(attempt.output)
        _prove(attempt.output)
    except Refusal as refusal:
        _reject(attempt, refusal)
    else:
        _accept(attempt)


def _renewing(attempt: Attempt, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Say now and then, while bytes come, that somebody is at it."""
    renewed = now()
    for chunk in chunks:
        if now() - renewed > RENEW_EVERY:
            renewed = now()
            Attempt.objects.open().filter(pk=attempt.pk).update(
                collecting_at=renewed + settings.COLLECT_LEASE
            )
            Heartbeat.beat(QUEUE_BEAT["outputs"], renewed)
        yield chunk


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


def _accept(attempt: Attempt) -> None:
    job = Job.objects.get(pk=attempt.job_id)
    with transaction.atomic(), suppress(IllegalMove):
        if attempt.close(Attempt.Outcome.COMPLETED, now()) and job.latest_id == attempt.pk:
            job.move(Job.Status.DONE, "the result is here", attempt=attempt, output=attempt.output)


def _reject(attempt: Attempt, refusal: Refusal) -> None:
    """A result that is none ends the job; what was stored of it goes."""
    job, at = Job.objects.get(pk=attempt.job_id), now()
    sentence = str(refusal)
    with transaction.atomic(), suppress(IllegalMove):
        columns: dict[str, Any] = {"error_code": "bad_output", "error_message": sentence}
        if attempt.close(Attempt.Outcome.FAILED, at, **columns) and job.latest_id == attempt.pk:
            job.move(Job.Status.FAILED, sentence, attempt=attempt, **columns)
    attempt.output.erase(at)
