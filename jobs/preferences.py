"""What a person has chosen once for all jobs."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Preferences(models.Model):
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="preferences"
    )
    email_when_done = models.BooleanField("an e-mail when a job has ended", default=False)
    language = models.CharField(max_length=10, blank=True, help_text="Empty: as the browser asks.")

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self) -> str:
        return f"preferences of {self.user}"
