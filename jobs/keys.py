"""API keys: shown once, kept as a hash, revocable."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def issue(self, *, owner: Any, name: str, accepted: str) -> tuple[ApiKey, str]:
        """Make a key; return its row, and the key itself, which is not kept and not shown again."""
        prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        row = self.create(
            owner=owner, name=name, prefix=prefix, digest=ApiKey.digest_of(secret), accepted=accepted
        )
        return row, f"fsk_{prefix}_{secret}"

    def authenticate(self, value: str, at: datetime) -> ApiKey | None:
        """Return the live key of this value, noting at most once a minute that it was used."""
        mark, _, rest = value.partition("_")
        prefix, _, secret = rest.partition("_")
        key = (
            self.select_related("owner").filter(prefix=prefix, revoked_at=None, owner__is_active=True).first()
        )
        if mark != "fsk" or key is None or not hmac.compare_digest(key.digest, ApiKey.digest_of(secret)):
            return None
        if key.used_at is None or key.used_at < at - timedelta(minutes=1):
            self.filter(pk=key.pk).update(used_at=at)
        return key


class ApiKey(models.Model):
    """A program's way in as its owner. The secret has 256 bits, so a plain hash keeps it."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=8, unique=True, help_text="The part that may be shown.")
    digest = models.CharField(max_length=64)
    accepted = models.TextField(help_text="The statement on consent accepted for every job sent with it.")
    created_at = models.DateTimeField(default=now)
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("API key"), _("API keys")

    def __str__(self) -> str:
        return f"key {self.prefix} ({self.name})"

    @staticmethod
    def digest_of(secret: str) -> str:
        return hashlib.sha256(secret.encode()).hexdigest()

    def revoke(self, at: datetime) -> bool:
        return ApiKey.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=at) == 1
