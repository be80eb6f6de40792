"""Writes pictures and sound to an mp4 file: H.264 and AAC, index first, ready to play.

Pictures are written in segments, each by an encoder of its own, and joined with the sound at the end. So a
video whose making was interrupted is the same as one that was made at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from worker.media.encode import Encoder, Encoding
from worker.media.join import join
from worker.media.picture import Colour, Picture
from worker.media.segments import Segments, segment_frames
from worker.media.sound import Sound
from worker.memory import Kept


class Mp4Sink:
    """An mp4 being written. Use it in a `with`: leaving it completes the file; by an error, it does not.

    Pictures are yuv420p of exactly (width, height), both even. `write` takes them in order of
    time; a pts that does not grow is moved one tick on. `rate` only tells players what to expect:
    the pts, in `time_base`, are what is kept, constant or not, and for how long the last picture is shown.
    `sound` is muxed beside them, from its own zero, and closed with the file. `comment` goes into the
    file's own description, where players and editors show it.

    `parts` is a folder for the finished segments, left as it is. If an earlier process died over it,
    `frames` counts those it finished, and `remembered` is what it had put aside there: go on with the frame
    after them.

    Completing the file takes a while if it is long or its sound is encoded: meanwhile `tell` is called with
    the number of pictures joined, and of all. It may raise.
    """

    def __init__(
        self,
        path: Path,
        *,
        width: int,
        height: int,
        rate: Fraction,
        time_base: Fraction,
        colour: Colour,
        sound: Sound | None = None,
        quality: str = "balanced",
        comment: str = "",
        parts: Path | None = None,
        tell: Callable[[int, int], object] = lambda joined, frames: None,
    ) -> None:
        self._path, self._sound, self._comment, self._tell = path, sound, comment, tell
        self._encoding = Encoding(
            width=width, height=height, rate=rate, time_base=time_base, colour=colour, quality=quality
        )
        self._step = self._encoding.step
        self._is_kept = parts is not None
        self._segments = Segments(parts or path.with_name(f"{path.name}.parts"))
        self._encoder: Encoder | None = None
        finished = self._segments.finished
        self._first = finished[0].first if finished else 0
        self._last = finished[-1].last if finished else None
        self.width, self.height = width, height
        self.segment_frames = segment_frames(rate)
        self.frames = self._segments.frames
        self.remembered = self._segments.remembered

    def __enter__(self) -> Mp4Sink:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        try:
            if kind is None:
                self._complete()
        finally:
            if self._encoder is not None:
                self._encoder.close()
            if self._sound is not None:
                self._sound.close()
            if not self._is_kept:
                shutil.rmtree(self._segments.folder, ignore_errors=True)

    @property
    def seconds(self) -> float:
        """How long all that is written is shown."""
        if self._last is None:
            return 0.0
        return float((self._last + self._step - self._first) * self._encoding.time_base)

    def write(self, picture: Picture, remembered: Kept | None = None) -> None:
        """Write one frame. `remembered` is all that a later process needs to go on with it."""
        if self._encoder is not None and self.frames % self.segment_frames == 0:
            self._end_segment()
            self._segments.remember(remembered or {})
        if self._encoder is None:
            self._encoder = Encoder(self._segments.draft, self._encoding)
        if self._last is None:
            self._first = picture.pts
        self._last = picture.pts if self._last is None else max(picture.pts, self._last + 1)
        self._encoder.write(picture, self._last)
        self._step = picture.duration or self._encoding.step
        self.frames += 1

    def _end_segment(self) -> None:
        if self._encoder is None:
            return
        encoder, self._encoder = self._encoder, None
        encoder.finish()
        self._segments.finish(
            frames=encoder.frames, first=encoder.first, last=encoder.last, delay=encoder.delay
        )

    def _complete(self) -> None:
        self._end_segment()
        join(
            self._segments,
            self._path,
            time_base=self._encoding.time_base,
            step=self._step,
            sound=self._sound,
            comment=self._comment,
            tell=lambda joined: self._tell(joined, self.frames),
        )
