"""Brings the result to the service: the file by PUT, the word of it by signed callback."""

from __future__ import annotations

import base64
import io
import threading
from pathlib import Path

import requests

from worker.errors import Cancelled, DeliveryFailed
from worker.retries import Backoff, NoAnswer, persist, worth_repeating
from worker.wire import SIGNATURE_HEADER, Callback, Message, OutputTarget, sign

PATIENCE = Backoff(tries=10)  # About two minutes: a service that is being restarted comes back within it.
PUT_TIMEOUT = (5, 120)  # seconds to connect, and between two reads or writes
SAY_TIMEOUT = (5, 30)
BASE64_CAP = 40 * 1024**2  # bytes of video; 4/3 of it stays below the 64 MB that a callback may have


class WatchedFile(io.FileIO):
    """A file that cannot be read on once the job is cancelled."""

    def __init__(self, path: Path, cancelled: threading.Event) -> None:
        super().__init__(path)
        self.cancelled = cancelled

    def read(self, size: int | None = -1, /) -> bytes:
        if self.cancelled.is_set():
            raise Cancelled
        return super().read(size)


def put(
    result: Path, target: OutputTarget, *, cancelled: threading.Event, backoff: Backoff = PATIENCE
) -> str:
    """Stream the result to where the service wants it, and return the address it can be had from."""
    size = result.stat().st_size
    if size > target.max_bytes:
        raise DeliveryFailed(
            f"The result has {size} bytes; the service takes {target.max_bytes}.", retry=False
        )

    def send() -> requests.Response:
        with WatchedFile(result, cancelled) as body:
            headers = {"Content-Type": "video/mp4"}
            return requests.put(target.upload_url, data=body, headers=headers, timeout=PUT_TIMEOUT)

    try:
        answer = persist(send, backoff=backoff, stop=cancelled)
    except NoAnswer as exc:
        raise DeliveryFailed(f"The result could not be uploaded: {exc}.") from exc
    if not answer.ok:
        status = answer.status_code
        raise DeliveryFailed(
            f"The result could not be uploaded: the server answered {status}.", retry=worth_repeating(status)
        )
    return target.output_url


def as_base64(result: Path) -> str:
    """Return the whole result as text, for a callback that names no place to upload it to."""
    size = result.stat().st_size
    if size > BASE64_CAP:
        raise DeliveryFailed(
            f"The result has {size} bytes; without an upload address it can have {BASE64_CAP}.", retry=False
        )
    return base64.b64encode(result.read_bytes()).decode()


def say(
    message: Message,
    callback: Callback,
    *,
    stop: threading.Event,
    backoff: Backoff = PATIENCE,
    timeout: tuple[float, float] = SAY_TIMEOUT,
) -> bool:
    """Send one signed message; return whether the service wants the job to end."""
    body = message.to_bytes()
    headers = {"Content-Type": "application/json", SIGNATURE_HEADER: sign(body, callback.secret)}
    try:
        answer = persist(
            lambda: requests.post(callback.url, data=body, headers=headers, timeout=timeout),
            backoff=backoff,
            stop=stop,
        )
    except NoAnswer as exc:
        raise DeliveryFailed(f"The service did not take a message: {exc}.") from exc
    if not answer.ok:
        status = answer.status_code
        raise DeliveryFailed(f"The service answered a message with {status}.", retry=worth_repeating(status))
    return _wants_cancel(answer)


def _wants_cancel(answer: requests.Response) -> bool:
    """A service of the fixed contract alone may answer anything; only our own says `cancel`."""
    try:
        said = answer.json()
    except requests.JSONDecodeError:
        return False
    return isinstance(said, dict) and said.get("cancel") is True
