"""The contract between the service and a worker: what is sent, what is answered, and the signature.

Only the standard library is imported here, so that the service can use these types without the engine.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlsplit

from worker.errors import BadMessage, BadPayload

SCHEMA_VERSION = 1
SIGNATURE_HEADER = "X-Callback-Signature"
JOB_ID_LENGTH = 200  # characters; a UUID has 36
PHOTOS_MOST = FACES_MOST = 12
SECONDS_MOST = 10**6  # of a clip: eleven days
FRAMES_MOST = 2**31 - 1  # What a 32-bit database column holds: more than a year of video.
PROGRESS_FIELDS = (  # name, type, most
    ("percent", (int, float), 100),
    ("frames_done", int, FRAMES_MOST),
    ("frames_total", int, FRAMES_MOST),
)

Choice = TypeVar("Choice", bound=StrEnum)


class Mode(StrEnum):
    VIDEO_SWAP = "video_swap"
    PHOTO_SING = "photo_sing"


class Quality(StrEnum):
    FAST = "fast"
    BALANCED = "balanced"
    MAX = "max"


class AspectRatio(StrEnum):
    PORTRAIT = "9:16"
    SQUARE = "1:1"
    TALL = "4:5"
    ORIGINAL = "original"


class Stage(StrEnum):
    QUEUED = "queued"
    PREPROCESSING = "preprocessing"
    GENERATING = "generating"
    ENHANCING = "enhancing"
    PACKAGING = "packaging"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class MessageStatus(StrEnum):
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


def sign(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify(body: bytes, signature: str | None, secret: str) -> bool:
    """Compare in constant time; a signature that is no hex at all is simply wrong."""
    # As bytes: compare_digest raises TypeError on a str that is not ASCII.
    given = (signature or "").encode("utf-8", "replace")
    return hmac.compare_digest(given, sign(body, secret).encode())


def attempt_secret(master: str, attempt_id: str) -> str:
    """Return the secret of one attempt, which can speak for no other."""
    return sign(f"callback:{attempt_id}".encode(), master)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    source_image_url: str
    reference_video_url: str | None = None
    driving_audio_url: str | None = None
    source_image_urls: tuple[str, ...] = ()  # if there are several photos: all, the first one too

    def as_input(self) -> dict[str, Any]:
        """Leave out what there is not: workers in the field would fetch a null."""
        several = {"source_image_urls": list(self.source_image_urls)} if self.source_image_urls else {}
        return {**self.by_key(), **several}

    def by_key(self) -> dict[str, str]:
        """Return the inputs that there is at most one of."""
        urls = {
            "reference_video_url": self.reference_video_url,
            "source_image_url": self.source_image_url,
            "driving_audio_url": self.driving_audio_url,
        }
        return {name: url for name, url in urls.items() if url is not None}

    @classmethod
    def from_input(cls, value: object) -> Inputs:
        assets = _mapping(value, "assets")
        return cls(
            source_image_url=_url(assets, "assets.source_image_url"),
            reference_video_url=_url_or_none(assets, "assets.reference_video_url"),
            driving_audio_url=_url_or_none(assets, "assets.driving_audio_url"),
            source_image_urls=_urls(assets, "assets.source_image_urls"),
        )

    @property
    def photo_urls(self) -> tuple[str, ...]:
        """The photos in the order in which `Casting.source` counts them."""
        return self.source_image_urls or (self.source_image_url,)


@dataclass(frozen=True, kw_only=True)
class Casting:
    """Who gets which photo: the person seen at `time`, in seconds, in `box`: left, top, right and bottom as
    shares of the upright picture's sides. A `source` of None leaves this person alone."""

    time: float
    box: tuple[float, float, float, float]
    source: int | None

    def as_input(self) -> dict[str, Any]:
        return {"target": {"time": self.time, "box": list(self.box)}, "source": self.source}

    @classmethod
    def from_input(cls, value: object, name: str, photos: int) -> Casting:
        given = _mapping(value, name)
        target = _mapping(given.get("target"), f"{name}.target")
        time: Any = target.get("time")
        box: Any = target.get("box")
        source: Any = given.get("source", ...)
        if not _is_number(time, 0, SECONDS_MOST):
            raise BadPayload(f"The job's {name}.target.time must be seconds from 0 on and is {_shown(time)}.")
        if not _is_box(box):
            raise BadPayload(
                f"The job's {name}.target.box must be [left, top, right, bottom], 0..1, and is {_shown(box)}."
            )
        is_count = isinstance(source, int) and not isinstance(source, bool)
        if source is not None and not (is_count and 0 <= source < photos):
            raise BadPayload(
                f"The job's {name}.source must be null or 0 to {photos - 1} and is {_shown(source)}."
            )
        left, top, right, bottom = map(float, box)
        return cls(time=float(time), box=(left, top, right, bottom), source=source)


