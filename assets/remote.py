"""Fetch a result from where a worker says it is: an address that nobody has vouched for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import requests
import requests_hardened
from django.conf import settings

from assets.errors import Refusal, TooLarge
from assets.uploads import MIB

MOST_REDIRECTS = 3
DEADLINE_SECONDS = 3000
TIMEOUT = (5, 30)  # to connect, between bytes
HARDENED = requests_hardened.Config(
    ip_filter_enable=True,
    ip_filter_allow_loopback_ips=False,
    never_redirect=True,
    default_timeout=TIMEOUT,
)


class ForbiddenAddress(Refusal):
    code, status, title = "forbidden_address", 422, "The address may not be fetched."


class NoBytes(Refusal):
    code, status, title = "result_lost", 422, "The result is not there."


def fetch(url: str) -> Iterator[bytes]:
    """Yield the bytes at `url`, or raise a Refusal: capped, in bounded time, every redirect checked.

    Only https to a public address, except to a `host:port` that the operator has listed.
    """
    until = time.monotonic() + DEADLINE_SECONDS
    for _ in range(MOST_REDIRECTS + 1):
        with _session(url) as session, _get(session, url) as response:
            if response.is_redirect:
                url = urljoin(url, response.headers["Location"])
                continue
            yield from _body(response, until)
            return
    raise NoBytes(f"The address of the result redirects more than {MOST_REDIRECTS} times.")


def _session(url: str) -> requests.Session:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        raise ForbiddenAddress(f"The result is said to be at {url[:80]!r}, which is no address.") from None
    if f"{parts.hostname}:{port}" in settings.OUTPUT_URL_ALLOWED_HOSTS:
        session = requests.Session()
    elif parts.scheme == "https":
        # It resolves the name, checks the address, and connects to that very address.
        session = requests_hardened.HTTPSession(HARDENED)
    else:
        raise ForbiddenAddress(
            f"The result is at {parts.scheme}://{parts.netloc}, and only https is fetched."
        )
    session.trust_env = False
    return session


def _get(session: requests.Session, url: str) -> requests.Response:
    host = urlsplit(url).netloc
    try:
        return session.get(url, stream=True, timeout=TIMEOUT, allow_redirects=False)
    except requests_hardened.ip_filter.InvalidIPAddress:
        raise ForbiddenAddress(f"The result is at {host}, which is not a public address.") from None
    except (requests.RequestException, ValueError) as exc:
        raise NoBytes(f"The result could not be fetched from {host}: {type(exc).__name__}.") from exc


def _body(response: requests.Response, until: float) -> Iterator[bytes]:
    host, size = urlsplit(response.url).netloc, 0
    if response.status_code != 200:
        raise NoBytes(f"The result could not be fetched from {host}: it answered {response.status_code}.")
    try:
        for chunk in response.iter_content(MIB):
            size += len(chunk)
            if size > settings.MAX_UPLOAD_BYTES:
                raise TooLarge(f"The result is larger than {settings.MAX_UPLOAD_BYTES // MIB} MB, the limit.")
            if time.monotonic() > until:
                raise NoBytes(f"The result did not arrive from {host} within {DEADLINE_SECONDS} s.")
            yield chunk
    except requests.RequestException as exc:
        raise NoBytes(f"The result broke off after {size} bytes from {host}.") from exc
    expected = response.headers.get("Content-Length")
    if expected and "Content-Encoding" not in response.headers and int(expected) != size:
        raise NoBytes(f"The result broke off after {size} of {expected} bytes from {host}.")
