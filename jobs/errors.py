from __future__ import annotations

from typing import TYPE_CHECKING

from assets.errors import Refusal

if TYPE_CHECKING:
    from jobs.models import Job


class IllegalMove(Refusal):
    """The job is in a state from which it cannot go where it was asked to."""

    code, status, title = "illegal_move", 409, "The job is in another state."

    def __init__(self, job: Job, to: str) -> None:
        super().__init__(f"Job {job.pk} is {job.status} and cannot become {to}.")


class NotRetryable(Refusal):
    code, status, title = "not_retryable", 409, "The job cannot be retried."


class NotCancellable(Refusal):
    code, status, title = "not_cancellable", 409, "The job cannot be cancelled."


class ConsentRequired(Refusal):
    code, status, title = "consent_required", 403, "Consent has not been recorded."


class NoOutput(Refusal):
    code, status, title = "not_found", 404, "There is no result."
