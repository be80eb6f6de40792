"""Look at a clip here and there before the work: is there a face, how large, what is its shape at rest?

Only a handful of pictures is decoded, reached by seeking, so a long clip takes no longer than a short one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
import numpy as np

from worker.faces.smooth import Sighting
from worker.faces.track import Tracker, face_size
from worker.faces.views import PlanesView
from worker.media.containers import open_safely, video_stream
from worker.media.plain import Plain
from worker.memory import storable

PLACES = 8  # spread over the clip, each the key frame before
RUN = 24  # frames decoded from each place on: a key frame alone shows a single expression
EVERY = 8  # of them is looked at


@storable
@dataclass(frozen=True, kw_only=True)
class Findings:
    """`size` of the face in pixels; `neutral` (478, 3) without pose: the median of all that were seen."""

    size: float
    neutral: np.ndarray


def scout(path: Path, to_rgb: np.ndarray) -> Findings | None:
    """Return what was seen; None if there was no face at any place, which is no proof that there is none."""
    tracker = Tracker()
    sightings = []
    for luma, blue, red in glimpses(path):
        tracker.forget()
        landmarks = tracker.follow(PlanesView(luma, blue, red, to_rgb))
        if landmarks is not None:
            sightings.append(Sighting.of(landmarks))
    if not sightings:
        return None
    sizes = [face_size(each.landmarks) for each in sightings]
    neutral = np.median([each.shape for each in sightings], axis=0)
    return Findings(size=float(np.median(sizes)), neutral=neutral)


def glimpses(path: Path) -> Iterator[list[np.ndarray]]:
    """Yield some of the clip's pictures as upright Y, Cb, Cr planes."""
    with open_safely(path) as container:
        stream = video_stream(container)
        assert stream is not None  # whoever opened the clip to read it has seen it
        stream.thread_type = "AUTO"
        seen = set()
        plain: Plain | None = None
        for place in places(container, stream):
            if place is not None:
                container.seek(place, stream=stream)
            for frame in islice(frames(container, stream), 0, RUN, EVERY):
                if frame.pts not in seen:
                    seen.add(frame.pts)
                    plain = plain or Plain(frame, stream.sample_aspect_ratio)
                    yield list(plain.picture(frame).planes)


def places(container: av.container.InputContainer, stream: av.VideoStream) -> list[int | None]:
    """Return where to seek, in the stream's time base; only the beginning if the length is not known."""
    length = stream.duration
    if not length and container.duration and stream.time_base:
        length = int(container.duration / av.time_base / stream.time_base)
    if not length:
        return [None]
    start = stream.start_time or 0
    return [start + length * step // PLACES for step in range(PLACES)]


def frames(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    try:
        yield from container.decode(stream)
    except av.FFmpegError:
        return  # a damaged place: what the others show is enough
