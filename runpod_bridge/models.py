from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from assets.errors import Refusal
from jobs.models import Attempt

SEEN_EVERY = timedelta(seconds=5)  # So often is it written down that a worker was seen.
LATELY = timedelta(seconds=60)
NAME_LENGTH = 48  # Of a token and of a worker: both, and a slash, fit into Attempt.worker.


class NameTooLong(Refusal):
    code, status, title = "invalid_choice", 422, "The worker's name is too long."


class WorkerTokenQuerySet(models.QuerySet["WorkerToken"]):
    def issue(self, name: str) -> tuple[WorkerToken, str]:
        """Make the token of this name; return its row, and the token itself, which is not kept.

        An older token of the same name ends with it.
        """
        value = f"fsw_{secrets.token_urlsafe(32)}"
        fresh = {
            "digest": WorkerToken.digest_of(value),
            "created_at": now(),
            "seen_at": None,
            "revoked_at": None,
        }
        row, _ = self.update_or_create(name=name, defaults=fresh)
        return row, value

    def authenticate(self, value: str, at: datetime) -> WorkerToken | None:
        """Return the live token of this value, noting now and then that it was used."""
        token = self.filter(digest=WorkerToken.digest_of(value), revoked_at=None).first()
        if token and _is_due(token.seen_at, at):
            self.filter(pk=token.pk).update(seen_at=at)
        return token


class WorkerToken(models.Model):
    """Leave to pull jobs, for one machine or several. It has 256 bits, so a plain hash keeps it."""

    name = models.CharField(max_length=NAME_LENGTH, unique=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=now)
    seen_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = WorkerTokenQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("worker token"), _("worker tokens")

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def digest_of(value: str) -> str:
        return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()

    def revoke(self, at: datetime) -> bool:
        """Shut its workers out; say whether it was live until now."""
        return WorkerToken.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=at) == 1


class WorkerQuerySet(models.QuerySet["Worker"]):
    def see(self, token: WorkerToken, name: str, address: str | None, at: datetime) -> tuple[Worker, bool]:
        """Return the worker who calls, and whether it was time to write down that it was seen."""
        if len(name) > NAME_LENGTH:
            raise NameTooLong(f"The worker's name has {len(name)} characters; the limit is {NAME_LENGTH}.")
        worker, is_new = self.get_or_create(
            token=token, name=name, defaults={"seen_at": at, "since": at, "address": address}
        )
        if is_new or not _is_due(worker.seen_at, at):
            return worker, is_new
        since = at if worker.seen_at < at - LATELY else worker.since
        self.filter(pk=worker.pk).update(seen_at=at, since=since, address=address)
        return worker, True

    def around(self, at: datetime) -> WorkerQuerySet:
        """Seen lately, and still let in."""
        return self.filter(seen_at__gte=at - LATELY, token__revoked_at=None)


class Worker(models.Model):
    """A process that pulls jobs from us, by the name that it goes by under its token."""

    token = models.ForeignKey(WorkerToken, on_delete=models.CASCADE, related_name="workers")
    name = models.CharField(max_length=NAME_LENGTH)
    address = models.GenericIPAddressField(null=True, help_text="Where it last called from.")
    seen_at = models.DateTimeField()
    since = models.DateTimeField(default=now, help_text="When it came, or came back after a silence.")

    objects = WorkerQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("worker"), _("workers")
        constraints = [models.UniqueConstraint(fields=["token", "name"], name="worker_once_per_token")]

    def __str__(self) -> str:
        return f"{self.token.name}/{self.name}"

    @property
    def current_attempt(self) -> Attempt | None:
        return Attempt.objects.working().filter(worker=str(self)).first()


def _is_due(seen_at: datetime | None, at: datetime) -> bool:
    return seen_at is None or seen_at < at - SEEN_EVERY
