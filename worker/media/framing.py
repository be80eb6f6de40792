"""Frames the result: how much of a picture is kept, and what size comes out.

Places are (x, y) of a crop's top left corner, in pixels of the full picture.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np

from worker.media.enlarge import cubic, enlarged
from worker.media.picture import Picture

ASPECTS = {"9:16": Fraction(9, 16), "1:1": Fraction(1), "4:5": Fraction(4, 5)}  # width : height
SHORT_SIDE_4K = 2160
LONGEST_SIDE = 7680


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
