"""The same POST sent twice makes one job: the `Idempotency-Key` header, and the first answer kept for it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, cast

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now

from assets.errors import InvalidChoice, Refusal
from assets.problems import problem
from assets.uploads import HashedUpload, drain
from jobs.renewal import meanwhile

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST = 255
# A large upload takes long, and a request that was killed must not keep its sender waiting.
LEASE, RENEW_EVERY = timedelta(seconds=20), timedelta(seconds=5)
KEPT = timedelta(hours=48)
RETRY_AFTER = 2  # seconds
# Says who sent the form, not what is in it, and is another one each time.
NO_CONTENT = {"csrfmiddlewaretoken"}


class OtherContent(Refusal):
    code, status, title = "idempotency_conflict", 422, "The key came with other content."


class StillRunning(Refusal):
    code, status, title = "idempotency_conflict", 409, "The first request with this key is still at work."
    retry_after = RETRY_AFTER


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    def claim(self, *, owner: Any, value: str, at: datetime) -> IdempotencyKey:
        """Take the key for one request, or return it with its answer; StillRunning while another has it."""
        mine = {"holder": uuid.uuid4(), "lease_until": at + LEASE}
        row, is_new = self.get_or_create(owner=owner, value=value, defaults=mine)
        if is_new or row.is_answered:
            return row
        # Whoever had it was killed: it would have been answered or freed.
        lapsed = self.filter(pk=row.pk, answered_at=None, lease_until__lt=at)
        if lapsed.update(**mine) != 1:
            raise StillRunning(
                f"A request with {HEADER} {value[:80]!r} is still at work. Ask again in a moment."
            )
        row.refresh_from_db()
        return row

    def past(self, at: datetime) -> IdempotencyKeyQuerySet:
        """Answered long ago, or left behind by a request that was killed."""
        return self.filter(Q(answered_at__lt=at - KEPT) | Q(answered_at=None, lease_until__lt=at - KEPT))


class IdempotencyKey(models.Model):
    """A name that a client gave its request. Until it is answered, one request holds it, for a while."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    value = models.CharField(max_length=LONGEST)
    holder = models.UUIDField(help_text="The request that has it, or had it last.")
    lease_until = models.DateTimeField()
    created_at = models.DateTimeField(default=now)
    answered_at = models.DateTimeField(null=True)
    fingerprint = models.CharField(max_length=64, blank=True, help_text="Of the content that was answered.")
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True, help_text="JSON, as it was sent.")
    location = models.TextField(blank=True)

    objects = IdempotencyKeyQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "value"], name="idempotency_key_once")]
        indexes = [
            # For jobs.retention: those past their time.
            models.Index(fields=["lease_until"], name="idempotency_lease"),
        ]

    def __str__(self) -> str:
        return f"{self.value} of {self.owner}"

    @property
    def is_answered(self) -> bool:
        return self.answered_at is not None

    def answer(self, *, fingerprint: str, status: int, body: dict[str, Any], location: str) -> None:
        """Keep the answer, to commit with what it tells of. Raises StillRunning if the lease was lost."""
        columns = {
            "fingerprint": fingerprint,
            "status": status,
            "body": json.dumps(body),
            "location": location,
        }
        if self._held().update(answered_at=now(), **columns) != 1:
            raise StillRunning(
                f"Another request took {HEADER} {self.value[:80]!r} over while this one was sent."
            )

    def renew(self) -> None:
        self._held().update(lease_until=now() + LEASE)

    def free(self) -> None:
        """Forget it, unless it is answered or another request has taken it over."""
        self._held().delete()

    def _held(self) -> IdempotencyKeyQuerySet:
        return IdempotencyKey.objects.filter(pk=self.pk, holder=self.holder, answered_at=None)


def once(caller_of: Callable[[HttpRequest], Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For `decorate_view`: hold the request's key, as `request.claim`, from before its body is read.

    A refused request frees it. The operation itself keeps its answer, or gives the earlier one.
    """

    def decorate(run: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(run)
        def holding(request: Any, **kwargs: Any) -> Any:
            try:
                request.claim = claim_of(request, caller_of)
            except Refusal as refusal:
                drain(request)
                return problem(request, refusal)
            if not request.claim:
                return run(request, **kwargs)
            try:
                with meanwhile(request.claim.renew, RENEW_EVERY):
                    return run(request, **kwargs)
            finally:
                request.claim.free()

        return holding

    return decorate


def claim_of(request: HttpRequest, caller_of: Callable[[HttpRequest], Any]) -> IdempotencyKey | None:
    """None without the header, and for a stranger, to whom the operation itself will speak."""
    value = request.headers.get(HEADER)
    if value is None or (caller := caller_of(request)) is None:
        return None
    if not 0 < len(value) <= LONGEST:
        raise InvalidChoice(
            f"{HEADER} has {len(value)} characters; it may have 1 to {LONGEST}: {value[:80]!r}."
        ).on(HEADER)
    return IdempotencyKey.objects.claim(owner=caller.user, value=value, at=now())


def earlier_answer(request: HttpRequest, claim: IdempotencyKey | None) -> HttpResponse | None:
    """The answer to the first request of this key, if there was one; OtherContent if that one differed."""
    if claim is None or not claim.is_answered:
        return None
    if claim.fingerprint != fingerprint(request):
        raise OtherContent(
            f"{HEADER} {claim.value[:80]!r} was used before, with other fields or files. Use a key once."
        )
    headers = {"Location": claim.location, REPLAYED: "true"}
    return HttpResponse(claim.body, status=claim.status, headers=headers, content_type="application/json")


def fingerprint(request: HttpRequest) -> str:
    """Return the SHA-256, in hex, of a form's fields and of each file's own SHA-256, whatever their order."""
    fields = [
        (name, value) for name, values in request.POST.lists() for value in values if name not in NO_CONTENT
    ]
    files = [
        (name, cast(HashedUpload, file).sha256) for name, several in request.FILES.lists() for file in several
    ]
    return hashlib.sha256(json.dumps([sorted(fields), sorted(files)]).encode()).hexdigest()
