"""Makes clips of any length at once: fifteen seconds that come again and again, copied packet for packet.

They are small and slow, 424x240 at 10 pictures a second: a face that speaks, then nobody. So each time
everybody is met anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from benchmarks.engine import CLIP, SAMPLES, widened
from worker.media.picture import HD, Picture
from worker.media.sink import Mp4Sink
from worker.media.sound import Sound
from worker.media.source import open_video

HEIGHT, RATE = 240, 10
LOOP = 15  # seconds


def make_clip(path: Path, seconds: int) -> None:
    """Write the clip, as many seconds long."""
    loop = path.with_name("loop.mp4")
    sink = Mp4Sink(
        loop,
        width=HEIGHT * 16 // 9 // 4 * 4,
        height=HEIGHT,
        rate=Fraction(RATE),
        time_base=Fraction(1, RATE),
        colour=HD,
        sound=Sound(SAMPLES / "speech.m4a", alone=True),
    )
    with sink:
        for index, picture in enumerate(loop_pictures()):
            sink.write(replace(picture, pts=index, duration=1))
    repeat(loop, path, seconds)


def loop_pictures() -> Iterator[Picture]:
    with open_video(CLIP) as source:
        seen = [widened(picture, HEIGHT) for picture in list(source)[:: round(source.rate / RATE)]]
    y, u, v = (np.full_like(plane, 120) for plane in seen[0].planes)
    nobody = [Picture(y, u, v)] * (LOOP * RATE - 2 * len(seen))
    return iter([*seen, *reversed(seen), *nobody])


def repeat(loop: Path, path: Path, seconds: int) -> None:
    with av.open(str(path), "w") as output:
        tracks: dict[int, av.stream.Stream] = {}
        last: dict[int, int] = {}
        for begin in range(0, seconds, LOOP):
            with av.open(str(loop)) as source:
                for stream in source.streams if not tracks else ():
                    tracks[stream.index] = output.add_stream_from_template(stream)
                for packet in source.demux():
                    number = packet.stream_index
                    if packet.dts is None or packet.pts is None:
                        continue
                    shift = round(begin / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    # Sound that overlaps the loop before, by its encoder's first packet, is left out.
                    if packet.pts * packet.time_base < seconds and packet.dts > last.get(
                        number, packet.dts - 1
                    ):
                        last[number] = packet.dts
                        packet.stream = tracks[number]
                        output.mux_one(packet)
