"""Look at a clip here and there before the work: who is in it, how large, of what shape at rest?

Only a handful of pictures is decoded, reached by seeking, so a long clip takes no longer than a short one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Protocol

import av
import numpy as np

from worker.faces.crowd import Crowd
from worker.faces.identity import SAME, distance
from worker.faces.smooth import Sighting
from worker.faces.track import face_size
from worker.faces.views import PlanesView, View
from worker.media.containers import open_safely, origin_of, tick_of, video_stream
from worker.media.plain import Plain
from worker.media.span import Span
from worker.memory import storable

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]
# Whether a picture is its place's first, its time in seconds, its upright Y, Cb, Cr planes.
Glimpse = tuple[bool, float, Planes]

PLACES = 8  # spread over the clip, each the key frame before
RUN = 24  # frames decoded from each place on: a key frame alone shows a single expression
EVERY = 8  # of them is looked at


class Identifies(Protocol):
    def embedding(self, view: View, landmarks: np.ndarray) -> np.ndarray:
        """Return what tells this face from others."""


@storable
@dataclass(frozen=True, kw_only=True)
class Findings:
    """`size` of the face in pixels; `neutral` (478, 3) without pose: the median of all that were seen."""

    size: float
    neutral: np.ndarray


@dataclass(kw_only=True)
class Person:
    """Everything that was seen of one person; one embedding for each track."""

    embeddings: list[np.ndarray]
    sightings: list[Sighting] = field(default_factory=list)

    @property
    def embedding(self) -> np.ndarray:
        return np.mean(self.embeddings, axis=0)

    @property
    def prominence(self) -> float:
        """The larger and the more often seen, the more."""
        return sum(face_size(each.landmarks) for each in self.sightings)

    @property
    def findings(self) -> Findings:
        sizes = [face_size(each.landmarks) for each in self.sightings]
        neutral = np.median([each.shape for each in self.sightings], axis=0)
        return Findings(size=float(np.median(sizes)), neutral=neutral)


def scout(
    path: Path,
    to_rgb: np.ndarray,
    identifier: Identifies,
    tell: Callable[[], None],
    span: Span | None = None,
) -> list[Person]:
    """Return a Person for each track that was met; `tell` is called before each look, and may raise.

    Of a `span` only that is looked at.
    If there is none, that is no proof that there is nobody.
    """
    met = dict[int, Person]()
    for _, view, faces in looks(glimpses(path, span), to_rgb, tell):
        for track, landmarks in faces.items():
            if track not in met:
                met[track] = Person(embeddings=[identifier.embedding(view, landmarks)])
            met[track].sightings.append(Sighting.of(landmarks))
    return list(met.values())


def looks(
    pictures: Iterable[Glimpse], to_rgb: np.ndarray, tell: Callable[[], None]
) -> Iterator[tuple[float, View, dict[int, np.ndarray]]]:
    """Yield the pictures' times in seconds, the pictures, and the (478, 3) landmarks in each by track."""
    crowd = Crowd(rate=1.0)
    for is_elsewhere, time, planes in pictures:
        tell()
        if is_elsewhere:
            crowd.forget()
        view = PlanesView(*planes, to_rgb)
        yield time, view, crowd.follow(view)


def told_apart(met: list[Person], named: list[Person]) -> list[Person]:
    """Return the people named, in that order, then all others that were met, each once."""
    people = list(named)
    for one in met:
        likest = min(people, key=lambda each: distance(each.embedding, one.embedding), default=None)
        if likest is None or distance(likest.embedding, one.embedding) >= SAME:
            people.append(one)
        else:
            likest.embeddings += one.embeddings
            likest.sightings += one.sightings
    return people


def glimpses(path: Path, span: Span | None = None) -> Iterator[Glimpse]:
    """Yield some pictures of the clip, from key frames on."""
    with open_safely(path) as container:
        stream = video_stream(container)
        assert stream is not None  # whoever opened the clip to read it has seen it
        stream.thread_type = "AUTO"
        seen, keys = set(), set[int | None]()
        origin = origin_of(container)
        plain: Plain | None = None
        within = pts_of(span, container, stream)
        for place in places(container, stream, within):
            key = None if place is None else went_to(container, stream, place)
            if key in keys:
                continue
            keys.add(key)
            is_elsewhere = True
            for frame in islice(frames(container, stream, within), 0, RUN, EVERY):
                if frame.pts not in seen:
                    seen.add(frame.pts)
                    plain = plain or Plain(frame, stream.sample_aspect_ratio)
                    yield is_elsewhere, time_of(frame, origin), plain.picture(frame).planes
                    is_elsewhere = False


def places(
    container: av.container.InputContainer, stream: av.VideoStream, within: range | None = None
) -> list[int | None]:
    """Return where to seek, in the stream's time base; only the beginning if the length is not known."""
    if within is not None:
        return [within.start + len(within) * step // PLACES for step in range(PLACES)]
    length = stream.duration
    if not length and container.duration and stream.time_base:
        length = int(container.duration / av.time_base / stream.time_base)
    if not length:
        return [None]
    start = stream.start_time or 0
    return [start + length * step // PLACES for step in range(PLACES)]


def time_of(frame: av.VideoFrame, origin: Fraction) -> float:
    """Return when the frame is shown, in seconds from the origin of its clip."""
    return max(0.0, float((frame.pts or 0) * tick_of(frame) - origin))


def went_to(container: av.container.InputContainer, stream: av.VideoStream, place: int) -> int | None:
    """Go to the key frame before that place and return its time; without an index go nowhere: None."""
    try:
        container.seek(place, stream=stream)
        packet = next(container.demux(stream), None)
        container.seek(place, stream=stream)
    except av.FFmpegError:
        return None
    return packet.pts if packet else None


def pts_of(span: Span | None, container: av.container.InputContainer, stream: av.VideoStream) -> range | None:
    """Return the times of a span that has an end, in the stream's time base."""
    if span is None:
        return None
    first, stop = span.ticks(tick_of(stream), origin_of(container))
    return None if stop is None else range(first, stop)


def frames(
    container: av.container.InputContainer, stream: av.VideoStream, within: range | None = None
) -> Iterator[av.VideoFrame]:
    try:
        for frame in container.decode(stream):
            if within and frame.pts is not None and frame.pts >= within.stop:
                return
            if not within or (frame.pts is not None and frame.pts >= within.start):
                yield frame
    except av.FFmpegError:
        return  # a damaged place: what the others show is enough
