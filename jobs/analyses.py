"""What a quick look found in an uploaded photo or clip: the people a new job can be about."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from assets.models import Asset


class AnalysisQuerySet(models.QuerySet["Analysis"]):
    def open(self) -> AnalysisQuerySet:
        return self.filter(done_at=None)

    def faceless(self) -> AnalysisQuerySet:
        """Of files in which there is surely no face: a job of one would fail."""
        return self.filter(error_code__in=["no_face_in_source", "no_face_in_video"])

    def lost(self, before: datetime) -> AnalysisQuerySet:
        """Queued, or begun, so long ago that nobody can be at them any more."""
        return self.open().filter(queued_at__lt=before)


class Analysis(models.Model):
    """One look at one file: asked for, then done or refused. `python -m worker analyse` makes it."""

    asset = models.OneToOneField(Asset, on_delete=models.CASCADE, related_name="analysis")
    created_at = models.DateTimeField(default=now)
    queued_at = models.DateTimeField(default=now, help_text="When it was last queued, or begun.")
    tries = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True, help_text="The sentence its owner reads.")
    people = models.JSONField(
        default=list, help_text="Each with a time, a box in shares of the sides, and a small picture."
    )

    objects = AnalysisQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "analyses"
        indexes = [
            # For jobs.sweep: looks that nobody has finished.
            models.Index(fields=["queued_at"], name="looks_open", condition=Q(done_at=None)),
        ]

    def __str__(self) -> str:
        return f"look at {self.asset}"
