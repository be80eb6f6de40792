"""Messages of up to 64 MB: on disk when they are large, and read without holding their base64 in memory."""

from __future__ import annotations

import fcntl
import json
import mmap
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from assets.errors import IncompleteBody, Refusal
from assets.uploads import MIB, drain

SMALL = 1 * MIB  # A message without its result is never larger.
LONG = 64 * 1024  # bytes of a text that is left where it is
PIECE = 64 * 1024
SECONDS = 120  # for a body to arrive
LARGE_AT_ONCE = 2
# Possessive, so that a text of many megabytes is matched in one go and no steps are remembered.
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


class Busy(Refusal):
    code, status, title = "busy", 503, "Too many large messages at once."
    retry_after = 5


class NoMessage(Refusal):
    code, status, title = "bad_message", 422, "The message cannot be read."


class Body:
    """A JSON body as it came, in memory or in a file. Reading it raises NoMessage for what is none."""

    def __init__(self, raw: bytes | mmap.mmap) -> None:
        self.raw = raw

    @property
    def text(self) -> bytes:
        """The document, with a mark in place of every long text of a large one."""
        return self._parts[0]

    def pieces(self, value: str) -> Iterator[bytes]:
        """Yield a text of the document as it stands in it, escapes included, a piece at a time."""
        start, stop = self._parts[1].get(value, (0, 0))
        if not stop:
            yield value.encode()
        for at in range(start, stop, PIECE):
            yield self.raw[at : min(at + PIECE, stop)]

    def read(self) -> dict[str, Any]:
        """Return the JSON object, marks and all."""
        try:
            said = json.loads(self.text)
        except (ValueError, RecursionError) as exc:
            raise NoMessage("The message is no JSON.") from exc
        if not isinstance(said, dict):
            raise NoMessage("The message is no JSON object.")
        return said

    @cached_property
    def _parts(self) -> tuple[bytes, dict[str, tuple[int, int]]]:
        return (self.raw, {}) if isinstance(self.raw, bytes) else without_long_texts(self.raw)


@contextmanager
def received(request: HttpRequest) -> Iterator[Body]:
    """Read the whole body; a large one lies in a file without a name, which ends with the process."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length <= SMALL:
        yield Body(b"".join(_pieces_of(request, length)))
        return
    with turn(request), tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as file:
        file.writelines(_pieces_of(request, length))
        file.flush()
        with mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ) as mapped:
            yield Body(mapped)


@contextmanager
def turn(request: HttpRequest) -> Iterator[None]:
    """Be one of the few whose large message is read, over all processes of this machine; or raise Busy."""
    for number in range(LARGE_AT_ONCE):
        # The lock ends with the process, whatever ends that.
        with open(settings.DATA_DIR / f"large-message-{number}.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield
            return
    drain(request)
    raise Busy("Two large messages are being read already. Send this one again in a moment.")


def _pieces_of(request: HttpRequest, length: int) -> Iterator[bytes]:
    until, left = time.monotonic() + SECONDS, length
    try:
        while left and (piece := request.read(min(PIECE, left))):
            left -= len(piece)
            if time.monotonic() > until:
                raise IncompleteBody(f"The body did not arrive within {SECONDS} s.")
            yield piece
    except UnreadablePostError as exc:
        raise IncompleteBody("The connection broke while the body came.") from exc
    if left:
        raise IncompleteBody(f"The body ended after {length - left} of {length} bytes.")


def without_long_texts(raw: mmap.mmap) -> tuple[bytes, dict[str, tuple[int, int]]]:
    """Return the document with a mark in place of every long text, and where each mark's text stands.

    Takes time in proportion to the length and little memory, whatever the bytes are; a document that
    is large without its long texts raises NoMessage.
    """
    kept: list[bytes] = []
    spans: dict[str, tuple[int, int]] = {}
    copied = position = long_bytes = 0
    while (quote := raw.find(b'"', position)) != -1 and (text := STRING.match(raw, quote)):
        position = text.end()
        if position - quote > LONG:
            mark = f"a text of {position - quote - 2} characters ({secrets.token_hex(8)})"
            kept += [raw[copied:quote], json.dumps(mark).encode()]
            spans[mark] = (quote + 1, position - 1)
            copied, long_bytes = position, long_bytes + position - quote
        if position - long_bytes > SMALL:
            break
    if len(raw) - long_bytes > SMALL:
        raise NoMessage(
            f"The message has {len(raw) - long_bytes} bytes without its result; the limit is {SMALL}."
        )
    kept.append(raw[copied:])
    return b"".join(kept), spans
