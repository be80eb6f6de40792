"""Calm the landmarks of a stream without delaying them, each track for itself.

Each frame is seen together with its neighbours on both sides, so nothing lags behind: the face's shape is
averaged widely, lids narrowly, and the pose least where the head moves most. Speech is too fast to average,
and too small to leave as noisy as it is seen, but mouth and jaw move as one: that one movement is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from worker.faces import jaw, topology
from worker.faces.moment import Moment
from worker.faces.pose import Pose, fit, pose_of, reference
from worker.memory import Kept, Remembers, storable

REACH = 4  # frames looked at on either side
# Standard deviations, in frames.
SHAPE_SPREAD, LIDS_SPREAD, SPEECH_SPREAD, POSE_SPREAD = 1.6, 0.8, 0.4, 1.6
JAW = 0.6  # in eye distances below the eyes: what moves with the chin as one speaks
MOTION_SPREAD = 0.25  # in eye distances: neighbours whose head is farther off say little about this pose
FADE = 3  # frames over which the swap comes and goes with the face

SPEAKING = np.union1d(topology.LIPS, np.flatnonzero(reference()[:, 1] > JAW))
LIDS = np.setdiff1d(topology.EXPRESSIVE, SPEAKING)


@storable
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


def blend(weights: np.ndarray, arrays: np.ndarray) -> np.ndarray:
    return np.tensordot(weights / weights.sum(), arrays, 1)


def smooth(sightings: list[Sighting], steps: np.ndarray, here: Sighting) -> tuple[np.ndarray, Pose]:
    """Return the shape and pose of `here`, calmed by the sightings that many frame `steps` away."""
    shapes = np.array([sighting.shape for sighting in sightings])
    shape = blend(bell(steps, SHAPE_SPREAD), shapes)
    shape[LIDS] = blend(bell(steps, LIDS_SPREAD), shapes[:, LIDS])
    shape[SPEAKING] += along_main_move(shapes[:, SPEAKING] - shape[SPEAKING], bell(steps, SPEECH_SPREAD))

    rigid = np.array([sighting.landmarks[topology.RIGID] for sighting in sightings], float)
    moved = np.linalg.norm(rigid[..., :2].mean(axis=1) - here.centre, axis=1)
    similar = np.exp(-((moved / (MOTION_SPREAD * here.pose.scale)) ** 2))
    placed = blend(bell(steps, POSE_SPREAD) * similar, rigid)
    return shape, fit(shape[topology.RIGID], placed)


def along_main_move(moves: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean of the (frames, N, 3) moves by weight, but only its part along their main direction.

    That is their first principal component: what the points do together stands out of what each does alone.
    """
    flat = moves.reshape(len(moves), -1)
    _, directions = np.linalg.eigh(flat @ flat.T)  # as few as frames, where the points' would be many
    main = directions[:, -1] @ flat
    mean = blend(weights, flat)
    along = main * (mean @ main) / (main @ main + 1e-12)
    return along.reshape(moves.shape[1:])


@storable
@dataclass(frozen=True, kw_only=True)
class Frame:
    """What the smoothing knows of one picture. `is_cut`: nothing before it belongs to what follows."""

    sightings: dict[int, Sighting]
    is_cut: bool


@dataclass(kw_only=True)
class SmootherState:
    """The newest frame is the last, in either."""

    before: list[Frame] = field(default_factory=list)
    ahead: list[tuple[Moment[np.ndarray], Frame]] = field(default_factory=list)
    jaws: dict[int, jaw.Jaw] = field(default_factory=dict)  # by track, of the newest frame given


class Smoother(Remembers):
    """Turns moments with landmarks into the same moments with calm faces, a few frames later."""

    def __init__(self, *, reach: int = REACH) -> None:
        self.reach = reach
        self.state = SmootherState()

    def put_aside(self) -> Kept:
        """What waits is taken again by whoever goes on."""
        return {"before": list(self.state.before), "jaws": dict(self.state.jaws)}

    def take_up(self, kept: Kept) -> None:
        self.state = SmootherState(before=kept["before"], jaws=kept["jaws"])

    def run(self, moments: Iterable[Moment[np.ndarray]]) -> Iterator[Moment[Face]]:
        for moment in moments:
            self.take(moment)
            if len(self.state.ahead) > self.reach:
                yield self.give()
        while self.state.ahead:
            yield self.give()

    def take(self, moment: Moment[np.ndarray]) -> None:
        sightings = {track: Sighting.of(landmarks) for track, landmarks in moment.people.items()}
        self.state.ahead.append((moment, Frame(sightings=sightings, is_cut=moment.is_cut)))

    def give(self) -> Moment[Face]:
        """Return the oldest moment that was taken and not yet given."""
        moment, here = self.state.ahead.pop(0)
        people = {track: self.face(here, track, moment.picture.y) for track in here.sightings}
        self.state.jaws = {track: known for track, known in self.state.jaws.items() if track in people}
        self.state.before = [*self.state.before, here][-self.reach :]
        return replace(moment, people=people)  # type: ignore[arg-type, return-value]

    def face(self, here: Frame, track: int, luma: np.ndarray) -> Face:
        past, future = self.past(here, track), self.future(track)
        around = [(0, here), *((-step, frame) for step, frame in past), *future]
        seen = [(step, frame.sightings[track]) for step, frame in around if track in frame.sightings]
        steps = np.array([step for step, _ in seen], float)
        shape, pose = smooth([each for _, each in seen], steps, here.sightings[track])
        is_new = not past or track not in past[0][1].sightings
        known = None if is_new else self.state.jaws.get(track)
        self.state.jaws[track], shape = jaw.follow(known, luma, pose, shape)
        gaps = [abs(step) for step, frame in around if track not in frame.sightings]
        return Face(
            landmarks=pose.apply(shape).astype(np.float32),
            pose=pose,
            shape=shape,
            presence=min([1.0, *(gap / (FADE + 1) for gap in gaps)]),
            is_new=is_new,
        )

    def past(self, here: Frame, track: int) -> list[tuple[int, Frame]]:
        """Return (steps back, frame), back to the last cut or the first frame without that face."""
        frames, newer = [], here
        for step, frame in enumerate(reversed(self.state.before), 1):
            if newer.is_cut or track not in newer.sightings:
                break
            frames.append((step, frame))
            newer = frame
        return frames

    def future(self, track: int) -> list[tuple[int, Frame]]:
        """Return (steps ahead, frame), up to the next cut or the first frame without that face."""
        frames = []
        for step, (_, frame) in enumerate(self.state.ahead, 1):
            if frame.is_cut:
                break
            frames.append((step, frame))
            if track not in frame.sightings:
                break
        return frames
