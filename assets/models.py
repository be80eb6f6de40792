from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.signing import BadSignature, Signer
from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from assets.errors import NotFound
from assets.probe import Facts

TOKEN_SIGNER = Signer(salt="assets.Token", sep=".")


class AssetQuerySet(models.QuerySet["Asset"]):
    def owned_by(self, user: Any) -> AssetQuerySet:
        return self.filter(owner=user)

    def expect(self, *, owner: Any, kind: str, name: str) -> Asset:
        """Make a row whose bytes are still to come."""
        return self.create(owner=owner, kind=kind, name=name[:200])

    def available(self) -> AssetQuerySet:
        return self.filter(deleted_at=None).exclude(stored_at=None)

    def half_erased(self) -> AssetQuerySet:
        """Said to be deleted, by a process that was killed before all bytes were."""
        return self.exclude(deleted_at=None).exclude(file="")

    def abandoned(self, before: datetime) -> AssetQuerySet:
        """Inputs whose upload died half-way. A result that never came keeps its row, as its attempt does."""
        return self.filter(stored_at=None, created_at__lt=before).exclude(kind=Asset.Kind.OUTPUT)


class Asset(models.Model):
    """A file: an input somebody uploaded, or an output a worker made. The row outlives the bytes."""

    class Kind(models.TextChoices):
        VIDEO = "video"
        IMAGE = "image"
        AUDIO = "audio"
        OUTPUT = "output"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="assets")
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(
        max_length=200, help_text="As the uploader called it: shown, never used as a path."
    )
    content_type = models.CharField(max_length=50, blank=True)
    file = models.FileField(max_length=200, blank=True)
    thumbnail = models.FileField(max_length=200, blank=True)
    size = models.BigIntegerField(default=0, help_text="Bytes.")
    sha256 = models.CharField(max_length=64, blank=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    seconds = models.FloatField(null=True)
    fps = models.FloatField(null=True)
    has_sound = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)
    stored_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    kept_days = models.PositiveIntegerField(null=True, help_text="After so many days its time was over.")

    objects = AssetQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("asset"), _("assets")
        indexes = [
            # For assets.retention: rows whose bytes never came.
            models.Index(fields=["created_at"], name="assets_expected", condition=Q(stored_at=None)),
            # For assets.retention: deleted rows that have bytes left.
            models.Index(
                fields=["deleted_at"],
                name="assets_half_erased",
                condition=Q(deleted_at__isnull=False) & ~Q(file=""),
            ),
            # For how much a person's files take up: the sizes are read from the index alone.
            models.Index(
                fields=["owner", "size"],
                name="assets_sizes",
                condition=Q(stored_at__isnull=False, deleted_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def is_available(self) -> bool:
        return self.stored_at is not None and self.deleted_at is None

    @property
    def epitaph(self) -> str:
        """When its bytes went and, if nobody asked for that, after how long; nothing while they are here."""
        if self.deleted_at is None:
            return ""
        after = f", after {self.kept_days} days" if self.kept_days else ""
        return f"{self.name!r} was deleted on {self.deleted_at:%Y-%m-%d}{after}."

    def keep(self, content: File, *, size: int, sha256: str) -> None:
        """Store the bytes, then say so in the row. A second delivery replaces the first whole."""
        old = self.file.name
        # A new name each time: whoever is reading the old file goes on reading the old file.
        name = self.file.storage.save(
            f"{self.kind}/{self.id.hex[:2]}/{self.id}-{uuid.uuid4().hex[:8]}", content
        )
        rows = Asset.objects.filter(pk=self.pk, deleted_at=None, file=old)
        if rows.update(file=name, size=size, sha256=sha256, stored_at=now()) != 1:
            self.file.storage.delete(name)
            raise NotFound("This asset was deleted or replaced while its bytes came in.")
        self.refresh_from_db()
        if old:
            self.file.storage.delete(old)

    def describe(self, facts: Facts, thumbnail: File | None) -> None:
        """Write down what the probe found."""
        self.width, self.height, self.seconds = facts.width, facts.height, facts.seconds
        self.fps, self.has_sound, self.content_type = facts.fps, facts.has_sound, facts.content_type
        fields = ["width", "height", "seconds", "fps", "has_sound", "content_type"]
        if thumbnail is not None:
            name = f"thumbnail/{self.id.hex[:2]}/{self.id}-{uuid.uuid4().hex[:8]}.jpg"
            self.thumbnail.name = self.thumbnail.storage.save(name, thumbnail)
            fields.append("thumbnail")
        self.save(update_fields=fields)

    def erase(self, at: datetime) -> None:
        """Delete the bytes; the row stays and says when."""
        if self.mark_deleted(at):
            self.delete_bytes()

    def mark_deleted(self, at: datetime, *, kept_days: int | None = None) -> bool:
        """Say that the bytes are gone, for them to be deleted when that is certain; was it us who said it?"""
        rows = Asset.objects.filter(pk=self.pk, deleted_at=None)
        if rows.update(deleted_at=at, kept_days=kept_days) != 1:
            return False
        self.deleted_at, self.kept_days = at, kept_days
        Token.objects.filter(asset=self).revoke(at)
        return True

    def delete_bytes(self) -> None:
        """Delete its files, those too that a killed process stored without saying so in the row."""
        storage = self.file.storage
        for folder in (f"{self.kind}/{self.id.hex[:2]}", f"thumbnail/{self.id.hex[:2]}"):
            with suppress(FileNotFoundError):
                _, names = storage.listdir(folder)
                for name in names:
                    if name.startswith(str(self.id)):
                        storage.delete(f"{folder}/{name}")
        Asset.objects.filter(pk=self.pk).update(file="", thumbnail="")
        self.file.name = self.thumbnail.name = ""


class TokenQuerySet(models.QuerySet["Token"]):
    def live(self, at: datetime) -> TokenQuerySet:
        return self.filter(revoked_at=None, expires_at__gt=at)

    def revoke(self, at: datetime) -> int:
        return self.filter(revoked_at=None).update(revoked_at=at)

    def stale(self, at: datetime, *, after: timedelta) -> TokenQuerySet:
        return self.filter(expires_at__lt=at - after)

    def redeem(self, value: str, purpose: str, at: datetime) -> Token:
        """Return the live token of this value, or raise NotFound: never saying what was wrong."""
        try:
            key = uuid.UUID(TOKEN_SIGNER.unsign(value))
            token = self.live(at).select_related("asset").get(pk=key, purpose=purpose)
        except (BadSignature, ValueError, Token.DoesNotExist):
            raise NotFound("This link is unknown, has expired or was revoked.") from None
        self.filter(pk=key, redeemed_at=None).update(redeemed_at=at)
        return token


class Token(models.Model):
    """Leave to fetch, or to deliver, the bytes of one asset without signing in.

    The value is the signed primary key: nothing in the table is a secret, and a
    changed value is refused before the database is asked.
    """

    class Purpose(models.TextChoices):
        DOWNLOAD = "download"
        UPLOAD = "upload"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="tokens")
    purpose = models.CharField(max_length=10, choices=Purpose)
    subject = models.CharField(max_length=40, blank=True, db_index=True, help_text="Whose work it serves.")
    max_bytes = models.BigIntegerField(default=0, help_text="For an upload: no more than this.")
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    redeemed_at = models.DateTimeField(null=True, help_text="When it was first used.")
    revoked_at = models.DateTimeField(null=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("token"), _("tokens")
        indexes = [
            # For assets.retention: tokens long expired.
            models.Index(fields=["expires_at"], name="assets_token_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} of {self.asset_id}"

    @property
    def value(self) -> str:
        return TOKEN_SIGNER.sign(self.id.hex)

    @property
    def path(self) -> str:
        return f"/v1/assets/{self.value}"
