"""When to ask a server again, and how long to wait before it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

import requests
import urllib3

from worker.errors import Cancelled

# What an HTTP call may raise: requests lets its own library's errors through for some malformed addresses.
HTTP_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError)
RETRY_AFTER_CAP = 120.0  # seconds; a server that says "tomorrow" is asked sooner


class NoAnswer(Exception):
    """Nothing answered, though asked repeatedly. The sentence holds no address: addresses hold tokens."""


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """`tries` in all; pauses double from `first` to at most `most` seconds."""

    tries: int = 8
    first: float = 0.5
    most: float = 30.0

    def seconds(self, failures: int, response: requests.Response | None = None) -> float:
        """Return the pause after so many failures; a server's own Retry-After goes before ours."""
        asked = retry_after(response)
        if asked is not None:
            return asked
        pause = min(self.most, self.first * 2.0 ** min(failures - 1, 30))
        return pause * random.uniform(0.5, 1.0)  # Apart from each other, many workers do not return as one.


def retry_after(response: requests.Response | None) -> float | None:
    """Return the Retry-After in seconds, or None; the form with a date is not understood."""
    value = response.headers.get("Retry-After", "") if response is not None else ""
    return min(float(value), RETRY_AFTER_CAP) if value.isascii() and value.isdigit() else None


def worth_repeating(status_code: int) -> bool:
    return status_code in {408, 425, 429} or status_code >= 500


def persist(
    send: Callable[[], requests.Response], *, backoff: Backoff, stop: threading.Event
) -> requests.Response:
    """Call `send` until its answer is worth having, and return it; `send` must be safe to repeat.

    The last answer is returned even if it is a refusal. Raises NoAnswer if the last try had none,
    and Cancelled once `stop` is set.
    """
    for failures in range(1, backoff.tries + 1):
        response, trouble = _try(send)
        if response is not None and not worth_repeating(response.status_code):
            return response
        if failures < backoff.tries and stop.wait(backoff.seconds(failures, response)):
            raise Cancelled
    if response is None:
        raise NoAnswer(trouble)
    return response


def in_words(exc: Exception) -> str:
    """Say what happened without the exception's own text, which quotes the address."""
    if isinstance(exc, requests.Timeout):
        return "it did not answer in time"
    if isinstance(exc, requests.exceptions.ChunkedEncodingError):
        return "the connection broke"
    if isinstance(exc, requests.ConnectionError):
        return "it could not be reached"
    return f"the request failed ({type(exc).__name__})"


def _try(send: Callable[[], requests.Response]) -> tuple[requests.Response | None, str]:
    try:
        return send(), ""
    except HTTP_ERRORS as exc:
        return None, in_words(exc)
