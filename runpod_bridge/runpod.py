"""Compute at Runpod Serverless: an attempt is pushed there, and asked about until its callback has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils.timezone import now
from django.utils.translation import gettext as _

from jobs.attempts import execution_timeout, job_budget
from jobs.compute import Health, ProviderError, Report, State
from jobs.models import Attempt
from runpod_bridge.client import Client, Unknown
from runpod_bridge.payload import payload_for
from runpod_bridge.reports import message_of, progress_message, report_of

CAUSE = "poll"
YOUNG = timedelta(seconds=60)  # So long may a job just queued be unknown to the place that answers.
UP = ("idle", "ready", "running", "initializing")


class RunpodProvider:
    name = "runpod"
    is_polled = True

    @property
    def client(self) -> Client:
        return Client(
            settings.RUNPOD_API_BASE, endpoint=settings.RUNPOD_ENDPOINT_ID, key=settings.RUNPOD_API_KEY
        )

    def send(self, attempt: Attempt) -> str:
        if not settings.PUBLIC_BASE_URL:
            raise ProviderError(
                "PUBLIC_BASE_URL is not set, so a worker at Runpod could not reach this service.",
                is_transient=False,
            )
        payload = payload_for(attempt, settings.PUBLIC_BASE_URL)
        return self.client.run({"input": payload.as_input(), "policy": policy(attempt)})

    def poll(self, attempt: Attempt) -> Report | None:
        if not attempt.external_id:
            return _left_here(attempt)
        try:
            said = self.client.status(attempt.external_id)
        except Unknown as exc:
            return _forgotten(attempt, exc)
        read = READ.get(said.get("status"))
        if read is None:
            return None  # A state that we do not know is not taken for an end.
        if not Attempt.objects.working().filter(pk=attempt.pk).exists():
            return None  # Its callback came meanwhile; what that delivered is not to be replaced.
        return read(attempt, said)

    def cancel(self, attempt: Attempt) -> bool:
        if not attempt.external_id:
            return False  # on its way there, or nobody knows: its next callback will tell it
        self.client.cancel(attempt.external_id)
        return True

    def health(self) -> Health:
        """An endpoint without workers counts as one: Runpod starts it when a job comes. Not if jobs wait."""
        said = self.client.health()
        workers, jobs = _counts(said.get("workers")), _counts(said.get("jobs"))
        up = sum(workers.get(name, 0) for name in UP)
        waiting = jobs.get("inQueue", 0)
        can_start_one = not waiting and not workers.get("unhealthy", 0)
        answer = _("Runpod answers: %(up)d workers are up, %(waiting)d jobs wait.")
        detail = answer % {"up": up, "waiting": waiting}
        return Health(workers=up or int(can_start_one), detail=detail)


def policy(attempt: Attempt) -> dict[str, int]:
    """How long Runpod may compute, and how long it may keep the job at all, in milliseconds.

    The time to live begins with the request and ends a job even while it runs.
    """
    job = attempt.job
    return {"executionTimeout": _milliseconds(execution_timeout(job)), "ttl": _milliseconds(job_budget(job))}


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def _counts(value: object) -> dict[str, int]:
    items = value.items() if isinstance(value, dict) else []
    return {name: number for name, number in items if isinstance(number, int)}


def _forgotten(attempt: Attempt, exc: Unknown) -> Report | None:
    if attempt.sending_at and attempt.sending_at > now() - YOUNG:
        return None
    if attempt.output.is_available:  # delivered to us before Runpod forgot; only the word of it was lost
        return Report(state=State.COMPLETED, cause=CAUSE)
    return Report(
        state=State.LOST, cause=CAUSE, error_code="result_lost", error_message=str(exc), is_transient=True
    )


def _left_here(attempt: Attempt) -> Report | None:
    """The answer to the dispatch was lost, so Runpod cannot be asked: a callback tells, or a result's age."""
    stored_at = attempt.output.stored_at
    if stored_at is None or stored_at > now() - settings.CLAIM_GRACE:
        return None
    return Report(state=State.COMPLETED, cause=CAUSE)


def _waiting(attempt: Attempt, said: dict[str, Any]) -> Report:
    return Report(state=State.QUEUED, cause=CAUSE)


def _running(attempt: Attempt, said: dict[str, Any]) -> Report:
    report = report_of(attempt, progress_message(attempt, said.get("output")), cause=CAUSE)
    return replace(report, worker=str(said.get("workerId") or ""))


def _ended(attempt: Attempt, said: dict[str, Any]) -> Report:
    """It is over, and its callback has not come, or not yet: what Runpod kept must do."""
    error = said.get("error")
    if said["status"] == "FAILED":
        error = error or "The worker failed and gave no reason."
    report = report_of(attempt, message_of(attempt, said.get("output"), error), cause=CAUSE)
    times = {name: said[name] for name in ("delayTime", "executionTime") if isinstance(said.get(name), int)}
    return replace(report, metrics=report.metrics | times)


def _timed_out(attempt: Attempt, said: dict[str, Any]) -> Report:
    sentence = "The job was not taken, or not finished, within the time that it has at Runpod."
    return Report(state=State.FAILED, cause=CAUSE, error_code="timed_out", error_message=sentence)


def _cancelled(attempt: Attempt, said: dict[str, Any]) -> Report:
    return Report(state=State.CANCELLED, cause=CAUSE)


# What each of Runpod's states means.
READ: dict[Any, Callable[[Attempt, dict[str, Any]], Report]] = {
    "IN_QUEUE": _waiting,
    "IN_PROGRESS": _running,
    "RUNNING": _running,
    "COMPLETED": _ended,
    "FAILED": _ended,
    "TIMED_OUT": _timed_out,
    "CANCELLED": _cancelled,
}
