"""Reads a video as upright pictures in 8-bit YUV 4:2:0, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from worker.errors import DecodeError
from worker.media.containers import open_safely, origin_of, tick_of, video_stream
from worker.media.deinterlace import deinterlaced
from worker.media.picture import Picture
from worker.media.plain import Plain

FALLBACK_RATE = Fraction(30)
FASTEST_RATE = 480  # pictures a second: of phones in slow motion
SMALLEST_SIDE = 2
LONGEST_SHOWN = 60  # seconds that a last picture may stay; files claim hours, and players hold it anyway
# Seconds before the wanted picture where a key frame is looked for; if there is none, all is read.
LOOK_BACK = (0, 1, 4, 16, 64)


class VideoSource:
    """An open video. Iterate it once; close it, or use it in a `with`.

    width, height: of the pictures: upright, pixels made square, cropped to even.
    rate: pictures a second on average; time_base: seconds a tick of `Picture.pts`.
    duration: seconds, None if the file does not say; frames: the count it claims, None likewise.
    colour: tags of the pictures it yields; has_audio: whether there is sound beside them.
    damaged: packets skipped so far because they could not be decoded.

    Interlaced pictures come out whole, as many as there are.
    A variable frame rate is kept: pts are the file's own, less the origin, strictly increasing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        self._from: int | None = None  # the first pts to yield
        self._open()
        try:
            self._read_header()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self._container = open_safely(self.path)
        stream = video_stream(self._container)
        if stream is None:
            self._container.close()
            raise DecodeError(f"The file {self.path.name} holds no video.")
        stream.thread_type = "AUTO"
        self._stream = stream
        self._decoded = self._decode()

    def _read_header(self) -> None:
        self._first = next(self._decoded, None)
        if self._first is None:
            raise DecodeError(f"No picture of the video in {self.path.name} can be decoded.")
        self._describe(self._stream, self._first)

    def _describe(self, stream: av.VideoStream, first: av.VideoFrame) -> None:
        self._plain = Plain(first, stream.sample_aspect_ratio)
        self.width, self.height = self._plain.width, self._plain.height
        if min(self.width, self.height) < SMALLEST_SIDE:
            raise DecodeError(f"The video in {self.path.name} is only {first.width}x{first.height} pixels.")
        self.rate = plausible(stream.average_rate or stream.guessed_rate)
        self.time_base = tick_of(stream)
        self.duration = length_of(stream, self._container)
        self.frames = stream.frames or (round(self.duration * self.rate) if self.duration else None)
        self.colour = self._plain.colour
        self.has_audio = bool(self._container.streams.audio)
        self._zero = round(origin_of(self._container) / self.time_base)

    def __enter__(self) -> VideoSource:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._container.close()

    def begin_at(self, pts: int) -> None:
        """Let iteration begin with the first picture at or after `pts`, a time of `Picture.pts`.

        From there on the pictures are, bit for bit, those that come when all are read.
        """
        self._first = None
        self._from = pts
        wanted = pts + self._zero
        for seconds in LOOK_BACK:
            place = wanted - round(seconds / self.time_base)
            if self._key_is_shown_before(wanted, place=place):
                self._container.seek(place, stream=self._stream)
                self._decoded = self._decode()
                return
        self._container.close()
        self._open()

    def _key_is_shown_before(self, wanted: int, *, place: int) -> bool:
        """Does seeking to `place` lead to a key frame that is shown before the time `wanted`?

        Only then all is read that the wanted picture is made from: what is decoded after a key frame but
        shown before it may refer to what came earlier, and deinterlacing takes the picture before, too.
        """
        try:
            self._container.seek(place, stream=self._stream)
        except av.FFmpegError:
            return False
        packet = next(self._packets(), None)
        return packet is not None and packet.pts is not None and packet.pts < wanted

    def __iter__(self) -> Iterator[Picture]:
        step = max(1, round(1 / (self.rate * self.time_base)))
        longest = round(LONGEST_SHOWN / self.time_base)
        last: int | None = None
        for frame in deinterlaced(self._frames(), self.time_base):
            pts = (0 if last is None else last + step) if frame.pts is None else frame.pts - self._zero
            last = pts if last is None else max(pts, last + 1)
            if self._from is None or last >= self._from:
                yield self._plain.picture(frame, last, min(frame.duration, longest))

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


def open_video(path: Path) -> VideoSource:
    """Open a video file that may come from a stranger; DecodeError if it holds no readable video."""
    return VideoSource(Path(path))


def plausible(rate: Fraction | None) -> Fraction:
    """Return the rate, but not one that is only the fineness of the file's clock, as of some recordings."""
    return rate if rate and rate <= FASTEST_RATE else FALLBACK_RATE


def length_of(stream: av.stream.Stream, container: av.container.InputContainer) -> float | None:
    if stream.duration:
        return float(stream.duration * tick_of(stream))
    if container.duration:
        return container.duration / av.time_base
    return None
