"""Frames the result: which part of a picture is kept, how the crop follows a face, what size comes out.

Boxes are (x0, y0, x1, y1) in pixels of the full picture; places are (x, y) of a crop's top left corner.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np

from worker.media.enlarge import cubic, enlarged
from worker.media.picture import Picture
from worker.memory import Remembers

ASPECTS = {"9:16": Fraction(9, 16), "1:1": Fraction(1), "4:5": Fraction(4, 5)}  # width : height
SHORT_SIDE_4K = 2160
LONGEST_SIDE = 7680

FACE_HEIGHT_IN_CROP = 0.45  # where the middle of a face box comes to lie: a little above the middle
STILL = 0.06  # the face may leave its place by this much of the crop before the camera moves
SETTLED = 0.004
EAGERNESS = 3.0  # 1/s: how fast the camera would close in on its goal if nothing held it
TOP_ACCELERATION = 1.2  # crop sides per second squared


def even(side: float | Fraction) -> int:
    return max(2, round(side / 2) * 2)


def crop_size(width: int, height: int, aspect_ratio: str) -> tuple[int, int]:
    """Return the largest (width, height) of that aspect within the picture, even; `original` keeps all."""
    if aspect_ratio == "original":
        return width, height
    aspect = ASPECTS[aspect_ratio]
    if Fraction(width, height) > aspect:
        return min(width, even(height * aspect)), height
    return width, min(height, even(width / aspect))


def output_size(width: int, height: int, *, enable_4k: bool) -> tuple[int, int]:
    """Return the (width, height) that a crop of that size is written in, both even.

    With `enable_4k` the short side becomes 2160 pixels, up or down, and an aspect that even sides could
    only come near to becomes exact. Else the crop keeps its own size, but a short side over 2160 comes
    down to it. No side exceeds 7680.
    """
    if min(width, height) <= SHORT_SIDE_4K and not enable_4k:
        scale = min(Fraction(1), Fraction(LONGEST_SIDE, max(width, height)))
        return even(width * scale), even(height * scale)
    aspect = exact_aspect(width, height)
    slimness = max(aspect, 1 / aspect)
    short = min(Fraction(SHORT_SIDE_4K), LONGEST_SIDE / slimness)
    long = short * slimness
    return (even(long), even(short)) if aspect > 1 else (even(short), even(long))


def exact_aspect(width: int, height: int) -> Fraction:
    """Return the one of `ASPECTS` that the sides mean, else their own."""
    meant = (
        aspect
        for aspect in ASPECTS.values()
        if even(height * aspect) == width or even(width / aspect) == height
    )
    return next(meant, Fraction(width, height))


class Follower(Remembers):
    """A camera of fixed crop size that follows a face, gently.

    It starts on the first face and stands still while the face stays near its place. Else it
    moves no faster than it can still brake for its goal, with bounded acceleration, and never
    leaves the picture. Without a face it comes to rest where it is.
    """

    REMEMBERED = ("_place", "_has_begun", "_speed", "_moving")

    def __init__(self, width: int, height: int, aspect_ratio: str, rate: float) -> None:
        self.width, self.height = crop_size(width, height, aspect_ratio)
        self._room = np.array([width - self.width, height - self.height], float)
        self._crop = np.array([self.width, self.height], float)
        self._seconds = 1 / rate
        self._place = self._room / 2
        self._has_begun = False
        self._speed = np.zeros(2)
        self._moving = False

    def follow(self, box: tuple[float, float, float, float] | None) -> tuple[float, float]:
        """Return the crop's place for the next picture, given the face box in it, if any."""
        if box is not None and not self._has_begun:
            self._has_begun = True
            self._place = self._goal(box)
        self._step(self._place if box is None else self._goal(box))
        x, y = self._place
        return (float(x), float(y)) if self._moving else whole(self._place)

    def _goal(self, box: tuple[float, float, float, float]) -> np.ndarray:
        x0, y0, x1, y1 = box
        face = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
        return np.clip(face - self._crop * (0.5, FACE_HEIGHT_IN_CROP), 0, self._room)

    def _step(self, goal: np.ndarray) -> None:
        away = np.abs(goal - self._place) / self._crop
        if not self._moving and away.max() < STILL:
            return
        limit = TOP_ACCELERATION * self._crop
        wanted = speed_to(goal - self._place, limit)
        change = limit * self._seconds
        self._speed = self._speed + np.clip(wanted - self._speed, -change, change)
        self._place = np.clip(self._place + self._speed * self._seconds, 0, self._room)
        resting = away.max() < SETTLED and (np.abs(self._speed) < SETTLED * self._crop).all()
        self._moving = not resting
        if resting:
            self._speed = np.zeros(2)


def speed_to(way: np.ndarray, braking: np.ndarray) -> np.ndarray:
    """Return the speed for that way to go, from which `braking` can stop in time (v^2 = 2as)."""
    return np.sign(way) * np.minimum(EAGERNESS * np.abs(way), np.sqrt(2 * 0.8 * braking * np.abs(way)))


def whole(place: np.ndarray) -> tuple[float, float]:
    """Return the place on even pixels, where luma and chroma can be cut without blurring."""
    x, y = (float(side // 2 * 2) for side in place)
    return x, y


def crop(picture: Picture, place: tuple[float, float], width: int, height: int) -> Picture:
    """Cut (width, height) at the place out of the picture; between pixels it is cubic."""
    if (picture.width, picture.height) == (width, height):
        return picture
    x, y = place
    cut = cut_whole if x % 2 == 0 and y % 2 == 0 else cut_between
    return replace(
        picture,
        y=cut(picture.y, x, y, width, height),
        u=cut(picture.u, x / 2, y / 2, width // 2, height // 2),
        v=cut(picture.v, x / 2, y / 2, width // 2, height // 2),
    )


def cut_whole(plane: np.ndarray, x: float, y: float, width: int, height: int) -> np.ndarray:
    return plane[int(y) : int(y) + height, int(x) : int(x) + width]


def cut_between(plane: np.ndarray, x: float, y: float, width: int, height: int) -> np.ndarray:
    move = np.array([[1, 0, x], [0, 1, y]], np.float32)
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(plane, move, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)


def resize(picture: Picture, width: int, height: int, quality: str = "balanced") -> Picture:
    """Return the picture at (width, height), both even; the quality is that of enlarging."""
    if (picture.width, picture.height) == (width, height):
        return picture
    half = (width // 2, height // 2)
    if width < picture.width:
        luma = shrunk(picture.y, width, height)
        return replace(picture, y=luma, u=shrunk(picture.u, *half), v=shrunk(picture.v, *half))
    luma = enlarged(picture.y, width, height, quality)
    return replace(picture, y=luma, u=cubic(picture.u, *half), v=cubic(picture.v, *half))


def shrunk(plane: np.ndarray, width: int, height: int) -> np.ndarray:
    return cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
