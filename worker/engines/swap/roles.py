"""Find out before the work who plays which role: the people that a job names, else the main one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from worker.engines.swap.cast import Role
from worker.engines.swap.keyframes import first_met
from worker.engines.swap.scout import Identifies, Person, scout, told_apart
from worker.errors import NoFaceInVideo
from worker.faces import topology
from worker.faces.look import Looker
from worker.faces.smooth import Sighting
from worker.faces.views import PlanesView, View
from worker.media.picture import Picture
from worker.media.source import VideoSource, open_video
from worker.media.span import Span
from worker.wire import Casting

BEFORE = 1.0  # seconds before a time where reading begins, to come to the picture that is shown then


def roles_of(
    path: Path,
    to_rgb: np.ndarray,
    identifier: Identifies,
    *,
    faces: Sequence[Casting],
    source: int,
    tell: Callable[[], None],
    span: Span | None = None,
) -> list[Role]:
    """Return whom the clip shows. With no `faces`, the most prominent one, who is the first, gets `source`.

    Others than the `faces` are met within the `span` alone. Their times are those of the whole clip.
    Raises NoFaceInVideo if nobody is where one of the faces is said to be, or surely nobody anywhere.
    """
    named = [pointed_at(path, to_rgb, identifier, casting, tell) for casting in faces]
    met = scout(path, to_rgb, identifier, tell, span)
    if not named and not met:
        met = first_met(path, to_rgb, identifier, tell, span)
    people = told_apart(met, named)
    if not named:
        people.sort(key=lambda person: -person.prominence)
    sources = [casting.source for casting in faces] or [source]
    sources += [None] * len(people)
    return [
        Role(findings=person.findings, embedding=person.embedding, source=each)
        for person, each in zip(people, sources, strict=False)
    ]


def pointed_at(
    path: Path, to_rgb: np.ndarray, identifier: Identifies, casting: Casting, tell: Callable[[], None]
) -> Person:
    """Return whoever is seen at that time in that box, the one who overlaps it most."""
    tell()
    with open_video(path) as source:
        picture = picture_at(source, casting.time)
        if picture is None:
            raise NoFaceInVideo(f"The video has no picture at {casting.time:g} s, where a face was named.")
        view = PlanesView(*picture.planes, to_rgb)
    box = np.array(casting.box) * ([view.width, view.height] * 2)
    landmarks = max(faces_in(view), key=lambda points: overlap(points, box), default=None)
    if landmarks is None or overlap(landmarks, box) == 0:
        sides = ", ".join(f"{side:g}" for side in casting.box)
        raise NoFaceInVideo(f"No face was found at {casting.time:g} s in the box [{sides}].")
    return Person(embeddings=[identifier.embedding(view, landmarks)], sightings=[Sighting.of(landmarks)])


def picture_at(source: VideoSource, time: float) -> Picture | None:
    """Return the picture that is shown at that time, in seconds; None past the end."""
    ticks = float(1 / source.time_base)
    source.begin_at(int(max(0.0, time - BEFORE) * ticks))
    shown = None
    for picture in source:
        if shown is not None and picture.pts > time * ticks:
            break
        shown = picture
    return shown


def faces_in(view: View) -> list[np.ndarray]:
    looker = Looker()
    settled = (looker.settle(view, region) for region in looker.find_all(view))
    return [landmarks for landmarks in settled if landmarks is not None]


def overlap(landmarks: np.ndarray, box: np.ndarray) -> float:
    """Return the intersection over union of a face's upright box with (left, top, right, bottom)."""
    points = landmarks[: topology.FACE_POINTS, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    shared = np.prod(np.clip(np.minimum(high, box[2:]) - np.maximum(low, box[:2]), 0, None))
    return float(shared / (np.prod(high - low) + np.prod(box[2:] - box[:2]) - shared))