@dataclass(frozen=True, kw_only=True)
class Trim:
    """The part that is made, in seconds of the clip that gives the result its length: the driving audio of a
    photo_sing that has one, else the reference video. An `end` of None is the clip's own."""

    start: float
    end: float | None = None

    def as_input(self) -> dict[str, float | None]:
        return {"start": self.start, "end": self.end}

    @classmethod
    def from_input(cls, value: object) -> Trim:
        given = _mapping(value, "trim")
        start: Any = given.get("start", 0)
        end: Any = given.get("end")
        if not _is_number(start, 0, SECONDS_MOST):
            raise BadPayload(f"The job's trim.start must be seconds from 0 on and is {_shown(start)}.")
        if end is not None and not (_is_number(end, 0, SECONDS_MOST) and end > start):
            raise BadPayload(f"The job's trim.end must be null or after {start:g} s and is {_shown(end)}.")
        return cls(start=float(start), end=None if end is None else float(end))


@dataclass(frozen=True, kw_only=True)
class Callback:
    url: str
    secret: str = field(repr=False)

    def as_input(self) -> dict[str, str]:
        return {"url": self.url, "secret": self.secret}

    @classmethod
    def from_input(cls, value: object) -> Callback:
        callback = _mapping(value, "callback")
        secret = callback.get("secret")
        if not isinstance(secret, str) or not secret:
            raise BadPayload(
                "The job's callback.secret is missing or is no text."
            )  # A secret is never shown.
        return cls(url=_url(callback, "callback.url"), secret=secret)


@dataclass(frozen=True, kw_only=True)
class OutputTarget:
    upload_url: str
    output_url: str
    max_bytes: int

    def as_input(self) -> dict[str, Any]:
        return {"upload_url": self.upload_url, "output_url": self.output_url, "max_bytes": self.max_bytes}

    @classmethod
    def from_input(cls, value: object) -> OutputTarget:
        target = _mapping(value, "output_target")
        return cls(
            upload_url=_url(target, "output_target.upload_url"),
            output_url=_url(target, "output_target.output_url"),
            max_bytes=_count(target, "output_target.max_bytes", default=None),
        )


