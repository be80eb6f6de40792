"""Makes tiny clips for the tests: any size, pixel format, times and sound."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from worker.media.encode import repeatable

MILLISECOND = Fraction(1, 1000)
RATE = 48_000


def corner_marked(index: int, width: int, height: int) -> np.ndarray:
    """Return grey (height, width, 3) uint8 RGB, brighter with the index; its top left quarter is white."""
    image = np.full((height, width, 3), min(40 + 2 * index, 200), np.uint8)
    image[: height // 2, : width // 2] = 255
    return image


def tone(seconds: float, loudness: float = 0.5) -> np.ndarray:
    """Return a 440 Hz tone as (n,) float32."""
    times = np.arange(round(seconds * RATE)) / RATE
    return (loudness * np.sin(2 * np.pi * 440 * times)).astype(np.float32)


def write_clip(
    path: Path,
    *,
    times: Sequence[int] = range(0, 1000, 40),
    size: tuple[int, int] = (160, 120),
    pix_fmt: str = "yuv420p",
    codec: str = "libx264",
    rotation: int = 0,
    colour: dict[str, int] | None = None,
    sound: np.ndarray | None = None,
    sound_codec: str = "aac",
    channels: int = 1,
    sound_delay: float = 0.0,
    options: dict[str, str] | None = None,
    draw=corner_marked,
) -> Path:
    """Write a clip with a picture at each of `times`, in milliseconds, and the sound if any."""
    if codec == "libx264":
        options = {**repeatable(), **(options or {})}
    with av.open(str(path), "w") as output:
        track = output.add_stream(codec, rate=25, options=options)
        track.width, track.height, track.pix_fmt = *size, pix_fmt
        track.codec_context.time_base = MILLISECOND
        for name, value in (colour or {}).items():
            setattr(track.codec_context, name, value)
        if rotation:
            track.set_display_rotation(rotation)
        voice = add_voice(output, sound_codec, channels) if sound is not None else None
        for index, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(draw(index, *size), format="rgb24")
            frame = frame.reformat(format=pix_fmt, dst_color_range=(colour or {}).get("color_range", 1))
            frame.pts, frame.time_base = time, MILLISECOND
            output.mux(track.encode(frame))
        output.mux(track.encode(None))
        if voice is not None:
            write_sound(output, voice, sound, delay=sound_delay)
    return path


def of_fields(frame: av.VideoFrame, order: str) -> av.VideoFrame:
    """Return the frame flagged as two fields; the top ("tff") or the bottom one ("bff") came first."""
    graph = av.filter.Graph()
    size = f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/1"
    chain = (graph.add("buffer", size), graph.add("setfield", order), graph.add("buffersink"))
    graph.link_nodes(*chain).configure()
    graph.vpush(frame)
    return graph.vpull()


def write_voice(path: Path, sound: np.ndarray, *, codec: str = "aac", channels: int = 1) -> Path:
    """Write a file of sound alone."""
    with av.open(str(path), "w") as output:
        write_sound(output, add_voice(output, codec, channels), sound)
    return path


def add_voice(output: av.container.OutputContainer, codec: str, channels: int) -> av.AudioStream:
    return output.add_stream(codec, rate=RATE, layout="mono" if channels == 1 else "stereo")


def write_sound(output, voice, samples: np.ndarray, *, delay: float = 0.0) -> None:
    layout = voice.codec_context.layout
    for start in range(0, len(samples), 960):
        chunk = np.stack([samples[start : start + 960]] * layout.nb_channels)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(chunk), format="fltp", layout=layout.name)
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = start + round(delay * RATE)
        output.mux(voice.encode(frame))
    output.mux(voice.encode(None))
