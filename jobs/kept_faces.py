"""The face library: photos that were uploaded once and stay, to be picked again."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils.timezone import now
from django.utils.translation import gettext

from assets.errors import NotFound
from assets.models import Asset

NOBODY = "No face was found in the photo."


class KeptFaceQuerySet(models.QuerySet["KeptFace"]):
    def of(self, user: Any) -> KeptFaceQuerySet:
        """A person's faces, each with its photo and with what was seen in it, in one query."""
        return self.filter(owner=user).select_related("asset__analysis")

    @transaction.atomic
    def keep(self, asset: Asset) -> KeptFace:
        """Let a photo stay, under its file's name; once, however often it is asked for."""
        # Locked: whoever releases files may be about to erase it.
        if not Asset.objects.available().select_for_update(no_key=True).filter(pk=asset.pk).exists():
            raise NotFound(gettext("The file %(name)r has been deleted."), name=asset.name)
        name = PurePath(asset.name).stem or asset.name
        return self.get_or_create(asset=asset, defaults={"owner": asset.owner, "name": name[:80]})[0]


class KeptFace(models.Model):
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="kept_faces")
    asset = models.OneToOneField(Asset, on_delete=models.PROTECT, related_name="kept_face")
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=now)

    objects = KeptFaceQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_looked_at(self) -> bool:
        """Whether it is known what is in the photo, or nobody will ever look."""
        analysis = getattr(self.asset, "analysis", None)
        return analysis is None or analysis.done_at is not None

    @property
    def refusal(self) -> str:
        """Why a job could not use the photo, in a kept sentence; nothing if it could, or is not known yet."""
        analysis = getattr(self.asset, "analysis", None)
        if analysis is None or analysis.done_at is None:
            return ""
        if analysis.error_code:
            return analysis.error_message
        taken: dict[str, Any] = next((person for person in analysis.people if person.get("taken")), {})
        return "" if taken.get("usable") else taken.get("sentence") or NOBODY
