"""Does one job from its input to its callback, on Runpod and in the pool alike."""

from __future__ import annotations

import asyncio
import errno
import logging
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from worker import __version__, engines
from worker.deliver import as_base64, put, say
from worker.engines.digest import digest_of
from worker.errors import (
    BadPayload,
    Cancelled,
    DeliveryFailed,
    DiskFull,
    EngineError,
    FetchFailed,
    WorkError,
)
from worker.fetch import fetch
from worker.progress import Progress
from worker.wire import Callback, Message, MessageStatus, Payload, Stage
from worker.workspace import sweep, workspace

logger = logging.getLogger(__name__)

ENGINE = f"TrueFaceSwapVideo worker {__version__}"
DETAIL_CAP = 8000  # characters of a traceback, its end

# What the person calls an input, and the name of its file here.
INPUTS = {
    "reference_video_url": ("reference video", "reference"),
    "source_image_url": ("source image", "source"),
    "driving_audio_url": ("driving audio", "audio"),
}


async def handler(job: Mapping[str, Any]) -> dict[str, Any]:
    """The handler that `runpod.serverless.start` takes.

    A plain function could not be cancelled: the SDK asks for the stop signal on the event loop
    that such a handler would block.
    """
    cancelled = threading.Event()
    working = asyncio.create_task(asyncio.to_thread(work, job["input"], cancelled))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        cancelled.set()
        await working  # Ends at the next frame; until then this worker is not free.
        raise


def work(
    job_input: object, cancelled: threading.Event, stopping: threading.Event | None = None
) -> dict[str, Any]:
    """Do one job; return what Runpod shall keep of it, where a key `error` means that it failed.

    The end is told by callback, unless the job was cancelled: then whoever cancelled it knows.
    Setting `cancelled` ends the work between two frames. If `stopping` is set by then it is the worker that
    ends, and what is finished is kept for when the job comes again.
    """
    try:
        payload = Payload.from_input(job_input)
    except BadPayload as exc:
        return _refuse(job_input, exc, cancelled)
    logger.info("Job %s: %s, %s, attempt %s.", payload.job_id, payload.mode, payload.quality, payload.attempt)
    began = time.monotonic()
    progress = Progress(payload.callback, payload.job_id, cancelled)
    try:
        last, metrics = _make(payload, progress, cancelled, stopping or threading.Event())
    except Cancelled as exc:
        return _ended(payload.job_id, exc)
    except Exception as exc:  # Whatever it is, the service must hear of it, and the worker go on.
        last, metrics = _failure(payload, exc), {}
    finally:
        progress.end()
    last.metadata["metrics"] = {**metrics, "run_seconds": round(time.monotonic() - began, 3)}
    last.metadata["stage_timings"] = progress.timings
    return _tell(last, payload.callback, cancelled)


def _make(
    payload: Payload, progress: Progress, cancelled: threading.Event, stopping: threading.Event
) -> tuple[Message, dict[str, Any]]:
    """Fetch, make and hand over; return the last message and the metrics of what was made."""

    def may_go_on_later(exc: BaseException) -> bool:
        if isinstance(exc, Cancelled):
            return stopping.is_set()
        return isinstance(exc, FetchFailed | DeliveryFailed) and exc.retry

    progress(Stage.PREPROCESSING, 0, None)
    sweep()
    with workspace(payload.job_id, is_kept=may_go_on_later) as place:
        task = _prepare(payload, place.files, cancelled)
        result = engines.make(replace(task, parts=place.parts(digest_of(task))), progress)
        progress(Stage.PACKAGING, result.frames, result.frames)
        output = _hand_over(task.output, payload, cancelled)
    last = Message(
        job_id=payload.job_id, status=MessageStatus.COMPLETED, metadata={"engine": ENGINE}, **output
    )
    return last, _metrics(result)


