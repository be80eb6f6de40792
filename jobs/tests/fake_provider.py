"""A compute provider that does as the test tells it, and remembers what it was asked."""

from __future__ import annotations

from typing import ClassVar

from jobs.compute import Health, ProviderError, Report
from jobs.models import Attempt


class FakeProvider:
    name = "fake"
    is_polled = True

    sent: ClassVar[list] = []
    cancelled: ClassVar[list] = []
    reports: ClassVar[list[Report]] = []
    refusal: ClassVar[ProviderError | None] = None

    @classmethod
    def reset(cls) -> None:
        cls.sent, cls.cancelled, cls.reports, cls.refusal = [], [], [], None

    def send(self, attempt: Attempt) -> str:
        self.sent.append(attempt.pk)
        if self.refusal:
            raise self.refusal
        return f"fake-{attempt.number}"

    def poll(self, attempt: Attempt) -> Report | None:
        return self.reports.pop(0) if self.reports else None

    def cancel(self, attempt: Attempt) -> bool:
        self.cancelled.append(attempt.pk)
        if self.refusal:
            raise self.refusal
        return True

    def health(self) -> Health:
        return Health(workers=1, detail="always ready")
