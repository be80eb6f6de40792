from __future__ import annotations

import logging
from functools import partial
from typing import Any

from django.db import models, transaction
from django.utils.timezone import now

log = logging.getLogger(__name__)


class Event(models.Model):
    """One line of a job's history."""

    job = models.ForeignKey("Job", on_delete=models.CASCADE, related_name="events")
    attempt = models.ForeignKey("Attempt", on_delete=models.SET_NULL, null=True, related_name="events")
    at = models.DateTimeField(default=now)
    old = models.CharField(max_length=10, blank=True)
    new = models.CharField(max_length=10, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        moved = f"{self.old or 'nothing'} → {self.new}: " if self.old != self.new else ""
        return f"{moved}{self.reason}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep it, and let the log tell it too, once it is certain to have happened."""
        super().save(*args, **kwargs)
        about = {"job": str(self.job_id), "attempt": str(self.attempt_id or "")}
        if self.job.request_id:
            about["request"] = self.job.request_id
        transaction.on_commit(partial(log.info, "%s", self, extra=about))
