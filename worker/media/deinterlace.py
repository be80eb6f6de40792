"""Makes whole pictures of interlaced ones: as many as there were, at the same times (bwdif)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av

from worker.media.containers import tick_of


def deinterlaced(frames: Iterable[av.VideoFrame], time_base: Fraction) -> Iterator[av.VideoFrame]:
    """Yield as many frames; those not flagged as interlaced pass as they are.

    Nothing is held back before the first interlaced frame, one frame from there on. Times are in `time_base`.
    """
    weave: Weave | None = None
    for frame in frames:
        if weave is not None and weave.kind != kind_of(frame):
            yield from weave.rest()
            weave = None
        if weave is None and frame.interlaced_frame:
            weave = Weave(frame, time_base)
        if weave is None:
            yield frame
        else:
            yield from weave.take(frame)
    if weave is not None:
        yield from weave.rest()


Kind = tuple[int, int, str, int, int]


def kind_of(frame: av.VideoFrame) -> Kind:
    return frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range


class Weave:
    """A filter for frames of one kind."""

    def __init__(self, frame: av.VideoFrame, time_base: Fraction) -> None:
        self.kind = kind_of(frame)
        self._time_base = time_base
        width, height, pix_fmt, space, span = self.kind
        self._graph = av.filter.Graph()
        source = self._graph.add(
            "buffer",
            f"video_size={width}x{height}:pix_fmt={pix_fmt}:time_base={time_base}:colorspace={space}:range={span}",
        )
        bwdif = self._graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
        self._graph.link_nodes(source, bwdif, self._graph.add("buffersink")).configure()

    def take(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        self._graph.vpush(frame)
        yield from self._ready()

    def rest(self) -> Iterator[av.VideoFrame]:
        self._graph.vpush(None)
        yield from self._ready()

    def _ready(self) -> Iterator[av.VideoFrame]:
        while True:
            try:
                frame = self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            ticks = tick_of(frame) / self._time_base  # bwdif counts in halves
            if frame.pts is not None:
                frame.pts = round(frame.pts * ticks)
            frame.duration = round(frame.duration * ticks)
            frame.time_base = self._time_base
            yield frame
