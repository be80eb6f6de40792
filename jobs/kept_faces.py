"""The face library: photos that were uploaded once and stay, to be picked again."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from assets.models import Asset


class KeptFace(models.Model):
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="kept_faces")
    asset = models.OneToOneField(Asset, on_delete=models.PROTECT, related_name="kept_face")
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name
