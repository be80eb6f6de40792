"""Calm the landmarks of a stream without delaying them.

Each frame is seen together with its neighbours on both sides, so nothing lags behind: the face's shape is
averaged widely, lips and lids narrowly, and the pose least where the head moves most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from worker.faces import topology
from worker.faces.pose import Pose, fit, pose_of
from worker.faces.track import face_size

REACH = 4  # frames looked at on either side
SHAPE_SPREAD, EXPRESSION_SPREAD, POSE_SPREAD = 1.6, 0.8, 1.2  # standard deviations, in frames
MOTION_SPREAD = 0.25  # in eye distances: neighbours whose head is farther off say little about this pose
JUMP = 0.6  # in face sizes: what no head moves between two frames
FADE = 3  # frames over which the swap comes and goes with the face

Payload = TypeVar("Payload")


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """One frame's face: where it is, and what it is without its pose."""

    landmarks: np.ndarray
    pose: Pose
    shape: np.ndarray  # (478, 3), without pose

    @classmethod
    def of(cls, landmarks: np.ndarray) -> Sighting:
        pose = pose_of(landmarks)
        return cls(landmarks=landmarks, pose=pose, shape=pose.undo(landmarks.astype(np.float64)))

    @property
    def centre(self) -> np.ndarray:
        return self.landmarks[topology.RIGID, :2].mean(axis=0)

    def jumps_to(self, other: Sighting) -> bool:
        """Whether the other cannot be the same face one frame on."""
        size, other_size = face_size(self.landmarks), face_size(other.landmarks)
        moved = np.linalg.norm(other.centre - self.centre)
        return bool(moved > JUMP * min(size, other_size)) or not 2 / 3 < other_size / size < 3 / 2


@dataclass(frozen=True, kw_only=True)
class Face:
    """A smoothed face. `presence` 0..1 is how far it is faded in; `is_new`: it was not there before."""

    landmarks: np.ndarray
    pose: Pose
    shape: np.ndarray
    presence: float
    is_new: bool


def bell(distance: np.ndarray, spread: float) -> np.ndarray:
    return np.exp(-(distance**2) / (2 * spread**2))


def blend(weights: np.ndarray, arrays: list[np.ndarray]) -> np.ndarray:
    return np.tensordot(weights / weights.sum(), np.array(arrays), 1)


def smooth(sightings: list[Sighting], steps: np.ndarray, here: Sighting) -> tuple[np.ndarray, Pose]:
    """Return the shape and pose of `here`, calmed by the sightings that many frame `steps` away."""
    shapes = [sighting.shape for sighting in sightings]
    shape = blend(bell(steps, SHAPE_SPREAD), shapes)
    fast = topology.EXPRESSIVE
    shape[fast] = blend(bell(steps, EXPRESSION_SPREAD), [each[fast] for each in shapes])

    moved = [np.linalg.norm(sighting.centre - here.centre) for sighting in sightings]
    similar = np.exp(-((np.array(moved) / (MOTION_SPREAD * here.pose.scale)) ** 2))
    weights = bell(steps, POSE_SPREAD) * similar
    placed = blend(weights, [sighting.landmarks for sighting in sightings])
    face = slice(topology.FACE_POINTS)
    return shape, fit(shape[face], placed[face].astype(np.float64))


@dataclass(kw_only=True)
class _Frame:
    payload: Any
    sighting: Sighting | None
    is_cut: bool  # nothing before this frame belongs to what follows


class Smoother:
    """Turns a stream of (payload, landmarks or None, is_cut) into one of (payload, Face or None)."""

    def __init__(self, *, reach: int = REACH) -> None:
        self.reach = reach
        self.before: deque[_Frame] = deque(maxlen=reach)
        self.after: deque[_Frame] = deque()

    def run(
        self, frames: Iterable[tuple[Payload, np.ndarray | None, bool]]
    ) -> Iterator[tuple[Payload, Face | None]]:
        last = None
        for payload, landmarks, is_cut in frames:
            sighting = None if landmarks is None else Sighting.of(landmarks)
            jumped = bool(last and sighting and last.jumps_to(sighting))
            self.after.append(_Frame(payload=payload, sighting=sighting, is_cut=is_cut or jumped))
            last = sighting
            if len(self.after) > self.reach:
                yield self.next()
        while self.after:
            yield self.next()

    def next(self) -> tuple[Payload, Face | None]:
        here = self.after.popleft()
        face = self.face(here, here.sighting) if here.sighting else None
        payload, here.payload = here.payload, None  # the past is kept for its landmarks alone
        self.before.append(here)
        return payload, face

    def face(self, here: _Frame, sighting: Sighting) -> Face:
        past, future = self.past(here), self.future()
        around = [(0, here), *((-step, f) for step, f in past), *future]
        seen = [(step, frame.sighting) for step, frame in around if frame.sighting]
        steps = np.array([step for step, _ in seen], float)
        shape, pose = smooth([each for _, each in seen], steps, sighting)
        gaps = [abs(step) for step, frame in around if frame.sighting is None]
        return Face(
            landmarks=pose.apply(shape).astype(np.float32),
            pose=pose,
            shape=shape,
            presence=min([1.0, *(gap / (FADE + 1) for gap in gaps)]),
            is_new=not past or past[0][1].sighting is None,
        )

    def past(self, here: _Frame) -> list[tuple[int, _Frame]]:
        """Return (steps back, frame), back to the last cut or the first frame without a face."""
        frames, newer = [], here
        for step, frame in enumerate(reversed(self.before), 1):
            if newer.is_cut or newer.sighting is None:
                break
            frames.append((step, frame))
            newer = frame
        return frames

    def future(self) -> list[tuple[int, _Frame]]:
        """Return (steps ahead, frame), up to the next cut or the first frame without a face."""
        frames = []
        for step, frame in enumerate(self.after, 1):
            if frame.is_cut:
                break
            frames.append((step, frame))
            if frame.sighting is None:
                break
        return frames
