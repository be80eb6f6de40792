"""Writes pictures and sound to an mp4 file: H.264 and AAC, index first, ready to play."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.video.reformatter import ColorRange

from worker.media.picture import Colour, Picture, to_frame
from worker.media.sound import Sound

# Quality tier to x264's (preset, crf): how long it may search, how close it must come.
X264 = {
    "fast": ("veryfast", 20),
    "balanced": ("veryfast", 18),
    "max": ("fast", 16),
}
# Pictures are encoded some 50 behind; sound kept this far ahead lets the muxer order both without a pile.
SOUND_AHEAD = Fraction(1, 4)


class Mp4Sink:
    """An mp4 being written. Use it in a `with`: leaving it flushes; leaving it by an error does not.

    Pictures are yuv420p of exactly (width, height), both even. `write` takes them in order of
    time; a pts that does not grow is moved one tick on. `rate` only tells players what to expect:
    the pts, in `time_base`, are what is kept, constant or not.
    `sound` is muxed beside them, from its own zero, and closed with the file. `comment` goes into the
    file's own description, where players and editors show it.
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
    ) -> None:
        if width % 2 or height % 2:
            raise ValueError(f"H.264 in 4:2:0 needs even sides, not {width}x{height}.")
        self.frames = 0
        self._sound = sound
        self._time_base = time_base
        self._begun = 0  # the first pts
        self._last: int | None = None
        self._first_dts: int | None = None
        self._step = max(1, round(1 / (rate * time_base)))
        self._output = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._output.metadata["comment"] = comment
        self._track = self._output.add_stream("libx264", rate=rate, options=x264_options(quality))
        self._set_up(width, height, colour)
        if sound is not None:
            sound.attach(self._output)

    def _set_up(self, width: int, height: int, colour: Colour) -> None:
        context = self._track.codec_context
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = self._time_base
        context.thread_type = "AUTO"
        context.colorspace = colour.space
        context.color_range = int(ColorRange.MPEG)
        context.color_primaries = colour.primaries
        context.color_trc = colour.trc

    def __enter__(self) -> Mp4Sink:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._output.close()
            if self._sound is not None:
                self._sound.close()

    def write(self, picture: Picture) -> None:
        if self._last is None:
            self._begun = picture.pts
        pts = picture.pts if self._last is None else max(picture.pts, self._last + 1)
        self._last = pts
        frame = to_frame(picture)
        frame.pts, frame.time_base = pts, self._time_base
        self._mux(self._track.encode(frame))
        self.frames += 1
        if self._sound is not None:
            self._sound.advance(pts * self._time_base + SOUND_AHEAD)

    def _flush(self) -> None:
        if self._last is not None:
            packets = self._track.encode(None)
            self._note_first(packets)
            self._lengthen(packets[-1], self._last + self._step)
            self._mux(packets)
        if self._sound is not None:
            self._sound.finish()

    def _lengthen(self, packet: av.Packet, end: int) -> None:
        """Give the last packet the duration that ends the track at `end`, a pts.

        A track is as long as its packets in the order of decoding, and that order ends some
        pictures before the last one is shown; at a variable rate those may be long.
        """
        shown = (end - self._begun) * self._time_base
        decoded = ((packet.dts or 0) - (self._first_dts or 0)) * packet.time_base
        packet.duration = max(1, round((shown - decoded) / packet.time_base))

    def _mux(self, packets: list[av.Packet]) -> None:
        self._note_first(packets)
        for packet in packets:
            self._output.mux_one(packet)

    def _note_first(self, packets: list[av.Packet]) -> None:
        if self._first_dts is None and packets:
            self._first_dts = packets[0].dts


def x264_options(quality: str) -> dict[str, str]:
    preset, crf = X264[quality]
    return {"preset": preset, "crf": str(crf)}
