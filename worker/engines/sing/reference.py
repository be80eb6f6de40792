"""Takes the motion of a face out of a reference video, and gives it to another head.

Only a dozen numbers a picture are kept. Angles, lengths and shares are those of
`worker.engines.sing.expression`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from worker.engines.pipeline import Pipeline
from worker.engines.sing.expression import EYEBALL, PIVOT
from worker.engines.sing.motion import Head, Lips
from worker.errors import NoFaceInVideo
from worker.faces import topology
from worker.faces.pose import pose_of
from worker.faces.track import Tracker
from worker.faces.views import PlanesView, rgb_of_yuv
from worker.media.source import VideoSource, open_video
from worker.media.span import Span

TURN_LIMIT = 0.36  # radians: beyond, a single photo shows that it is flat
TURN_SHARE = 0.95
SHIFT_LIMIT = 0.16
ZOOM_LIMIT = 0.06
CALM = 0.035  # seconds, standard deviation: landmarks tremble

# Shares of the usual eye opening. What the mesh says of a shut eye differs from face to face.
LIDS_SHUT = (0.30, 0.70)  # where the clip's own lowest may lie to count as shut
LIDS_FALL = 0.25  # how far above shut a lid begins to count as closing, but
LIDS_OPEN = 0.86  # never above this
BROW_TRAVEL = 0.055  # eye distances that raised brows go
JAW_TRAVEL = 0.22  # eye distances between the lips of a wide open mouth
SMILE_TRAVEL = 0.05  # eye distances that the corners of the mouth rise over the middle of the upper lip
SMILE_LIMITS = (-0.7, 1.1)
JAW_DRAWS = 0.2  # how far the corners go down, of the way between the lips
GAZE_LIMIT = 0.35  # radians: beyond, the iris would leave the lids
WIDTH_TRAVEL = 0.16  # of the usual width, from neutral to as wide as it gets

EYES = ((topology.LEFT_IRIS, topology.LEFT_LIDS), (topology.RIGHT_IRIS, topology.RIGHT_LIDS))

# Rows of a track: what is measured in each picture.
MEASURES = (
    *("time", "turn_x", "turn_y", "turn_z", "x", "y", "scale", "lids", "brows", "lips", "width"),
    *("corners", "gaze_x", "gaze_y"),
)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A tracked face: per picture with a face (n,) times in seconds, head and lips; `seconds` long."""

    times: np.ndarray
    head: Head
    lips: Lips
    seconds: float

    def head_at(self, times: np.ndarray) -> Head:
        """Return the head at any times from 0 on; beyond its end the motion runs back, and forth again."""
        there = to_and_fro(times, self.seconds)
        tracks = {name: track for name, track in vars(self.head).items() if track is not None}
        return Head(**{name: self.at(there, track) for name, track in tracks.items()})

    def lips_at(self, times: np.ndarray) -> Lips:
        there = to_and_fro(times, self.seconds)
        return Lips(**{name: self.at(there, getattr(self.lips, name)) for name in Lips.__dataclass_fields__})

    def at(self, times: np.ndarray, track: np.ndarray) -> np.ndarray:
        if track.ndim == 1:
            return np.interp(times, self.times, track)
        return np.stack([np.interp(times, self.times, column) for column in track.T], axis=1)


def to_and_fro(times: np.ndarray, length: float) -> np.ndarray:
    """Fold times into 0..length, forwards and backwards in turn, so that no repeat jumps."""
    phase = np.mod(times, 2 * length)
    return np.where(phase < length, phase, 2 * length - phase)


def follow_reference(
    path: Path,
    on_picture: Callable[[int, int | None], None],
    *,
    until: float = np.inf,
    looks_per_second: float = np.inf,
    span: Span | None = None,
) -> Reference:
    """Track the face through the video; NoFaceInVideo if there is none. `on_picture`: (done, in all).

    It is followed as long as it is needed, `until` so many seconds, and looked at so often at most. Of a
    `span` only that counts, from its first picture on.
    """
    with open_video(path, span) as source:
        rows, end = [], 0.0
        for done, (time, landmarks) in enumerate(tracked(source, until, looks_per_second), start=1):
            on_picture(done, source.frames)
            end = time + float(1 / source.rate)
            if landmarks is not None:
                rows.append(measured(time, landmarks))
    if not rows:
        raise NoFaceInVideo(f"No face was found in the reference video, which is {end:.1f} s long.")
    return reference_of(np.array(rows), end)


def tracked(
    source: VideoSource, until: float, looks_per_second: float
) -> Iterator[tuple[float, np.ndarray | None]]:
    """Yield (seconds, landmarks or None) of every picture, None too for those that are not looked at."""
    matrix = rgb_of_yuv("bt709" if source.colour.space == 1 else "bt601", False)
    tracker, due = Tracker(), 0.0
    with Pipeline() as pipeline:
        for picture in pipeline.ahead(source, name="decode"):
            time = float(picture.pts * source.time_base)
            if time > until:
                return
            looks = time >= due - 0.25 / looks_per_second  # a picture's time is rounded to its clock
            yield time, tracker.follow(PlanesView(*picture.planes, matrix)) if looks else None
            if looks:
                due = time + 1 / looks_per_second


