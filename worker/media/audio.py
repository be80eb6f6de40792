"""Sound as numbers, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from worker.errors import NoAudio
from worker.media.containers import SOUND_FORMATS, open_safely, origin_of, sound_stream, start_of
from worker.media.sound import Steadied, decoded, go_near
from worker.media.span import Span


def has_sound(path: Path) -> bool:
    with open_safely(path, SOUND_FORMATS) as container:
        return sound_stream(container) is not None


def delay_of_sound(path: Path) -> float:
    """Return seconds from the file's origin, where its pictures count from, to its first sample."""
    with open_safely(path, SOUND_FORMATS) as container:
        return float((start_of(sound_stream(container)) or Fraction(0)) - origin_of(container))


def mono_chunks(path: Path, rate: int = 16_000) -> Iterator[np.ndarray]:
    """Yield the file's sound as (n,) float32 in -1..1 at `rate`, from its first sample on.

    Channels are added at equal power, so a loud stereo sound may exceed 1.
    Gaps in the file come as silence, so the sum of all n over `rate` is the sound's length.
    """
    return (chunk.reshape(-1) for chunk in chunks_of(path, rate, "mono"))


def stereo_chunks(path: Path, rate: int = 16_000, span: Span | None = None) -> Iterator[np.ndarray]:
    """Yield the same as (n, 2), left and right: mono is on both, surround is mixed down.

    Of a `span`, in seconds from the first sample, only that.
    """
    return (chunk.reshape(-1, 2) for chunk in chunks_of(path, rate, "stereo", span))


def chunks_of(path: Path, rate: int, layout: str, span: Span | None = None) -> Iterator[np.ndarray]:
    with open_safely(path, SOUND_FORMATS) as container:
        stream = sound_stream(container)
        if stream is None:
            raise NoAudio(f"The file {path.name} has no sound.")
        steadied = Steadied(stream, rate=rate, layout=layout, sample_format="flt", span=span)
        zero = start_of(stream) or Fraction(0)
        if span:
            zero += span.begin
            go_near(container, stream, zero)
        for frame in steadied.frames(decoded(container, stream, zero=zero, span=span)):
            yield frame.to_ndarray()