def _prepare(payload: Payload, folder: Path, cancelled: threading.Event) -> engines.Task:
    files: dict[str, Path] = {}
    photos = payload.assets.photo_urls
    for key, url in payload.assets.by_key().items():
        name, file = INPUTS[key]
        url = photos[0] if key == "source_image_url" else url
        fetch(url, folder / file, name=name, cancelled=cancelled)
        files[key] = folder / file
    more = [folder / f"source-{number}" for number in range(1, len(photos))]
    for number, (url, path) in enumerate(zip(photos[1:], more, strict=True), start=1):
        fetch(url, path, name=f"source image number {number}", cancelled=cancelled)
    return engines.Task(
        mode=payload.mode,
        quality=payload.quality,
        enable_4k=payload.enable_4k,
        aspect_ratio=payload.aspect_ratio,
        reference_video=files.get("reference_video_url"),
        source_image=files["source_image_url"],
        more_source_images=tuple(more),
        faces=payload.faces,
        trim=payload.trim,
        is_preview=payload.preview,
        driving_audio=files.get("driving_audio_url"),
        output=folder / "result.mp4",
    )


def _hand_over(result: Path, payload: Payload, cancelled: threading.Event) -> dict[str, str]:
    """Return the output as the message names it: by address where we were given a place for it."""
    if payload.output_target:
        return {"output_url": put(result, payload.output_target, cancelled=cancelled)}
    return {"output_base64": as_base64(result)}


def _metrics(result: engines.Result) -> dict[str, Any]:
    names = ("frames", "swapped", "fps", "width", "height", "seconds")
    return {name: getattr(result, name) for name in names} | result.told


def _refuse(job_input: object, exc: BadPayload, cancelled: threading.Event) -> dict[str, Any]:
    """Tell the service that we cannot read its job, if that much of it can be read."""
    given = job_input if isinstance(job_input, Mapping) else {}
    job_id = str(given.get("job_id"))
    message = Message(
        job_id=job_id, status=MessageStatus.FAILED, error=str(exc), metadata={"error_code": exc.code}
    )
    try:
        callback = Callback.from_input(given.get("callback"))
    except BadPayload:
        return _outcome(message)
    return _tell(message, callback, cancelled)


def _failure(payload: Payload, exc: Exception) -> Message:
    metadata = {"engine": ENGINE}
    if isinstance(exc, OSError) and exc.errno == errno.ENOSPC:
        exc = DiskFull("The worker's disk is full.")
        sweep(older_than=0)
    if not isinstance(exc, WorkError):
        metadata["error_detail"] = _without_secrets("".join(traceback.format_exception(exc)), payload)[
            -DETAIL_CAP:
        ]
        logger.error("Job %s failed unexpectedly.\n%s", payload.job_id, metadata["error_detail"])
        exc = EngineError(f"The engine stopped unexpectedly ({type(exc).__name__}).")
    logger.warning("Job %s failed (%s): %s", payload.job_id, exc.code, exc)
    metadata["error_code"] = exc.code
    return Message(job_id=payload.job_id, status=MessageStatus.FAILED, error=str(exc), metadata=metadata)


def _without_secrets(text: str, payload: Payload) -> str:
    """Blot out the secret and every address; an HTTP library quotes them by their path alone."""
    target = payload.output_target
    assets = payload.assets
    urls = [payload.callback.url, *assets.by_key().values(), *assets.source_image_urls]
    urls += [target.upload_url, target.output_url] if target else []
    paths = [path for path in (urlsplit(url).path for url in urls) if path.strip("/")]
    for hidden in (payload.callback.secret, *urls, *paths):
        text = text.replace(hidden, "[hidden]")
    return text


def _tell(last: Message, callback: Callback, cancelled: threading.Event) -> dict[str, Any]:
    try:
        say(last, callback, stop=cancelled)
    except Cancelled as exc:
        return _ended(last.job_id, exc)
    except DeliveryFailed as exc:
        logger.warning("Job %s: %s", last.job_id, exc)
        if last.output_base64 is not None:  # It was only in the message; an uploaded result is still there.
            return _ended(last.job_id, exc)
    return _outcome(last)


def _outcome(last: Message) -> dict[str, Any]:
    if last.status is MessageStatus.COMPLETED:
        return {"job_id": last.job_id, "status": last.status.value, "output_url": last.output_url}
    return {
        "job_id": last.job_id,
        "status": last.status.value,
        "error": last.error,
        "error_code": last.metadata["error_code"],
    }


def _ended(job_id: str, exc: WorkError) -> dict[str, Any]:
    """Return the outcome of a job whose end the service does not hear by callback."""
    status = "cancelled" if isinstance(exc, Cancelled) else MessageStatus.FAILED.value
    return {"job_id": job_id, "status": status, "error": str(exc), "error_code": exc.code}
