"""The seam to whatever computes: a protocol, what it reports, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from jobs.models import Attempt


class State(StrEnum):
    QUEUED = "queued"  # handed over, nobody works on it yet
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"  # the worker says so; `is_transient` says whether another try makes sense
    LOST = "lost"  # nobody knows of it any more, or nobody has been heard of for too long
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the outside says of one attempt. Believed only by `jobs.outcomes.apply`."""

    state: State
    cause: str  # where it comes from: callback, poll, job-done, lease, deadline
    stage: str = ""
    percent: float | None = None
    frames_done: int | None = None
    frames_total: int | None = None
    output_url: str = ""  # empty when the bytes have been delivered to the attempt's own asset
    error_code: str = ""
    error_message: str = ""  # a sentence for the person
    error_detail: str = ""  # for the operator only
    is_transient: bool = False
    worker: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Health:
    """Whether anybody could take a job now, and a sentence about it."""

    workers: int
    detail: str


class ProviderError(Exception):
    """The provider did not take, or answer, what was asked of it.

    `maybe_started`: the attempt may be running all the same, so it must not be sent again blindly.
    """

    def __init__(self, message: str, *, maybe_started: bool = False, is_transient: bool = True) -> None:
        super().__init__(message)
        self.maybe_started = maybe_started
        self.is_transient = is_transient


class ComputeProvider(Protocol):
    name: str
    is_polled: bool  # whether we call it, to ask and to cancel; else its workers call us

    def send(self, attempt: Attempt) -> str:
        """Hand the attempt over and return the provider's own id of it; raise ProviderError."""

    def poll(self, attempt: Attempt) -> Report | None:
        """Ask how the attempt goes; None when there is nothing new. Raises ProviderError."""

    def cancel(self, attempt: Attempt) -> bool:
        """Make the work stop soon, and say whether it is sure to; raise ProviderError.

        Unknown or ended attempts have stopped.
        """

    def health(self) -> Health:
        """Say who could work now. Raises ProviderError."""


def current_provider() -> ComputeProvider:
    return import_string(settings.COMPUTE_PROVIDER)()


def provider_of(attempt: Attempt) -> ComputeProvider:
    """The one that has the attempt, whatever the settings say today."""
    return import_string(attempt.provider)()
