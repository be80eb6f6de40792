"""Look for a face at key frames all through a clip, where the scout met nobody.

Most clips without a face are refused so before they are worked on, and it costs a fraction of decoding them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np

from worker.engines.swap.scout import Identifies, Person, frames, pts_of, went_to
from worker.errors import NoFaceInVideo
from worker.faces.look import Looker
from worker.faces.smooth import Sighting
from worker.faces.views import PlanesView
from worker.media.containers import open_safely, tick_of, video_stream
from worker.media.plain import Plain
from worker.media.source import length_of
from worker.media.span import Span

MOST = 600  # looks
LEAST_APART = 0.5  # seconds
DENSE = 2.0  # seconds: somebody who is never seen at key frames nearer than this is not in the clip
SHORTEST = 10.0  # seconds: a shorter clip is worked through as soon as it is looked through


def first_met(
    path: Path,
    to_rgb: np.ndarray,
    identifier: Identifies,
    tell: Callable[[], None],
    span: Span | None = None,
) -> list[Person]:
    """Return the first person that a key frame, of the `span` if any, shows; nobody if it cannot be told.

    Raises NoFaceInVideo if key frames lie so densely that there can hardly be anybody between them.
    """
    with open_safely(path) as container:
        stream = video_stream(container)
        assert stream is not None  # whoever opened the clip to read it has seen it
        within = pts_of(span, container, stream)
        length = float(len(within) * tick_of(stream)) if within else length_of(stream, container)
        if length is None or length < SHORTEST:
            return []
        looker, times, plain = Looker(), [0.0], None
        if within:
            went_to(container, stream, within.start)
        began = float(within.start * tick_of(stream)) if within else None
        apart = max(LEAST_APART, length / MOST)
        for time, frame in key_frames(frames(container, stream, within), stream, apart=apart, began=began):
            tell()
            times.append(time)
            plain = plain or Plain(frame, stream.sample_aspect_ratio)
            view = PlanesView(*plain.picture(frame).planes, to_rgb)
            for region in looker.find_all(view):
                landmarks = looker.settle(view, region)
                if landmarks is not None:
                    embedding = identifier.embedding(view, landmarks)
                    return [Person(embeddings=[embedding], sightings=[Sighting.of(landmarks)])]
    widest = float(np.diff([*times, length]).max())
    if widest > DENSE:
        return []
    raise NoFaceInVideo(
        f"No face was found in any of {len(times) - 1} pictures, taken from all through the video."
    )


def key_frames(
    decoded: Iterator[av.VideoFrame], stream: av.VideoStream, *, apart: float, began: float | None
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield key frames at least that many seconds apart, each with its time; no others are decoded.

    Times are counted from when it `began`, or else from the first.
    """
    stream.codec_context.skip_frame = "NONKEY"
    start, last = began, -apart
    for frame in decoded:
        if frame.time is None:
            continue
        start = frame.time if start is None else start
        time = frame.time - start
        if time - last >= apart:
            last = time
            yield time, frame
