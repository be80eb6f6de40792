"""What is known of a result once it is made: how much of it shows the new face, how like it is, how steady.

A record grows with the length of the video only by what it tells, and that is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import cv2
import numpy as np

from worker.faces.moment import Moment
from worker.faces.smooth import Face
from worker.faces.topology import FACE_TRIANGLES, MODELS
from worker.memory import Remembers

SPANS_MOST = 200
LOOKS_MOST = 300
FIRST_LOOK_EVERY = 2.0  # seconds; doubled whenever the list is full

# Flicker is read from so many pictures in a row, of so many: reading all would cost a tenth of the swap.
READ, OF = 6, 18
CORNERS = tuple(FACE_TRIANGLES.T)

Pair = tuple[float, float]


@cache
def model_digests() -> dict[str, str]:
    """Return the SHA-256 of each network's file by the network's name."""
    lines = (MODELS / "SHA256SUMS").read_text().splitlines()
    digests = {name: digest for digest, name in (line.split() for line in lines)}
    return {name.removesuffix(".onnx"): digest for name, digest in digests.items() if name.endswith(".onnx")}


def texture(luma: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Return the (T,) luma at the middle of each triangle of a face mesh: the same skin in every frame."""
    points = landmarks[:, :2].astype(np.float32)
    middles = sum(points[corner] for corner in CORNERS) / np.float32(3)
    read = cv2.remap(luma, middles[None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return read[0].astype(np.float32)


def is_read(index: int) -> bool:
    """Is flicker read from the picture of that number?"""
    return index % OF < READ


@dataclass(kw_only=True, eq=False)
class Spans(Remembers):
    """Stretches of time, in seconds, in order. Of too many, those nearest to each other are joined."""

    REMEMBERED = ("closed",)

    closed: list[Pair] = field(default_factory=list)
    most: int = SPANS_MOST

    def add(self, begin: float, end: float) -> None:
        """Add a frame's time; it lengthens the last stretch if it follows at once."""
        if self.closed and begin - self.closed[-1][1] < 1e-6:
            self.closed[-1] = (self.closed[-1][0], end)
            return
        self.closed.append((begin, end))
        if len(self.closed) > self.most:
            self.join_nearest()

    def join_nearest(self) -> None:
        gaps = [after[0] - before[1] for before, after in zip(self.closed, self.closed[1:], strict=False)]
        at = int(np.argmin(gaps))
        self.closed[at : at + 2] = [(self.closed[at][0], self.closed[at + 1][1])]


@dataclass(kw_only=True, eq=False)
class Looks(Remembers):
    """How like the source the made face is: (seconds, distance), thinned out as the video goes on."""

    REMEMBERED = ("taken", "every")

    taken: list[Pair] = field(default_factory=list)
    every: float = FIRST_LOOK_EVERY
    most: int = LOOKS_MOST

    def is_due(self, seconds: float) -> bool:
        return not self.taken or seconds >= self.taken[-1][0] + self.every

    def add(self, seconds: float, distance: float) -> None:
        self.taken.append((seconds, distance))
        if len(self.taken) >= self.most:
            self.taken, self.every = self.taken[::2], 2 * self.every


@dataclass(kw_only=True, eq=False)
class Trembling(Remembers):
    """How much a face's texture changes its change, the clip's own and the made one, summed over frames.

    A second difference lets motion and light through only where they jerk. Kept for each track.
    """

    REMEMBERED = ("own", "made", "last")

    own: float = 0.0
    made: float = 0.0
    last: dict[int, list[np.ndarray]] = field(default_factory=dict)  # (2, T): own and made, the newest last

    def add(self, track: int, own: np.ndarray, made: np.ndarray, *, is_new: bool) -> None:
        """Note the texture of one face in one frame, before and after it was swapped."""
        before = [] if is_new else self.last.get(track, [])
        here = np.stack([own, made])
        if len(before) == 2:
            second = np.abs(here - 2 * before[1] + before[0]).mean(axis=1)
            self.own += float(second[0])
            self.made += float(second[1])
        self.last[track] = [*before[-1:], here]

    def keep_only(self, tracks: set[int]) -> None:
        self.last = {track: kept for track, kept in self.last.items() if track in tracks}

    @property
    def ratio(self) -> float | None:
        """The made face's trembling over the clip's own; None where nothing moved that could tell."""
        return self.made / self.own if self.own > 0 else None


@dataclass(kw_only=True, eq=False)
class Record(Remembers):
    """All of it, told frame by frame; times are in seconds. `rate` is in frames a second."""

    REMEMBERED = ("swapped", "missed", "looks", "trembling")

    rate: float
    swapped: int = 0
    missed: Spans = field(default_factory=Spans)
    looks: Looks = field(default_factory=Looks)
    trembling: Trembling = field(default_factory=Trembling)

    def note(self, moment: Moment[Face], own: dict[int, np.ndarray], *, at: float, is_swapped: bool) -> None:
        """Note a frame after it was made; `own` are its faces' textures from before, if it is one to read."""
        if not is_swapped:
            self.missed.add(at, at + 1 / self.rate)
            return
        self.swapped += 1
        for track, before in own.items():
            face = moment.people[track]
            made = texture(moment.picture.y, face.landmarks)
            self.trembling.add(track, before, made, is_new=face.is_new or moment.index % OF == 0)
        self.trembling.keep_only(set(moment.people))

    def told(self) -> dict[str, Any]:
        """Return what the job's metrics say of it, as plain JSON."""
        flicker = self.trembling.ratio
        return {
            "missed": [[round(begin, 3), round(end, 3)] for begin, end in self.missed.closed],
            "identity": [[round(at, 3), round(distance, 3)] for at, distance in self.looks.taken],
            **({} if flicker is None else {"flicker": round(flicker, 3)}),
            "models": model_digests(),
        }


def textures(moment: Moment[Face]) -> dict[int, np.ndarray]:
    """Return the texture of each face by its track, or nothing of a picture that is not read."""
    if not is_read(moment.index):
        return {}
    return {track: texture(moment.picture.y, face.landmarks) for track, face in moment.people.items()}