@dataclass(frozen=True, kw_only=True)
class Payload:
    """One attempt at one job, as the worker is sent it."""

    job_id: str
    mode: Mode
    quality: Quality = Quality.BALANCED
    enable_4k: bool = False
    aspect_ratio: AspectRatio = AspectRatio.PORTRAIT
    assets: Inputs
    callback: Callback
    output_target: OutputTarget | None = None
    attempt: int = 1
    schema_version: int = SCHEMA_VERSION
    faces: tuple[Casting, ...] = ()
    trim: Trim | None = None
    preview: bool = False

    def as_input(self) -> dict[str, Any]:
        sent: dict[str, Any] = {
            "job_id": self.job_id,
            "mode": self.mode.value,
            "quality": self.quality.value,
            "enable_4k": self.enable_4k,
            "aspect_ratio": self.aspect_ratio.value,
            "assets": self.assets.as_input(),
            "callback": self.callback.as_input(),
            "attempt": self.attempt,
            "schema_version": self.schema_version,
        }
        if self.output_target:
            sent["output_target"] = self.output_target.as_input()
        if self.faces:
            sent["faces"] = [casting.as_input() for casting in self.faces]
        if self.trim:
            sent["trim"] = self.trim.as_input()
        if self.preview:
            sent["preview"] = True
        return sent

    @classmethod
    def from_input(cls, value: object) -> Payload:
        """Read what was sent, or raise BadPayload. Keys that are not of the contract are passed over."""
        given = _mapping(value, "input")
        target = given.get("output_target")
        assets = Inputs.from_input(given.get("assets"))
        payload = cls(
            job_id=_job_id(given, BadPayload),
            mode=_choice(given, "mode", Mode, default=None),
            quality=_choice(given, "quality", Quality, default=Quality.BALANCED),
            enable_4k=_flag(given, "enable_4k"),
            aspect_ratio=_choice(given, "aspect_ratio", AspectRatio, default=AspectRatio.PORTRAIT),
            assets=assets,
            callback=Callback.from_input(given.get("callback")),
            output_target=None if target is None else OutputTarget.from_input(target),
            attempt=_count(given, "attempt", default=1),
            schema_version=_count(given, "schema_version", default=SCHEMA_VERSION),
            faces=_faces(given.get("faces"), len(assets.photo_urls)),
            trim=None if given.get("trim") is None else Trim.from_input(given["trim"]),
            preview=_flag(given, "preview"),
        )
        payload._require_something_to_follow()
        return payload

    def _require_something_to_follow(self) -> None:
        if self.assets.reference_video_url:
            return
        if self.mode is Mode.VIDEO_SWAP:
            raise BadPayload("The job's assets.reference_video_url is missing; video_swap needs a video.")
        if not self.assets.driving_audio_url:
            raise BadPayload(
                "The job has neither assets.reference_video_url nor assets.driving_audio_url; "
                "photo_sing needs one of them."
            )


