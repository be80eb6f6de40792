"""Who is asking: a key, a signed-in browser, or, where the operator allows it, anybody on this machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest
from django.utils.timezone import now
from ninja.security import APIKeyQuery, HttpBearer
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from assets.errors import Refusal
from jobs import consent
from jobs.idempotency import IdempotencyKey
from jobs.models import ApiKey, Job

LOCAL_USER = "local"
FORWARDING_HEADERS = [
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "CF-Connecting-IP",
]
OUTPUT_SIGNER = TimestampSigner(salt="jobs.output", sep=".")


class Forbidden(Refusal):
    code, status, title = "forbidden", 403, "This is not allowed."


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A user, how they came in, and what they have agreed to for every job they send, if anything."""

    user: Any
    via: str
    consent: str = ""

    def __str__(self) -> str:
        return f"{self.user} ({self.via})"


class ApiRequest(HttpRequest):
    """A request that was let in, and that the middleware gave a name."""

    auth: Caller
    id: str
    claim: IdempotencyKey | None  # where the operation takes one


class ApiKeyAuth(HttpBearer):
    """`Authorization: Bearer fsk_…`"""

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:
        key = ApiKey.objects.authenticate(token, now())
        return Caller(user=key.owner, via=str(key), consent=key.accepted) if key else None


class SessionAuth(AuthBase):
    """The signed-in browser. What it sends must carry the CSRF token."""

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Caller | None:
        # First who it is: the CSRF check reads the body, and a stranger's is not read.
        if not request.user.is_authenticated:
            return None
        if check_csrf(request):
            raise Forbidden("The CSRF token is missing or wrong; send it as the header X-CSRFToken.")
        return Caller(user=request.user, via="browser session")


class LocalAuth(AuthBase):
    """OPEN_LOCAL_MODE: whoever is on this machine, and nobody that a tunnel or a website brings here."""

    openapi_type = "http"
    openapi_scheme = "none"

    def __call__(self, request: HttpRequest) -> Caller | None:
        if not (settings.OPEN_LOCAL_MODE and is_local(request)):
            return None
        user, _ = get_user_model().objects.get_or_create(username=LOCAL_USER)
        return Caller(user=user, via="OPEN_LOCAL_MODE", consent=consent.OPERATOR)


class OutputLink(APIKeyQuery):
    """`?token=…`: leave to watch the result of one job, so that a `<video>` element can play it."""

    param_name = "token"

    def authenticate(self, request: HttpRequest, key: str | None) -> Caller | None:
        assert request.resolver_match  # routed already
        job_id = UUID(request.resolver_match.kwargs["job_id"])
        if not key or not opens_output(key, job_id):
            return None
        job = Job.objects.select_related("owner").filter(pk=job_id).first()
        return Caller(user=job.owner, via="output link") if job else None


API_AUTH: list[Callable[[HttpRequest], Caller | None]] = [ApiKeyAuth(), SessionAuth(), LocalAuth()]


def caller_of(request: HttpRequest) -> Caller | None:
    """Who is asking, for what must know it before the API's root asks; None for a stranger."""
    return next((caller for auth in API_AUTH if (caller := auth(request))), None)


def output_token(job: Job) -> str:
    return OUTPUT_SIGNER.sign(job.pk.hex)


def opens_output(token: str, job_id: UUID) -> bool:
    """Was this token signed for this job, within the last 24 hours?"""
    try:
        return OUTPUT_SIGNER.unsign(token, max_age=settings.OUTPUT_LINK_TTL) == job_id.hex
    except BadSignature:
        return False


def is_local(request: HttpRequest) -> bool:
    """A tunnel, too, connects from 127.0.0.1, and any website can make a browser post to localhost."""
    origin = request.headers.get("Origin")
    return (
        _is_loopback(request.META.get("REMOTE_ADDR", ""))
        and _is_loopback(urlsplit(f"//{request.get_host()}").hostname or "")
        and not any(name in request.headers for name in FORWARDING_HEADERS)
        and (origin is None or origin in settings.CORS_ALLOWED_ORIGINS)
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
