"""From a worker's words to a report for the judge, whichever way they came."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from assets.errors import NotFound, Refusal, StorageFull
from assets.receiving import spooled
from jobs.compute import Report, State
from jobs.models import Attempt
from runpod_bridge.bodies import Body
from runpod_bridge.quality import metrics_of
from worker.wire import BadMessage, Message, MessageStatus

SENTENCE_LENGTH = 2000
DETAIL_LENGTH = 20_000
# What may have been bad luck, so that another try makes sense.
TRANSIENT = {"fetch_failed", "delivery_failed", "engine_error", "cancelled"}
# How base64 may be written in JSON: slash and plus as escapes, and line ends that mean nothing.
WRITTEN = {
    rb"\/": b"/",
    rb"\u002f": b"/",
    rb"\u002F": b"/",
    rb"\u002b": b"+",
    rb"\u002B": b"+",
    rb"\n": b"",
    rb"\r": b"",
    b"\n": b"",
    b"\r": b"",
}
LONGEST_ESCAPE = 6


def report_of(attempt: Attempt, message: Message, *, cause: str, body: Body | None = None) -> Report:
    """Say what a message means; a result in it is stored first. `body` is where its long texts stand."""
    if message.status == MessageStatus.PROCESSING:
        return _progress(message, cause)
    if message.status == MessageStatus.FAILED:
        return _failure(message, cause)
    if message.output_base64 is not None:
        return _stored(attempt, message, cause, body)
    return _completed(attempt, message, cause)


def message_of(attempt: Attempt, output: object, error: object) -> Message:
    """Put what a handler returned, as Runpod passes it on, into the contract's words."""
    job_id = str(attempt.job_id)
    said = output if isinstance(output, dict) else {}
    error = error or said.get("error")
    if error or said.get("status") == MessageStatus.FAILED:
        return Message(job_id=job_id, status=MessageStatus.FAILED, **_why(error, said))
    metadata = said.get("metadata")
    return Message(
        job_id=job_id,
        status=MessageStatus.COMPLETED,
        output_url=_text(said.get("output_url")),
        output_base64=_text(said.get("output_base64")),
        metadata=metadata if isinstance(metadata, dict) else {},
    )


def progress_message(attempt: Attempt, output: object) -> Message:
    """Read what a handler said on its way; what is not in our words only shows that it lives."""
    said = {"job_id": str(attempt.job_id), "status": "processing", "metadata": output}
    try:
        return Message.from_bytes(json.dumps(said).encode(), max_bytes=DETAIL_LENGTH)
    except BadMessage:
        return Message(job_id=str(attempt.job_id), status=MessageStatus.PROCESSING)


def _progress(message: Message, cause: str) -> Report:
    fields = ("stage", "percent", "frames_done", "frames_total")
    said = {name: message.metadata.get(name) for name in fields}
    return Report(state=State.RUNNING, cause=cause, **said | {"stage": said["stage"] or ""})


def _failure(message: Message, cause: str) -> Report:
    code = _text(message.metadata.get("error_code")) or "worker_failed"
    return Report(
        state=State.FAILED,
        cause=cause,
        error_code=code,
        error_message=(message.error or "The worker failed and gave no reason.")[:SENTENCE_LENGTH],
        error_detail=(_text(message.metadata.get("error_detail")) or "")[-DETAIL_LENGTH:],
        is_transient=code in TRANSIENT,
    )


def _completed(attempt: Attempt, message: Message, cause: str) -> Report:
    url = message.output_url or ""
    try:
        is_ours = not url or _path_of(url) in own_paths(attempt)
    except ValueError:
        return bad_output(f"The worker says that the result is at {url[:80]!r}, which is no address.", cause)
    if is_ours and not attempt.output.is_available:
        return nothing_delivered(cause)
    metrics = metrics_of(message.metadata)
    return Report(state=State.COMPLETED, cause=cause, output_url="" if is_ours else url, metrics=metrics)


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    if parts.port == 0 or not parts.hostname:
        raise ValueError(url)
    return parts.path


def own_paths(attempt: Attempt) -> set[str]:
    """Where the result lies once it has been uploaded to us, as the path of an address."""
    return {token.path for token in attempt.tokens().filter(asset=attempt.output_id)}


def _stored(attempt: Attempt, message: Message, cause: str, body: Body | None) -> Report:
    value = message.output_base64 or ""
    pieces = body.pieces(value) if body else iter([value.encode()])
    try:
        with spooled(decoded(pieces)) as keep:
            keep(attempt.output)
    except NotFound:
        # Deleted, or brought by the same message a moment ago: either way this one has nothing to say.
        return Report(state=State.QUEUED, cause=cause)
    except binascii.Error as exc:
        return bad_output(f"The result in the worker's message is no base64: {exc}.", cause)
    except StorageFull as refusal:
        return Report(
            state=State.FAILED,
            cause=cause,
            error_code=refusal.code,
            error_message=f"The result came and found no room. {refusal}",
            is_transient=True,
        )
    except Refusal as refusal:
        return bad_output(f"The result in the worker's message could not be kept: {refusal}", cause)
    return Report(state=State.COMPLETED, cause=cause, metrics=metrics_of(message.metadata))


def decoded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Decode base64, with or without a data URL's head, a piece at a time; or raise binascii.Error."""
    rest, is_first = b"", True
    for text in unescaped(pieces):
        if is_first and text.startswith(b"data:"):
            text = text.partition(b",")[2]
        is_first = False
        rest += text
        whole = len(rest) - len(rest) % 4  # A group of four may be cut in two.
        yield b64decode(rest[:whole], validate=True)
        rest = rest[whole:]
    if rest:
        raise binascii.Error("it breaks off")


def unescaped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Undo what a JSON encoder may do to base64, and drop its line ends."""
    cut_off = b""
    for piece in pieces:
        text = cut_off + piece
        # An escape may be cut in two: it waits for the next piece.
        start = text.rfind(b"\\", max(0, len(text) - LONGEST_ESCAPE + 1))
        cut_off = text[start:] if start != -1 else b""
        yield _plain(text[: len(text) - len(cut_off)])
    yield _plain(cut_off)


def _plain(text: bytes) -> bytes:
    for written, meant in WRITTEN.items():
        text = text.replace(written, meant)
    return text


def bad_output(sentence: str, cause: str) -> Report:
    return Report(state=State.FAILED, cause=cause, error_code="bad_output", error_message=sentence)


def nothing_delivered(cause: str) -> Report:
    sentence = "The worker says it is finished, but its result has not arrived."
    return Report(state=State.FAILED, cause=cause, error_code="result_lost", error_message=sentence)


def _why(error: object, said: dict[str, Any]) -> dict[str, Any]:
    """Read our own worker's sentence and code, or the JSON text that Runpod's SDK makes of a crash."""
    crash = _crash(error)
    sentence = crash.get("error_message") or crash.get("error_type") or _text(error)
    metadata = {"error_code": said.get("error_code"), "error_detail": crash.get("error_traceback")}
    return {"error": _text(sentence), "metadata": metadata}


def _crash(error: object) -> dict[str, Any]:
    try:
        found = json.loads(error) if isinstance(error, str) else error
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str | None:
    """Return a text without what no database holds, NUL and halves of pairs; None for anything else."""
    if not isinstance(value, str) or not value:
        return None
    return value.encode("utf-8", "replace").decode().replace("\x00", "")