def measured(time: float, landmarks: np.ndarray) -> list[float]:
    """Return one row of MEASURES; turns are whole rotations, lengths without the head's pose."""
    pose = pose_of(landmarks)
    face = pose.undo(landmarks.astype(np.float64))
    turn = cv2.Rodrigues(pose.rotation)[0].ravel()
    lids = np.mean([openness(face, eye) for eye in (topology.LEFT_LIDS, topology.RIGHT_LIDS)])
    brows = face[topology.LEFT_LIDS[0], 1] - face[topology.LEFT_BROW, 1].mean()
    brows += face[topology.RIGHT_LIDS[0], 1] - face[topology.RIGHT_BROW, 1].mean()
    lips = np.linalg.norm(face[topology.UPPER_LIP] - face[topology.LOWER_LIP])
    width = np.linalg.norm(face[61] - face[291])
    corners = face[topology.UPPER_LIP, 1] - (face[61, 1] + face[291, 1]) / 2 + JAW_DRAWS * lips
    gaze = np.mean([eye_turn(face, *eye) for eye in EYES], axis=0)
    return [time, *turn, *pose.shift[:2], pose.scale, lids, brows / 2, lips, width, corners, *gaze]


def eye_turn(face: np.ndarray, iris: int, lids: tuple[int, int, int, int]) -> np.ndarray:
    """Return how far the iris is from the middle of the eye's corners, (2,), in eyeballs."""
    return (face[iris, :2] - face[list(lids[2:]), :2].mean(axis=0)) / EYEBALL


def openness(face: np.ndarray, eye: tuple[int, int, int, int]) -> float:
    """Return the height of an eye's opening over its width."""
    upper, lower, outer, inner = face[list(eye), :2]
    return float(np.linalg.norm(upper - lower) / np.linalg.norm(outer - inner))


def reference_of(rows: np.ndarray, seconds: float) -> Reference:
    track = dict(zip(MEASURES, rows.T, strict=True))
    usual = at_rest(track)
    calm = np.median(np.diff(track["time"])) if len(rows) > 1 else 1.0
    spread = CALM / max(calm, 1e-3)

    turn = limited(calmed(turns_from_usual(rows[:, 1:4]), spread) * TURN_SHARE, TURN_LIMIT)
    zoom = 1 + limited(calmed(track["scale"] / usual["scale"] - 1, spread), ZOOM_LIMIT)
    place = np.stack([track["x"] - usual["x"], track["y"] - usual["y"]], axis=1) / usual["scale"]
    shift = limited(calmed(place, spread) - shift_by_turning(turn, zoom), SHIFT_LIMIT)
    blink = blinks_in(track["lids"])
    gaze = gazes(np.stack([track["gaze_x"] - usual["gaze_x"], track["gaze_y"] - usual["gaze_y"]], 1), blink)
    smile = calmed(track["corners"] - usual["corners"], spread) / SMILE_TRAVEL
    head = Head(
        turn=turn,
        shift=shift,
        zoom=zoom,
        blink=blink,
        brows=np.clip(calmed(track["brows"] - usual["brows"], spread) / BROW_TRAVEL, -0.6, 1.2),
        gaze=limited(calmed(gaze, spread), GAZE_LIMIT),
        smile=np.clip(smile, *SMILE_LIMITS),
    )
    opening = np.clip((track["lips"] - np.percentile(track["lips"], 5)) / JAW_TRAVEL, 0, 1)
    width = np.clip((track["width"] / usual["width"] - 1) / WIDTH_TRAVEL, -1, 1)
    lips = Lips(opening=opening, width=width, stress=opening)
    return Reference(times=track["time"], head=head, lips=lips, seconds=seconds)


def at_rest(track: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the usual measures of the face while it does little: lips rather shut, lids rather open."""
    shut, wide = np.median(track["lips"]), np.percentile(track["lids"], 30)
    calm = (track["lips"] <= shut) & (track["lids"] >= wide)
    seen = calm if calm.any() else slice(None)
    return {name: float(np.median(values[seen])) for name, values in track.items()}


def gazes(seen: np.ndarray, blink: np.ndarray) -> np.ndarray:
    """Return (n, 2) gazes, carried over blinks: under a lid the iris is guessed at."""
    times, sees = np.arange(len(seen)), blink < 0.4
    if not sees.any():
        return np.zeros_like(seen)
    return np.stack([np.interp(times, times[sees], column[sees]) for column in seen.T], axis=1)


def blinks_in(lids: np.ndarray) -> np.ndarray:
    """Return (n,) 0..1, how far the lids are shut, by this face's own measure of open and shut."""
    open_share = lids / np.percentile(lids, 80)
    shut = np.clip(np.percentile(open_share, 1) + 0.03, *LIDS_SHUT)
    falling = min(shut + LIDS_FALL, LIDS_OPEN)
    return np.clip((falling - open_share) / (falling - shut), 0, 1)


def turns_from_usual(rotvecs: np.ndarray) -> np.ndarray:
    """Return (n, 3) rotations from the mean one, as the portrait's own pose counts as the usual."""
    rotations = matrices(rotvecs)
    # The mean is the rotation nearest to that of the matrices (Moakher, 2002).
    left, _, right = np.linalg.svd(rotations.mean(axis=0))
    usual = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    return np.array([cv2.Rodrigues(usual.T @ rotation)[0].ravel() for rotation in rotations])


def shift_by_turning(turn: np.ndarray, zoom: np.ndarray) -> np.ndarray:
    """Return (n, 2) how far the point between the eyes goes just because the head turns on its neck."""
    turned = matrices(turn) @ -PIVOT * zoom[:, None] + PIVOT
    return turned[:, :2]


def matrices(rotvecs: np.ndarray) -> np.ndarray:
    """Return (n, 3, 3) of (n, 3) rotation vectors."""
    return np.array([cv2.Rodrigues(rotvec)[0] for rotvec in rotvecs])


def calmed(track: np.ndarray, spread: float) -> np.ndarray:
    return gaussian_filter1d(track, spread, axis=0, mode="nearest")


def limited(track: np.ndarray, limit: float) -> np.ndarray:
    """Bend the track gently so that it stays within +-limit."""
    return limit * np.tanh(track / limit)
