"""Open hostile media and describe it: `python -m assets.inspection`, a process that knows no Django.

Containers are opened by path with a list of formats that hold their own data: playlists,
concatenations and session descriptions would make FFmpeg open other files, or the network.
"""

from __future__ import annotations

import json
import resource
import struct
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from PIL import Image, ImageOps

from assets.errors import (
    Refusal,
    StorageFull,
    TooLong,
    TooManyPixels,
    UnreadableMedia,
    UnsupportedMedia,
)
from assets.errors import gettext_noop as _
from assets.probe import Facts, Question

MEMORY_BYTES = 3 * 1024**3  # address space: an 8K frame with its decoder's references fits
CPU_SECONDS = 60
THUMBNAIL_SIDE = 480
IMAGE_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
# Those that the worker reads, too.
FORMATS = {
    "video": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm",
    "audio": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,wav,mp3,ogg,flac,aac",
}
# What the first bytes of a container look like: (offset, bytes).
MP4_AND_MATROSKA = [(4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"wide"), (0, b"\x1a\x45\xdf\xa3")]
SOUND_FILES = [
    *((8, b"WAVE"), (0, b"ID3"), (0, b"OggS"), (0, b"fLaC"), (0, b"\xff\xf1"), (0, b"\xff\xf9")),
    *((0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\xff\xf2")),
]
MAGIC = {"video": MP4_AND_MATROSKA, "audio": [*MP4_AND_MATROSKA, *SOUND_FILES]}
NOT_TAKEN = {
    "video": _("%(name)r is not a video file of a kind that is taken here."),
    "audio": _("%(name)r is not an audio file of a kind that is taken here."),
}
NOT_DECODED = {
    "video": _("%(name)r holds no video that can be decoded."),
    "audio": _("%(name)r holds no audio that can be decoded."),
}
CONTENT_TYPES = {
    ("video", "mov"): "video/mp4",
    ("video", "matroska"): "video/webm",
    ("audio", "mov"): "audio/mp4",
    ("audio", "matroska"): "audio/webm",
    ("audio", "wav"): "audio/wav",
    ("audio", "mp3"): "audio/mpeg",
    ("audio", "ogg"): "audio/ogg",
    ("audio", "flac"): "audio/flac",
    ("audio", "aac"): "audio/aac",
}


def inspect(question: Question) -> Facts:
    """Return what the file is, or raise the refusal to show its owner."""
    if question.kind == "image":
        return _inspect_image(question)
    return _inspect_media(question)


def _inspect_image(question: Question) -> Facts:
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = question.max_pixels
    try:
        with Image.open(question.path, formats=tuple(IMAGE_TYPES)) as picture:
            _check_pixels(question, *picture.size)
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise TooManyPixels(
            _("%(name)r has more than %(most)d megapixels, the limit."),
            name=question.name,
            most=round(question.max_pixels / 1e6),
        ) from None
    except Image.UnidentifiedImageError:
        raise UnsupportedMedia(
            _("%(name)r is not a JPEG, PNG or WebP picture."), name=question.name
        ) from None
    except (OSError, SyntaxError, ValueError, MemoryError) as exc:
        raise UnreadableMedia(
            _("%(name)r is damaged: its picture cannot be read."), name=question.name
        ) from exc
    if question.clean:
        upright.save(question.clean, "JPEG", quality=95, subsampling=0)
    if question.thumbnail:
        _save_thumbnail(upright, question.thumbnail)
    return Facts(content_type="image/jpeg", width=upright.width, height=upright.height)


def _inspect_media(question: Question) -> Facts:
    head = _head(question.path)
    if not any(head[offset:].startswith(magic) for offset, magic in MAGIC[question.kind]):
        raise UnsupportedMedia(NOT_TAKEN[question.kind], name=question.name)
    options = {"format_whitelist": FORMATS[question.kind], "protocol_whitelist": "file"}
    try:
        with av.open(question.path, options=options) as container:
            return _facts(container, question)
    except (av.error.FFmpegError, ValueError, MemoryError) as exc:
        raise UnreadableMedia(
            _("%(name)r is damaged or cut short: it cannot be decoded."), name=question.name
        ) from exc


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(16)


def _facts(container: InputContainer, question: Question) -> Facts:
    family = (question.kind, container.format.name.split(",")[0])
    pictures = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    sounds = container.streams.audio
    if question.kind == "video" and not pictures:
        raise UnreadableMedia(_("%(name)r holds no video track."), name=question.name)
    if question.kind == "audio" and not sounds:
        raise UnreadableMedia(_("%(name)r holds no sound."), name=question.name)
    stream = pictures[0] if question.kind == "video" else sounds[0]
    if pictures and question.kind == "video":
        _check_pixels(question, pictures[0].codec_context.width, pictures[0].codec_context.height)
    first = next(_frames(container, stream), None)
    if first is None:
        raise UnreadableMedia(NOT_DECODED[question.kind], name=question.name)
    seconds = _seconds(container, stream)
    if seconds > question.max_seconds:
        raise TooLong(
            _("%(name)r is %(seconds)d s long; the limit is %(most)d s."),
            name=question.name,
            seconds=round(seconds),
            most=round(question.max_seconds),
        )
    if not _reaches(container, stream, seconds):
        raise UnreadableMedia(
            _("%(name)r is cut short: it says %(seconds)s s, but its end is missing."),
            name=question.name,
            seconds=round(seconds, 1),
        )
    if question.kind == "audio":
        return Facts(content_type=CONTENT_TYPES.get(family, "audio/mp4"), seconds=seconds, has_sound=True)
    picture = _seen(first, pictures[0], question)
    if question.thumbnail:
        _save_thumbnail(picture, question.thumbnail)
    return Facts(
        content_type=CONTENT_TYPES.get(family, "video/mp4"),
        width=picture.width,
        height=picture.height,
        seconds=seconds,
        fps=float(stream.average_rate or 0) or None,
        has_sound=bool(sounds),
    )


def _frames(container: InputContainer, stream: av.VideoStream | av.AudioStream) -> Iterator[Any]:
    """Decode, stepping over damaged packets; end of a cut-off file ends the frames."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def _seconds(container: InputContainer, stream: av.VideoStream | av.AudioStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return container.duration / av.time_base
    # A recording of a browser carries no length: read to the end of it.
    container.seek(0)
    ends = [
        float((packet.pts + (packet.duration or 0)) * packet.time_base)
        for packet in container.demux(stream)
        if packet.pts is not None
    ]
    return max(ends, default=0.0)


def _reaches(container: InputContainer, stream: av.VideoStream | av.AudioStream, seconds: float) -> bool:
    """Is there anything in the last second, or fifth, where a file that was cut off has nothing?

    A length that is the container's ends with whichever of its tracks is the longest.
    """
    if not stream.time_base:
        return True
    unit = float(stream.time_base)
    near_the_end = seconds - min(1.0, 0.2 * seconds)
    tracks: list[Any] = [stream]
    if stream.duration:
        near_the_end += (stream.start_time or 0) * unit
    else:
        tracks = [*container.streams.video, *container.streams.audio]
    container.seek(int(near_the_end / unit), stream=stream, backward=True)
    return any(
        (packet.pts + (packet.duration or 0)) * packet.time_base > near_the_end
        for packet in container.demux(tracks)
        if packet.pts is not None and packet.size and not packet.is_corrupt
    )


def _check_pixels(question: Question, width: int, height: int) -> None:
    if width * height > question.max_pixels:
        raise TooManyPixels(
            _("%(name)r is %(width)d×%(height)d, %(has)s megapixels; the limit is %(most)s."),
            name=question.name,
            width=width,
            height=height,
            has=round(width * height / 1e6, 1),
            most=round(question.max_pixels / 1e6, 1),
        )


def _seen(frame: av.VideoFrame, stream: av.VideoStream, question: Question) -> Image.Image:
    """Return the picture as a player shows it: its pixels made square, turned and mirrored."""
    width, height = _square(frame.width, frame.height, stream.sample_aspect_ratio)
    _check_pixels(question, width, height)
    picture = frame.to_image(width=width, height=height)
    for way in _ways(frame):
        picture = picture.transpose(way)
    return picture


def _square(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Return the size with square pixels: the longer way is stretched. Beyond 1:4 the header is nonsense."""
    if not aspect or not Fraction(1, 4) < aspect < 4:
        return width, height
    return round(width * max(aspect, Fraction(1))), round(height / min(aspect, Fraction(1)))


def _ways(frame: av.VideoFrame) -> list[Image.Transpose]:
    """Return what makes the picture upright, in that order.

    A display matrix (ISO/IEC 14496-12) takes (x, y) to (a x + c y, b x + d y), y pointing down.
    """
    try:
        matrix = frame.side_data["DISPLAYMATRIX"]  # type: ignore[typeddict-item]  # the stub knows one kind
    except KeyError:
        return []
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
    is_transposed = abs(a) + abs(d) < abs(b) + abs(c)
    across, down = (c, b) if is_transposed else (a, d)
    ways = {
        Image.Transpose.TRANSPOSE: is_transposed,
        Image.Transpose.FLIP_LEFT_RIGHT: across < 0,
        Image.Transpose.FLIP_TOP_BOTTOM: down < 0,
    }
    return [way for way, is_wanted in ways.items() if is_wanted]


def _save_thumbnail(picture: Image.Image, path: str) -> None:
    small = picture.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    small.save(path, "JPEG", quality=82)


def limit_this_process() -> None:
    """Bound address space (where the system can: not on macOS), processor time and core dumps."""
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(question: Question) -> dict[str, object]:
    try:
        return asdict(inspect(question))
    except Refusal as refusal:
        return {"code": refusal.code, "sentence": refusal.sentence, "values": refusal.values}
    except OSError as exc:
        if exc.errno not in StorageFull.ERRNOS:
            raise
        return {
            "code": StorageFull.code,
            "sentence": _("The disk ran full while %(name)r was looked at; nothing of it was kept."),
            "values": {"name": question.name},
        }


if __name__ == "__main__":
    limit_this_process()
    json.dump([answer(Question(**question)) for question in json.load(sys.stdin)], sys.stdout)