@dataclass(frozen=True, kw_only=True)
class Message:
    """What a worker says of its job. `metadata` is JSON; `error` is the person's sentence."""

    job_id: str
    status: MessageStatus
    output_url: str | None = None
    output_base64: str | None = field(default=None, repr=False)
    error: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the body to sign and send; base64 stands in place of a URL."""
        output: dict[str, Any] = (
            {"output_url": self.output_url}
            if self.output_base64 is None
            else {"output_base64": self.output_base64}
        )
        said: dict[str, Any] = {
            "job_id": self.job_id,
            "status": self.status.value,
            **output,
            "error": self.error,
        }
        if self.metadata:
            said["metadata"] = self.metadata
        return json.dumps(said, allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, raw: bytes, max_bytes: int) -> Message:
        """Read a body, or raise BadMessage. Keys that are not of the contract are passed over."""
        if len(raw) > max_bytes:
            raise BadMessage(f"The message has {len(raw)} bytes; the limit is {max_bytes}.")
        said = _json_object(raw)
        message = cls(
            job_id=_job_id(said, BadMessage),
            status=_status(said.get("status")),
            output_url=_text_or_none(said, "output_url"),
            output_base64=_text_or_none(said, "output_base64"),
            error=_text_or_none(said, "error"),
            metadata=_metadata(said.get("metadata")),
        )
        if message.status is MessageStatus.PROCESSING:
            _check_progress(message.metadata)
        return message


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadPayload(f"The job's {name} must be an object and is {_shown(value)}.")
    return value


def _job_id(given: Mapping[str, Any], error: type[BadPayload] | type[BadMessage]) -> str:
    job_id = given.get("job_id")
    if not isinstance(job_id, str) or not 0 < len(job_id) <= JOB_ID_LENGTH:
        raise error(f"job_id must be a text of 1 to {JOB_ID_LENGTH} characters and is {_shown(job_id)}.")
    return job_id


def _choice(given: Mapping[str, Any], name: str, choices: type[Choice], *, default: Choice | None) -> Choice:
    value = given.get(name, default)
    try:
        return choices(value)
    except ValueError:
        allowed = ", ".join(choices)
        raise BadPayload(f"The job's {name} is {_shown(value)}; it must be one of {allowed}.") from None


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise BadPayload(f"The job's {name} must be true or false and is {_shown(value)}.")
    return value


def _count(given: Mapping[str, Any], name: str, *, default: int | None) -> int:
    """`name` may be dotted, to say where the value stands; the last part is the key."""
    value = given.get(name.rpartition(".")[2], default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadPayload(f"The job's {name} must be a whole number above 0 and is {_shown(value)}.")
    return value


def _url(given: Mapping[str, Any], name: str, *, key: str | None = None) -> str:
    """`name` says where the value stands; the key is its last part unless given."""
    value = given.get(key or name.rpartition(".")[2])
    if value is None:
        raise BadPayload(f"The job's {name} is missing.")
    if not isinstance(value, str) or not _is_web_address(value):
        # Not shown in full: an asset's address holds its token.
        raise BadPayload(
            f"The job's {name} must be an http or https address and starts with {_shown(value, 12)}."
        )
    return value


def _url_or_none(given: Mapping[str, Any], name: str) -> str | None:
    return None if given.get(name.rpartition(".")[2]) is None else _url(given, name)


def _urls(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    key = name.rpartition(".")[2]
    value = given.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not 0 < len(value) <= PHOTOS_MOST:
        shown = f"a list of {len(value)}" if isinstance(value, list) else _shown(value, 12)
        raise BadPayload(f"The job's {name} must be a list of 1 to {PHOTOS_MOST} addresses and is {shown}.")
    return tuple(_url({key: url}, f"{name}[{number}]", key=key) for number, url in enumerate(value))


def _faces(value: object, photos: int) -> tuple[Casting, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > FACES_MOST:
        shown = f"a list of {len(value)}" if isinstance(value, list) else _shown(value)
        raise BadPayload(f"The job's faces must be a list of up to {FACES_MOST} and is {shown}.")
    return tuple(Casting.from_input(face, f"faces[{at}]", photos) for at, face in enumerate(value))


def _is_number(value: object, least: float, most: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return least <= value <= most  # of NaN, neither holds


def _is_box(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 4 or not all(_is_number(side, 0, 1) for side in value):
        return False
    left, top, right, bottom = value
    return bool(left < right and top < bottom)


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        said = _storable(json.loads(raw, parse_float=_finite, parse_constant=_finite))
    except (ValueError, RecursionError) as exc:
        raise BadMessage("The message is no JSON.") from exc
    if not isinstance(said, dict):
        raise BadMessage(f"The message must be a JSON object and is {_shown(said)}.")
    return said


def _finite(literal: str) -> float:
    """Python's JSON reads NaN, Infinity and 1e999; no database and no other language does."""
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError(f"{literal} is no finite number")
    return number


def _storable(value: Any) -> Any:
    """Drop what JSON can say and a database cannot hold: NUL, and half a pair of surrogates."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\x00", "")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value


def _status(value: Any) -> MessageStatus:
    try:
        return MessageStatus(value)
    except ValueError:
        allowed = ", ".join(MessageStatus)
        raise BadMessage(f"status is {_shown(value)}; it must be one of {allowed}.") from None


def _text_or_none(said: Mapping[str, Any], name: str) -> str | None:
    value = said.get(name)
    if value is not None and not isinstance(value, str):
        raise BadMessage(f"{name} must be a text or null and is {_shown(value)}.")
    return value


def _metadata(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadMessage(f"metadata must be an object and is {_shown(value)}.")
    return value


def _check_progress(metadata: Mapping[str, Any]) -> None:
    for name, kind, most in PROGRESS_FIELDS:
        value = metadata.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, kind) or not 0 <= value <= most:
            raise BadMessage(f"metadata.{name} must be a number from 0 to {most} and is {_shown(value)}.")
    if metadata.get("stage") is not None and metadata["stage"] not in list(Stage):
        raise BadMessage(
            f"metadata.stage is {_shown(metadata['stage'])}; it must be one of {', '.join(Stage)}."
        )


def _shown(value: object, length: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= length else f"{text[:length]}…"
