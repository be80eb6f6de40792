"""What a quick look found in an uploaded photo or clip: the people a new job can be about."""

from __future__ import annotations

from django.db import models
from django.utils.timezone import now

from assets.models import Asset


class Analysis(models.Model):
    """One look at one file: asked for, then done or refused. `python -m worker analyse` makes it."""

    asset = models.OneToOneField(Asset, on_delete=models.CASCADE, related_name="analysis")
    created_at = models.DateTimeField(default=now)
    done_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True, help_text="The sentence its owner reads.")
    people = models.JSONField(
        default=list, help_text="Each with a time, a box in shares of the sides, and a small picture."
    )

    class Meta:
        verbose_name_plural = "analyses"

    def __str__(self) -> str:
        return f"look at {self.asset}"
