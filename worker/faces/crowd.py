"""Follow everybody's face from picture to picture.

A track is one face for as long as it is held without a break. The mesh looks where each was last; the
detectors work only for whoever is new: at the start, after a cut, when a track is lost, and now and then.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

import numpy as np

from worker.faces import topology
from worker.faces.look import Looker
from worker.faces.mesh import Region, region_of_landmarks
from worker.faces.track import face_size
from worker.faces.views import View
from worker.memory import Remembers, storable

MOST = 6  # faces: each costs a look of the mesh in every picture
SEARCH_EVERY = 0.5  # seconds
FAR_EVERY = 4  # of these searches also looks for small faces
REST = 4  # frames from one look to the next at a face that only has to be kept in mind
RETRY_EVERY = 3  # frames, while somebody is missed
RETURN = 1.0  # seconds within which a face that is lost keeps its track, if it comes back
JUMP = 0.6  # in face sizes: what no head moves between two frames
RETURN_REACH = 1.0  # in face sizes: how far off it may come back
ONE_FACE = 0.4  # in face sizes: what two people's faces cannot come nearer than without one hiding the other


@storable
@dataclass(kw_only=True)
class Track:
    """Where a face was seen last, (478, 3); for how many frames it was missed, or not looked for."""

    landmarks: np.ndarray
    missed: int = 0
    rested: int = 0


@storable
@dataclass(kw_only=True)
class CrowdState:
    """All that following remembers between two frames."""

    tracks: dict[int, Track] = field(default_factory=dict)
    next_track: int = 0
    since_search: int = 0  # frames
    searches: int = 0  # since the start or the last cut


class Crowd(Remembers):
    """Holds up to MOST faces. Tracks are numbered in the order of their coming, and no number comes again."""

    REMEMBERED = ("state",)

    def __init__(self, *, rate: float, scales: tuple[float, ...] = (1.0,)) -> None:
        self.looker = Looker(scales=scales)
        self.search_every = max(1, round(SEARCH_EVERY * rate))
        self.return_within = round(RETURN * rate)
        self.state = CrowdState()

    def forget(self) -> None:
        """Look for everybody anew in the next picture, as after a cut."""
        self.state = CrowdState(next_track=self.state.next_track)

    def follow(self, view: View, resting: Container[int] = ()) -> dict[int, np.ndarray]:
        """Return the (478, 3) landmarks of each face in the next picture by its track.

        Those of `resting` tracks may be some frames old: it is enough to know that they are there.
        """
        held = self.hold(view, resting)
        if self.is_search_due(held):
            self.search(view, held)
        self.remember(held)
        return held

    def hold(self, view: View, resting: Container[int]) -> dict[int, np.ndarray]:
        """Return the faces that are still where they were, each once."""
        held = {}
        for number, track in self.state.tracks.items():
            if number in resting and not track.missed and track.rested + 1 < REST:
                track.rested += 1
                held[number] = track.landmarks
                continue
            track.rested, landmarks = 0, None
            if not track.missed:
                landmarks = self.looker.read(view, region_of_landmarks(track.landmarks))
            if landmarks is not None and change(track.landmarks, landmarks) < 1:
                held[number] = landmarks
        return self.without_doubles(held)

    def without_doubles(self, held: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
        """Where one face hides another, both tracks see it: the one that changed more has lost its own.

        One that was not looked for has not changed, which says nothing.
        """
        if len(held) < 2:
            return held

        def unsteadiness(number: int) -> tuple[bool, float]:
            track = self.state.tracks[number]
            return track.rested > 0, change(track.landmarks, held[number])

        steadiest_first = sorted(held, key=unsteadiness)
        kept: dict[int, np.ndarray] = {}
        for number in steadiest_first:
            if not any(are_one_face(held[number], other) for other in kept.values()):
                kept[number] = held[number]
        return dict(sorted(kept.items()))

    def is_search_due(self, held: dict[int, np.ndarray]) -> bool:
        state = self.state
        someone_is_missed = len(held) < len(state.tracks)
        every = RETRY_EVERY if someone_is_missed else self.search_every
        has_just_lost = any(not track.missed and n not in held for n, track in state.tracks.items())
        return not held or has_just_lost or state.since_search >= every

    def search(self, view: View, held: dict[int, np.ndarray]) -> None:
        """Add whoever is not yet held."""
        state = self.state
        thorough = not held or state.searches % FAR_EVERY == 0
        for region in self.looker.find_all(view) if thorough else self.looker.find_near(view):
            if len(held) == MOST:
                break
            if any(holds(landmarks, region) for landmarks in held.values()):
                continue
            landmarks = self.looker.settle(view, region)
            if landmarks is None or any(are_one_face(landmarks, other) for other in held.values()):
                continue
            held[self.number_for(landmarks, held)] = landmarks
        state.since_search, state.searches = 0, state.searches + 1

    def number_for(self, landmarks: np.ndarray, held: dict[int, np.ndarray]) -> int:
        """Return the number of the lost track that this is, or a new one."""
        near = {
            n: change(track.landmarks, landmarks, reach=RETURN_REACH if track.missed else JUMP)
            for n, track in self.state.tracks.items()
            if n not in held
        }
        if near and min(near.values()) < 1:
            return min(near, key=lambda n: near[n])
        self.state.next_track += 1
        return self.state.next_track - 1

    def remember(self, held: dict[int, np.ndarray]) -> None:
        state = self.state
        lost = {
            n: Track(landmarks=track.landmarks, missed=track.missed + 1)
            for n, track in state.tracks.items()
            if n not in held and track.missed < self.return_within
        }
        state.tracks = {
            n: Track(landmarks=landmarks, rested=state.tracks[n].rested if n in state.tracks else 0)
            for n, landmarks in held.items()
        } | lost
        state.since_search += 1


def centre(landmarks: np.ndarray) -> np.ndarray:
    return landmarks[topology.RIGID, :2].mean(axis=0)


def change(before: np.ndarray, after: np.ndarray, *, reach: float = JUMP) -> float:
    """Return how far a face moved and grew; from 1 on, more than one face can between two looks.

    `reach`: in sizes of the smaller face, how far it can move. It can grow or shrink by half.
    """
    size, new_size = face_size(before), face_size(after)
    moved = float(np.linalg.norm(centre(after) - centre(before))) / min(size, new_size)
    grown = abs(np.log(new_size / size)) / np.log(1.5)
    return max(moved / reach, float(grown))


def are_one_face(one: np.ndarray, other: np.ndarray) -> bool:
    apart = np.linalg.norm(centre(one) - centre(other))
    return bool(apart < ONE_FACE * max(face_size(one), face_size(other)))


def holds(landmarks: np.ndarray, region: Region) -> bool:
    """Return whether a detected region is of the face with those landmarks."""
    apart = np.hypot(*(centre(landmarks) - (region.x, region.y)))
    return bool(apart < ONE_FACE * face_size(landmarks))
