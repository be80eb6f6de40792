"""Encodes pictures to a file of H.264 without sound."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
from av.video.reformatter import ColorRange

from worker.media.picture import Colour, Picture, to_frame

# Quality tier to x264's (preset, crf): how long it may search, how close it must come.
X264 = {
    "fast": ("superfast", 23),
    "balanced": ("veryfast", 18),
    "max": ("medium", 14),
}
LOOK_AHEAD = 10  # pictures, as "veryfast" has it; "medium" would have 40, of 3 MB each at 720p
# Each thread of x264 codes a picture of its own, of 10 MB at 1080p; by itself it would take three for two
# cores, and on large machines more than are ever busy beside the swap.
THREADS = min(4, os.cpu_count() or 1)
# From this many pixels on, memory and time decide: pictures that wait in x264 or are coded side by side cost
# some 40 MB each at 4K. So few are looked ahead at, and the threads share one picture instead.
LARGE = 6_000_000
LARGE_LOOK_AHEAD = 5  # pictures
LARGE_MAX = "fast"
# Where x264 (core 165) uses AVX-512, it does not always write the same bits for the same pictures: at some
# sizes, such as 112x200, one try in ten differs. With AVX2, which they all have, none does, and as fast.
AVX_512F = 13  # OpenCV's number for it
AVX2_AT_MOST = "asm=AVX2,FMA3,BMI2,LZCNT"


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """What all segments of one video share."""

    width: int
    height: int
    rate: Fraction
    time_base: Fraction
    colour: Colour
    quality: str

    def __post_init__(self) -> None:
        if self.width % 2 or self.height % 2:
            raise ValueError(f"H.264 in 4:2:0 needs even sides, not {self.width}x{self.height}.")

    @property
    def is_large(self) -> bool:
        return self.width * self.height >= LARGE

    @property
    def step(self) -> int:
        """How long a picture is shown, in ticks, for all that is known."""
        return max(1, round(1 / (self.rate * self.time_base)))


class Encoder:
    """One file being encoded; its times count from its first picture. `first` and `last` are pts.

    `delay`: how many packets a decoder must have had before it can show the first picture, as it shows
    pictures in another order than they are coded in.
    """

    def __init__(self, path: Path, encoding: Encoding) -> None:
        self.frames = 0
        self.first = self.last = 0
        self.delay = 0
        self._time_base = encoding.time_base
        self._order: dict[int, int] = {}  # pts to the number of the picture, while it is being coded
        self._packets = 0
        self._output = av.open(str(path), "w", format="mp4")
        self._track = self._output.add_stream(
            "libx264", rate=encoding.rate, options=x264_options(encoding.quality, is_large=encoding.is_large)
        )
        self._set_up(encoding)

    def _set_up(self, encoding: Encoding) -> None:
        context = self._track.codec_context
        context.width, context.height, context.pix_fmt = encoding.width, encoding.height, "yuv420p"
        context.time_base = encoding.time_base
        context.thread_count = THREADS
        context.thread_type = "SLICE" if encoding.is_large else "AUTO"
        context.colorspace = encoding.colour.space
        context.color_range = int(ColorRange.MPEG)
        context.color_primaries = encoding.colour.primaries
        context.color_trc = encoding.colour.trc

    def write(self, picture: Picture, pts: int) -> None:
        """Encode one more, shown at that pts."""
        if not self.frames:
            self.first = pts
        frame = to_frame(picture)
        frame.pts, frame.time_base = pts - self.first, self._time_base
        self._order[frame.pts] = self.frames
        self.last = pts
        self.frames += 1
        self._mux(self._track.encode(frame))

    def finish(self) -> None:
        """Complete the file and close it."""
        self._mux(self._track.encode(None))
        self.close()

    def close(self) -> None:
        self._output.close()

    def _mux(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            self.delay = max(self.delay, self._packets - self._order.pop(packet.pts or 0))
            self._packets += 1
            self._output.mux_one(packet)


def x264_options(quality: str, *, is_large: bool) -> dict[str, str]:
    preset, crf = X264[quality]
    if is_large and quality == "max":
        preset = LARGE_MAX
    look_ahead = LARGE_LOOK_AHEAD if is_large else LOOK_AHEAD
    return {"preset": preset, "crf": str(crf), "rc-lookahead": str(look_ahead), **repeatable()}


def repeatable() -> dict[str, str]:
    """Return what makes x264 write the same bits for the same pictures again, on this machine."""
    return {"x264-params": AVX2_AT_MOST} if cv2.checkHardwareSupport(AVX_512F) else {}
