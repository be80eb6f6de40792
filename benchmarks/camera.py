"""Measure the camera that cuts out 9:16: `python -m benchmarks.camera`.

It is led along made paths of a face through a 16:9 picture at 30 a second. A face is *safe* if its box lies
in the crop without the margin, or the crop lies as near to it as the picture allows. Speeds are in picture
widths a second, accelerations in widths a second squared; over a cut neither is counted. The size of the
picture matters only for how far the camera can look ahead.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from worker.media.camera import MARGIN, Box, Camera
from worker.media.framing import crop_size

RATE = 30
HEIGHTS = (720, 2160)
FACE = 0.26  # of the picture's height: a face's width, its height is 1.25 of it
FACE_AT = 0.4  # of the height


@dataclass(frozen=True, kw_only=True)
class Path:
    """`people` (n, k): the middle of each face, as a share of the width; `seen` (n,): whether any is found;
    `noise`: of what is found, in thousandths of the width; `strays`: the share of boxes that are far off."""

    people: np.ndarray
    seen: np.ndarray
    noise: float = 1.2
    strays: float = 0.0
    cuts: tuple[int, ...] = ()

    def boxes(self, height: int) -> list[list[Box]]:
        rng = np.random.default_rng(0)
        found = self.people + rng.normal(0, self.noise / 1000, self.people.shape)
        # Not the first: what a scene begins with is all that is known of it.
        is_stray = (rng.random(found.shape) < self.strays) & (np.arange(len(found)) > 0)[:, None]
        found += 0.25 * rng.choice([-1, 1], found.shape) * is_stray
        rows = [[box_at(float(x), height) for x in row] for row in found]
        return [row if is_seen else [] for row, is_seen in zip(rows, self.seen, strict=True)]


@dataclass(frozen=True, kw_only=True)
class Ride:
    """How it went: the share of frames in which the first face, where it is seen, is safe; the most speed and
    acceleration; how often the camera set out; the share of frames in which it stood still."""

    safe: float
    speed: float
    acceleration: float
    starts: int
    still: float


def width_of(height: int) -> int:
    return height * 16 // 9


def box_at(x: float, height: int) -> Box:
    middle, top, side = x * width_of(height), FACE_AT * height, FACE * height
    return (middle - side / 2, top - side * 0.6, middle + side / 2, top + side * 0.65)


def path(place: Callable[[np.ndarray], np.ndarray], seconds: float = 8.0, **how: object) -> Path:
    people = np.atleast_2d(place(np.arange(round(seconds * RATE)) / RATE)).T
    return Path(people=people, **{"seen": np.ones(len(people), bool), **how})  # type: ignore[arg-type]


def swept(times: np.ndarray, knots: dict[float, float]) -> np.ndarray:
    """Return the way through {second: place}, begun and ended within a third of a second as people do."""
    straight = np.interp(np.arange(-1, times[-1] + 1, 1 / RATE), list(knots), list(knots.values()))
    start = np.hanning(RATE // 3 + 2)[1:-1]
    smooth = np.convolve(straight, start / start.sum(), mode="same")
    return smooth[RATE : RATE + len(times)]


def bobbing(times: np.ndarray) -> np.ndarray:
    return 0.008 * np.sin(2 * np.pi * 1.9 * times)


def lost_for_a_second(times: np.ndarray) -> np.ndarray:
    return (times < 3) | (times >= 4)


def paths() -> dict[str, Path]:
    def walk(times: np.ndarray) -> np.ndarray:
        return swept(times, {0: 0.25, 1: 0.25, 3.5: 0.75, 5: 0.75, 7: 0.35}) + bobbing(times)

    def run(times: np.ndarray) -> np.ndarray:
        return swept(times, {0: 0.2, 1: 0.2, 2.2: 0.74, 4: 0.74, 5.2: 0.2})

    def lost(times: np.ndarray) -> np.ndarray:
        return swept(times, {0: 0.4, 3: 0.4, 4: 0.6})

    times = np.arange(8 * RATE) / RATE
    return {
        "still": path(lambda t: np.full_like(t, 0.4)),
        "nodding and swaying": path(lambda t: 0.5 + 0.014 * np.sin(2 * np.pi * t / 2.1)),
        "slow pan": path(lambda t: 0.3 + 0.05 * t),
        "walking": path(walk),
        "running": path(run),
        "to and fro": path(lambda t: 0.5 + 0.12 * np.sin(2 * np.pi * t / 2.5)),
        "jumpy boxes": path(lambda t: np.full_like(t, 0.6), noise=7, strays=0.03),
        "lost for 1 s": path(lost, seen=lost_for_a_second(times)),
        "cut": path(lambda t: np.where(t < 4, 0.25, 0.7), cuts=(4 * RATE,)),
        "two people near": path(lambda t: np.stack([0.48 + 0.01 * np.sin(t), 0.56 + 0.01 * np.cos(t)])),
        "two people parting": path(lambda t: np.stack([np.full_like(t, 0.4), 0.46 + 0.05 * t])),
        "near the border": path(lambda t: 0.08 + 0.04 * np.sin(2 * np.pi * t / 4)),
    }


def ride(course: Path, height: int) -> Ride:
    width = width_of(height)
    crop = crop_size(width, height, "9:16")
    camera = Camera(size=(width, height), crop=crop, rate=RATE)
    frames = ((None, row, index in course.cuts) for index, row in enumerate(course.boxes(height)))
    x = np.array([place[0] for _, place in camera.run(frames)])
    scenes = np.split(x / width, list(course.cuts))
    moves = np.concatenate([np.diff(scene) for scene in scenes])
    changes = np.concatenate([np.diff(scene, 2) for scene in scenes])
    return Ride(
        safe=float(np.mean(is_safe(course, x / width, crop[0] / width)[course.seen])),
        speed=float(np.abs(moves).max()) * RATE,
        acceleration=float(np.abs(changes).max()) * RATE**2,
        starts=int(((moves[:-1] == 0) & (moves[1:] != 0)).sum()),
        still=float((moves == 0).mean()),
    )


def is_safe(course: Path, x: np.ndarray, crop: float) -> np.ndarray:
    """Return for each frame whether the first face is safe in the crop that begins at x; all in widths."""
    half = FACE * 9 / 16 / 2 + MARGIN * crop
    left, right = course.people[:, 0] - half - x, x + crop - course.people[:, 0] - half
    return ((left >= 0) | (x <= 0)) & ((right >= 0) | (x >= 1 - crop))


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    print("| path | height | safe, % | top speed | top acceleration | starts | still, % |")
    print("|---" * 7 + "|")
    for height in HEIGHTS:
        for name, course in paths().items():
            seen = ride(course, height)
            print(
                f"| {name} | {height} | {100 * seen.safe:.1f} | {seen.speed:.2f} | {seen.acceleration:.2f} "
                f"| {seen.starts} | {100 * seen.still:.0f} |"
            )


if __name__ == "__main__":
    main()
