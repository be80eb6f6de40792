"""Where a try to sign in comes from: an address, or a browser in which the name has signed in before."""

from __future__ import annotations

import ipaddress
import logging
from datetime import timedelta
from functools import cache

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import get_random_string

log = logging.getLogger(__name__)

NEIGHBOURS = 64  # bits: of IPv6, a whole household or one rented machine
FORWARDING_HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-IP")
COOKIE, KNOWN_FOR = "known", timedelta(days=365)


def address_of(request: HttpRequest) -> str:
    """Where a request came from; behind a proxy of one's own, the address that it saw, which it put last."""
    given = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_TLS_PROXY:
        given = request.headers.get("X-Forwarded-For", given).rpartition(",")[2].strip()
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return given
    if address.version == 6:
        return str(ipaddress.ip_network((address, NEIGHBOURS), strict=False))
    return str(address)


def comes_through_unnamed_proxy(request: HttpRequest) -> bool:
    """Is this from a proxy nearby that the settings do not name? All whom it serves share its address."""
    if settings.BEHIND_TLS_PROXY or not any(name in request.headers for name in FORWARDING_HEADERS):
        return False
    try:
        return not ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_global
    except ValueError:
        return False


@cache  # once a process
def warn_of_proxy() -> None:
    log.warning(
        "People sign in through a proxy, and BEHIND_TLS_PROXY is not set: "
        "wrong passwords of all of them are counted as of one address."
    )


def remember(response: HttpResponse, name: str) -> None:
    """Let this browser prove later that the name has signed in from it; with other names that is no help."""
    response.set_cookie(
        COOKIE,
        signer(name).sign(get_random_string(22)),
        max_age=KNOWN_FOR,
        path=reverse("login"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def browser_of(request: HttpRequest, name: str) -> str:
    """The mark that `remember` gave this browser for this name; nothing if it has none."""
    try:
        return signer(name).unsign(request.COOKIES.get(COOKIE, ""), max_age=KNOWN_FOR)
    except BadSignature:
        return ""


def signer(name: str) -> TimestampSigner:
    return TimestampSigner(salt=f"faceswap_site.callers.{name.casefold()}")
