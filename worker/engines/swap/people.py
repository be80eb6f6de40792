"""Show whom a clip is about, so that somebody can say who gets a new face.

The time and box of each are what a job's `faces` takes: `roles.pointed_at` finds the same person there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from math import ceil
from pathlib import Path

import numpy as np

from worker.engines.swap.between import glimpses_between
from worker.engines.swap.job import MATRICES
from worker.engines.swap.keyframes import first_met
from worker.engines.swap.scout import Person, glimpses, looks, told_apart
from worker.engines.swap.turning import view_angles
from worker.faces.identity import Identifier
from worker.faces.smooth import Sighting
from worker.faces.track import face_size
from worker.faces.views import View, rgb_of_yuv
from worker.faces.vignette import shares_of, vignette
from worker.media.source import open_video

MOST = 12  # as many as the `faces` of a job may name
SECONDS = 8.0  # of processor time, after which nobody is looked for any more


class TimeIsUp(Exception):
    """The look took as long as it may: who was met until then is the answer."""


@dataclass(frozen=True, kw_only=True)
class Placed(Sighting):
    """A sighting at a look, `time` in seconds. `is_found`: by a detector; no track led there."""

    time: float
    is_found: bool
    box: list[float]
    picture: bytes

    @property
    def clearness(self) -> float:
        """The larger, and the straighter it looks into the camera, the clearer."""
        return face_size(self.landmarks) * float(np.cos(view_angles(self.pose)).prod())


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A person where he or she is seen best: `box` in shares of the sides; `seen`, share of the looks.

    `path`: the time and the box of each look that showed this person, in order.
    """

    time: float
    box: list[float]
    path: list[list[float]]
    seen: float
    picture: bytes


def people_in(path: Path) -> list[Shown]:
    """Return who was met at a quick look, the most prominent first; nobody is no proof that there is nobody.

    Raises NoFaceInVideo if there is surely nobody.
    """
    with open_video(path) as source:
        to_rgb = rgb_of_yuv(MATRICES[source.colour.space], full_range=False)
    identifier, met, looked, tell = Identifier(), dict[int, Person](), list[float](), ticking(SECONDS)
    pictures = chain(glimpses(path), glimpses_between(path, looked, tell))
    with suppress(TimeIsUp):
        for at, view, faces in looks(pictures, to_rgb, tell):
            looked.append(at)
            for track, landmarks in faces.items():
                is_new = track not in met
                if is_new:
                    met[track] = Person(embeddings=[identifier.embedding(view, landmarks)])
                met[track].sightings.append(sight(view, landmarks, time=at, is_found=is_new))
        if not met:
            first_met(path, to_rgb, identifier, tell)
    people = sorted(told_apart(list(met.values()), []), key=lambda person: -person.prominence)
    return [shown(person, len(looked)) for person in people[:MOST]]


def ticking(seconds: float) -> Callable[[], None]:
    """Return a function that raises TimeIsUp once so many seconds of processor time have passed."""
    until = time.process_time() + seconds

    def tell() -> None:
        if time.process_time() > until:
            raise TimeIsUp

    return tell


def sight(view: View, landmarks: np.ndarray, *, time: float, is_found: bool) -> Placed:
    return Placed(
        **vars(Sighting.of(landmarks)),
        time=ceil(time * 1000) / 1000,  # never before the picture: the one before it would be looked at
        is_found=is_found,
        box=shares_of(view, landmarks),
        picture=vignette(view, landmarks),
    )


def shown(person: Person, count: int) -> Shown:
    sightings = [each for each in person.sightings if isinstance(each, Placed)]
    best = max((each for each in sightings if each.is_found), key=lambda each: each.clearness)
    boxes = {each.time: each.box for each in sightings}
    return Shown(
        time=best.time,
        box=best.box,
        path=[[time, *boxes[time]] for time in sorted(boxes) if has_room(boxes[time])],
        seen=round(len(boxes) / count, 3),
        picture=best.picture,
    )


def has_room(box: list[float]) -> bool:
    """Is any of the face within the picture? A track may lead out of it."""
    left, top, right, bottom = box
    return left < right and top < bottom
