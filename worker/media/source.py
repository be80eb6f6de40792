"""Reads a video as upright pictures in 8-bit YUV 4:2:0, one at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av

from worker.errors import DecodeError
from worker.media.containers import open_safely, origin_of, tick_of, video_stream
from worker.media.deinterlace import deinterlaced
from worker.media.picture import Picture
from worker.media.plain import Plain
from worker.media.span import HELD, Span, Stretch, stretch_of

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

    Of a `span` only its pictures are yielded, and their times count from the first of them. `span` then is
    what they fill of the clip, to the tick, and `sound_span` what of its sound belongs to them; `asked` is
    what was asked for.

    Interlaced pictures come out whole, as many as there are.
    A variable frame rate is kept: pts are the file's own, less the origin, strictly increasing.
    """

    def __init__(self, path: Path, span: Span | None = None) -> None:
        self.path = path
        self.asked = self.span = span
        self.damaged = 0
        self._stretch: Stretch | None = None
        self._from: int | None = None  # the first pts to yield
        self._open()
        try:
            self._read_header()
            if span is not None:
                self._keep_to(span)
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
        self._from = pts
        self._go_before(pts + self._zero)

    def _keep_to(self, span: Span) -> None:
        """Find the first and the last picture of the span, by their times alone, and begin there."""
        origin = self._zero * self.time_base
        first, stop = span.ticks(self.time_base, origin)
        self._go_before(first)
        step, hold = round(1 / (self.rate * self.time_base)), math.ceil(HELD / self.time_base)
        stretch = stretch_of(self._packets(), first=first, stop=stop, step=max(1, step), hold=hold)
        if stretch is None:
            raise DecodeError(f"The video in {self.path.name} has no picture at {float(span.begin):g} s.")
        begin, end = (pts * self.time_base - origin for pts in (stretch.first, stretch.end))
        self.span = Span(begin=begin, end=end)
        self.duration, self.frames = float(end - begin), stretch.frames
        self._stretch, self._zero = stretch, stretch.first
        self.begin_at(0)

    @property
    def sound_span(self) -> Span | None:
        """The span's sound, which may go on after the last picture if nothing cuts it."""
        if self.asked is None or self.span is None or self.span.end is None:
            return None
        asked = self.asked.end
        return replace(self.span, end=None if asked is None else max(self.span.end, asked))

    def _go_before(self, wanted: int) -> None:
        """Go on with a key frame that is shown before the file's time `wanted`, or else with the first."""
        self._first = None
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
        held, end, shown = self._bounds()
        last: int | None = None
        for frame in deinterlaced(self._frames(), self.time_base):
            pts = (0 if last is None else last + step) if frame.pts is None else frame.pts - self._zero
            pts = 0 if pts == held else pts
            last = pts if last is None else max(pts, last + 1)
            if end is not None and last > end:
                return
            if self._from is None or last >= self._from:
                duration = shown if last == end else frame.duration
                yield self._plain.picture(frame, last, min(duration, longest))

    def _bounds(self) -> tuple[int | None, int | None, int]:
        """Return the pts of the still that is shown at 0, and of the last picture, and how long that is."""
        if self._stretch is None:
            return None, None, 0
        held = self._stretch.held
        return (
            None if held is None else held - self._zero,
            self._stretch.last - self._zero,
            self._stretch.shown,
        )

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


def open_video(path: Path, span: Span | None = None) -> VideoSource:
    """Open a video file that may come from a stranger; DecodeError if it holds no readable video."""
    return VideoSource(Path(path), span)


def plausible(rate: Fraction | None) -> Fraction:
    """Return the rate, but not one that is only the fineness of the file's clock, as of some recordings."""
    return rate if rate and rate <= FASTEST_RATE else FALLBACK_RATE


def length_of(stream: av.stream.Stream, container: av.container.InputContainer) -> float | None:
    if stream.duration:
        return float(stream.duration * tick_of(stream))
    if container.duration:
        return container.duration / av.time_base
    return None
