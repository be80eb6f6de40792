"""Downloads an input to a file, and goes on where a broken connection left off."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import requests

from worker.errors import Cancelled, FetchFailed
from worker.retries import HTTP_ERRORS, Backoff, in_words, worth_repeating

CHUNK = 64 * 1024
GIB = 1024**3
INPUT_CAP = 5 * GIB
PATIENCE = Backoff(tries=6)
TIMEOUT = (5, 30)  # seconds to connect, and between two reads
HEADWAY = (
    1024**2
)  # bytes; a connection that brought this much was worth it, and the count of failures starts anew


def fetch(
    url: str,
    to: Path,
    *,
    name: str,
    cancelled: threading.Event,
    max_bytes: int = INPUT_CAP,
    backoff: Backoff = PATIENCE,
) -> None:
    """Download `url` into `to`. `name` is what the person calls it, as in "The source image could not…"."""
    download = Download(url, to, name=name, max_bytes=max_bytes, cancelled=cancelled)
    failures = 0
    while True:
        before = download.received
        try:
            download.go_on()
            return
        except Interrupted as exc:
            failures = 1 if download.received - before >= HEADWAY else failures + 1
            if failures >= backoff.tries:
                raise FetchFailed(f"The {name} could not be downloaded: {exc}.") from exc
            pause = backoff.seconds(failures, exc.response)
        if cancelled.wait(pause):
            raise Cancelled


class Interrupted(Exception):
    """The download did not end, but asking again may bring the rest."""

    def __init__(self, why: str, response: requests.Response | None = None) -> None:
        super().__init__(why)
        self.response = response


class Download:
    """One file on its way: how much of it is here, and of which version."""

    def __init__(self, url: str, to: Path, *, name: str, max_bytes: int, cancelled: threading.Event) -> None:
        self.url = url
        self.to = to
        self.name = name
        self.max_bytes = max_bytes
        self.cancelled = cancelled
        self.received = 0
        self.etag: str | None = None

    def go_on(self) -> None:
        """Ask for what is missing and write it down; raise Interrupted if it breaks off."""
        try:
            with requests.get(self.url, headers=self._headers(), stream=True, timeout=TIMEOUT) as response:
                self._check(response)
                self._place(response)
                self._write(response)
        except HTTP_ERRORS as exc:
            raise Interrupted(in_words(exc)) from exc

    def _headers(self) -> dict[str, str]:
        headers = {
            "Accept-Encoding": "identity"
        }  # A range counts the bytes that are sent, compressed or not.
        if self.received and self.etag:
            headers |= {"Range": f"bytes={self.received}-", "If-Range": self.etag}
        return headers

    def _check(self, response: requests.Response) -> None:
        status = response.status_code
        if status in {200, 206}:
            return
        why = f"the server answered {status}"
        if status == 416:  # What we have is longer than what there is now.
            self.received = 0
            raise Interrupted(why, response)
        if worth_repeating(status):
            raise Interrupted(why, response)
        raise FetchFailed(f"The {self.name} could not be downloaded: {why}.", retry=False)

    def _place(self, response: requests.Response) -> None:
        """Set `received` to where this answer's bytes begin."""
        if response.status_code == 206:
            start = _first_byte(response.headers.get("Content-Range", ""))
            if start != self.received:
                self.received = 0
                raise Interrupted("the server sent another part than the one asked for", response)
        else:  # All of it from the start: a first answer, a new version, or a server without ranges.
            self.received = 0
            self.etag = _strong(response.headers.get("ETag"))
        length = response.headers.get("Content-Length", "")
        self._limit(self.received + (int(length) if length.isdigit() else 0))

    def _write(self, response: requests.Response) -> None:
        with self.to.open("ab" if self.received else "wb") as file:
            for chunk in response.iter_content(CHUNK):
                if self.cancelled.is_set():
                    raise Cancelled
                self._limit(self.received + len(chunk))
                file.write(chunk)
                self.received += len(chunk)

    def _limit(self, size: int) -> None:
        if size > self.max_bytes:
            raise FetchFailed(
                f"The {self.name} has at least {size} bytes; the limit is {self.max_bytes}.", retry=False
            )


def _first_byte(content_range: str) -> int | None:
    """Return N of "bytes N-M/L", or None."""
    found = re.match(r"bytes (\d+)-", content_range)
    return int(found[1]) if found else None


def _strong(etag: str | None) -> str | None:
    """If-Range takes no weak ETag (RFC 9110, 13.1.5)."""
    return None if etag is None or etag.startswith("W/") else etag
