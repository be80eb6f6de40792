"""Reads a video as upright pictures in 8-bit YUV 4:2:0, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange

from worker.errors import DecodeError
from worker.media.containers import open_safely, origin_of, sound_stream, tick_of, video_stream
from worker.media.picture import BT709, Colour, Picture, from_frame

FULL_RANGE_FORMATS = {"yuvj420p", "yuvj422p", "yuvj444p", "yuvj440p"}
FALLBACK_RATE = Fraction(30)


class VideoSource:
    """An open video. Iterate it once; close it, or use it in a `with`.

    width, height: of the pictures: upright, pixels made square, cropped to even.
    rate: pictures a second on average; time_base: seconds a tick of `Picture.pts`.
    duration: seconds, None if the file does not say; frames: the count it claims, None likewise.
    colour: tags of the pictures it yields; has_audio: whether there is sound beside them.
    damaged: packets skipped so far because they could not be decoded.

    A variable frame rate is kept: pts are the file's own, less the origin, strictly increasing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        self._container = open_safely(path)
        try:
            self._read_header()
        except BaseException:
            self.close()
            raise

    def _read_header(self) -> None:
        stream = video_stream(self._container)
        if stream is None:
            raise DecodeError(f"The file {self.path.name} holds no video.")
        self._stream = stream
        stream.thread_type = "AUTO"
        self._decoded = self._decode()
        self._first = next(self._decoded, None)
        if self._first is None:
            raise DecodeError(f"No picture of the video in {self.path.name} can be decoded.")
        self._describe(stream, self._first)

    def _describe(self, stream: av.VideoStream, first: av.VideoFrame) -> None:
        self._turns = round(first.rotation / 90) % 4
        self._coded_size = square_size(first, stream.sample_aspect_ratio)
        upright = self._coded_size[:: -1 if self._turns % 2 else 1]
        self.width, self.height = (side & ~1 for side in upright)
        if min(self.width, self.height) < 2:
            raise DecodeError(f"The video in {self.path.name} is only {first.width}x{first.height} pixels.")
        self.rate = Fraction(stream.average_rate or stream.guessed_rate or FALLBACK_RATE)
        self.time_base = tick_of(stream)
        self.duration = length_of(stream, self._container)
        self.frames = stream.frames or (round(self.duration * self.rate) if self.duration else None)
        self.colour = colour_of(first)
        self.has_audio = sound_stream(self._container) is not None

    def __enter__(self) -> VideoSource:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[Picture]:
        zero = round(origin_of(self._container) / self.time_base)
        step = max(1, round(1 / (self.rate * self.time_base)))
        last = -step
        for frame in self._frames():
            pts = last + step if frame.pts is None else frame.pts - zero
            last = max(pts, last + 1)
            yield self._upright(frame, last)

    def _frames(self) -> Iterator[av.VideoFrame]:
        first, self._first = self._first, None
        if first is not None:
            yield first
        yield from self._decoded

    def _decode(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            try:
                yield from packet.decode()
            except av.FFmpegError:
                self.damaged += 1  # what is whole before and after it still makes a video

    def _packets(self) -> Iterator[av.Packet]:
        try:
            yield from self._container.demux(self._stream)
        except av.FFmpegError:
            self.damaged += 1  # a torn end: what was read so far is the video

    def _upright(self, frame: av.VideoFrame, pts: int) -> Picture:
        picture = from_frame(plain(frame, self._coded_size), pts)
        if self._turns == 0:
            return picture
        y, u, v = (np.ascontiguousarray(np.rot90(plane, self._turns)) for plane in picture.planes)
        return Picture(y, u, v, pts)


def open_video(path: Path) -> VideoSource:
    """Open a video file that may come from a stranger; DecodeError if it holds no readable video."""
    return VideoSource(Path(path))


def square_size(frame: av.VideoFrame, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """Return (width, height) with square pixels: the longer way is stretched, nothing is lost."""
    aspect = pixel_aspect or Fraction(1)
    if not Fraction(1, 4) < aspect < 4:  # nonsense in the header
        aspect = Fraction(1)
    width = round(frame.width * max(aspect, Fraction(1)))
    height = round(frame.height / min(aspect, Fraction(1)))
    return width, height


def plain(frame: av.VideoFrame, size: tuple[int, int]) -> av.VideoFrame:
    """Return the frame as 8-bit video-range yuv420p of the size; the same object if it is that already."""
    full = is_full_range(frame)
    if frame.format.name == "yuv420p" and (frame.width, frame.height) == size and not full:
        return frame
    return frame.reformat(
        *size,
        format="yuv420p",
        dst_colorspace="ITU709" if frame.format.is_rgb else None,
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation="BICUBIC",
    )


def is_full_range(frame: av.VideoFrame) -> bool:
    if frame.format.is_rgb:
        return True
    return frame.format.name in FULL_RANGE_FORMATS or frame.color_range == ColorRange.JPEG


def colour_of(frame: av.VideoFrame) -> Colour:
    """Return the tags of the frame once it is plain; RGB has become BT.709."""
    space = BT709 if frame.format.is_rgb else int(frame.colorspace)
    return Colour(space=space, primaries=int(frame.color_primaries), trc=int(frame.color_trc))


def length_of(stream: av.stream.Stream, container: av.container.InputContainer) -> float | None:
    if stream.duration:
        return float(stream.duration * tick_of(stream))
    if container.duration:
        return container.duration / av.time_base
    return None
