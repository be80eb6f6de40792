"""Links by which anybody may watch one result for a while."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.core.signing import BadSignature, Signer
from django.db import models
from django.urls import reverse
from django.utils.timezone import now

SHARE_SIGNER = Signer(salt="jobs.Share", sep=".")


class ShareQuerySet(models.QuerySet["Share"]):
    def live(self, at: datetime) -> ShareQuerySet:
        return self.filter(
            revoked_at=None, expires_at__gt=at, job__deleted_at=None, job__hidden_at=None
        ).order_by("created_at")

    def of_value(self, value: str) -> Share | None:
        try:
            key = uuid.UUID(SHARE_SIGNER.unsign(value))
        except (BadSignature, ValueError):
            return None
        return self.select_related("job__output").filter(pk=key).first()


class Share(models.Model):
    """The value is the signed primary key: nothing in the table is a secret."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey("jobs.Job", on_delete=models.CASCADE, related_name="shares")
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    objects = ShareQuerySet.as_manager()

    def __str__(self) -> str:
        return f"link to {self.job_id} until {self.expires_at:%Y-%m-%d}"

    def get_absolute_url(self) -> str:
        return reverse("jobs:watch", args=[SHARE_SIGNER.sign(self.pk.hex)])
