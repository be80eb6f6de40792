"""Look where no key frame is near: somebody may come and go between two of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from worker.engines.swap.scout import PLACES, Glimpse, frames, places, time_of
from worker.media.containers import open_safely, origin_of, tick_of, video_stream
from worker.media.plain import Plain

NEAR = 0.5  # seconds: what was seen then is what is here
CLOSE = 3.0  # seconds: decoding on gets there sooner than going back to a key frame


def glimpses_between(path: Path, looked: Sequence[float], tell: Callable[[], None]) -> Iterator[Glimpse]:
    """Yield a picture of each place that none of the seconds `looked` at is near.

    `tell` is called for each picture that is decoded on the way there, and may raise.
    """
    with open_safely(path) as container:
        stream = video_stream(container)
        assert stream is not None  # whoever opened the clip to read it has seen it
        stream.thread_type = "AUTO"
        tick, origin = tick_of(stream), origin_of(container)
        decoded, here, plain = frames(container, stream), 0.0, None
        for time in missed(places(container, stream), tick, origin, looked):
            if time - here > CLOSE:
                container.seek(int((Fraction(time) + origin) / tick), stream=stream)
                decoded = frames(container, stream)
            for frame in decoded:
                tell()
                here = time_of(frame, origin)
                if here >= time:
                    plain = plain or Plain(frame, stream.sample_aspect_ratio)
                    yield True, here, plain.picture(frame).planes
                    break


def missed(
    wanted: Sequence[int | None], tick: Fraction, origin: Fraction, looked: Sequence[float]
) -> list[float]:
    """Return the seconds of those places that nobody looked near."""
    times = [float(place * tick - origin) for place in wanted if place is not None]
    near = max(NEAR, (times[-1] - times[0]) / PLACES / 2) if times else NEAR
    return [time for time in times if all(abs(time - other) > near for other in looked)]
