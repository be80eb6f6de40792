"""Join segments and sound to one mp4, packet for packet: nothing is encoded anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from heapq import heappop, heappush
from pathlib import Path

import av

from worker.errors import EngineError
from worker.media.containers import open_safely, video_stream
from worker.media.segments import Segment, Segments
from worker.media.sound import Sound

SOUND_AHEAD = Fraction(1, 4)  # seconds: kept so far ahead, the muxer orders both without a pile


def join(
    segments: Segments,
    path: Path,
    *,
    time_base: Fraction,
    step: int,
    sound: Sound | None,
    comment: str,
    tell: Callable[[int], object],
) -> None:
    """Write one video track, and the sound beside it. `step` is how long the last picture is shown.

    `tell` is called with the number of pictures in the file, after each and while the sound goes on. It
    may raise.
    """
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        output.metadata["comment"] = comment
        track = video_track(segments, output, time_base)
        if sound is not None:
            sound.attach(output)
        for number, packet in enumerate(timed(segments, time_base, step), start=1):
            if sound is not None:
                sound.advance((packet.dts or 0) * time_base + SOUND_AHEAD)
            packet.stream = track
            output.mux_one(packet)
            tell(number)
        if sound is not None:
            sound.finish(lambda: tell(segments.frames))


def video_track(
    segments: Segments, output: av.container.OutputContainer, time_base: Fraction
) -> av.VideoStream:
    with open_safely(segments.path(segments.finished[0])) as first:
        track = output.add_stream_from_template(pictures_in(first))
    track.time_base = time_base
    return track


def timed(segments: Segments, time_base: Fraction, step: int) -> Iterator[av.Packet]:
    """Yield the packets in the order of decoding, their times counted in `time_base`, ended in time."""
    clock = DecodingClock(max(segment.delay for segment in segments.finished))
    left, begun, first_dts = segments.frames, segments.finished[0].first, None
    for segment in segments.finished:
        for packet in packets_of(segments, segment):
            pts, dts = (ticks(packet, time, time_base) + segment.first for time in (packet.pts, packet.dts))
            packet.time_base, packet.pts = time_base, pts
            packet.dts = clock.next(pts, own=dts)
            first_dts = packet.dts if first_dts is None else first_dts
            left -= 1
            packet.duration = step
            if not left:
                # A track is as long as its packets in the order of decoding, and that order ends some
                # pictures before the last one is shown; at a variable rate those may be long.
                shown = segment.last + step - begun
                packet.duration = max(1, shown - (packet.dts - first_dts))
            yield packet


class DecodingClock:
    """Counts on from segment to segment when packets are decoded.

    The dts of each is the pts that comes `delay` before its place among all pts in order. So dts grow
    strictly and no packet is shown before it is decoded, whatever the rate. The first ones, before which
    there is none, keep their encoder's dts.
    """

    def __init__(self, delay: int) -> None:
        self.waits = delay
        self.unshown: list[int] = []

    def next(self, pts: int, *, own: int) -> int:
        heappush(self.unshown, pts)
        if self.waits:
            self.waits -= 1
            return own
        return heappop(self.unshown)


def packets_of(segments: Segments, segment: Segment) -> Iterator[av.Packet]:
    with open_safely(segments.path(segment)) as container:
        packets = 0
        for packet in container.demux(pictures_in(container)):
            if packet.size:
                packets += 1
                yield packet
    if packets != segment.frames:
        raise EngineError(f"{segment.file} holds {packets} of its {segment.frames} frames.")


def pictures_in(container: av.container.InputContainer) -> av.VideoStream:
    stream = video_stream(container)
    if stream is None:
        raise EngineError("A segment holds no pictures.")
    return stream


def ticks(packet: av.Packet, time: int | None, time_base: Fraction) -> int:
    return round((time or 0) * packet.time_base / time_base)
