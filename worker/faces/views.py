"""Look at a piece of a picture as a small RGB image, whether it is kept as RGB or as YUV 4:2:0 planes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Protocol

import cv2
import numpy as np

# Kr and Kb of ITU-R BT.601 and BT.709.
LUMA_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}


@dataclass(frozen=True, kw_only=True)
class Box:
    """Pixels from (left, top) up to, not with, (right, bottom)."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def even_within(self, width: int, height: int) -> Box:
        """Return the box cut to an image of that size, on even pixels, as half-size chroma needs."""
        left, top = max(0, self.left) & ~1, max(0, self.top) & ~1
        right, bottom = min(width, self.right + 1) & ~1, min(height, self.bottom + 1) & ~1
        return Box(left=left, top=top, right=max(left, right), bottom=max(top, bottom))

    def of(self, plane: np.ndarray) -> np.ndarray:
        return plane[self.top : self.bottom, self.left : self.right]

    def within(self, other: Box) -> Box:
        """Return the box as counted from the other's corner."""
        return Box(
            left=self.left - other.left,
            top=self.top - other.top,
            right=self.right - other.left,
            bottom=self.bottom - other.top,
        )

    def halved(self) -> Box:
        return Box(left=self.left // 2, top=self.top // 2, right=self.right // 2, bottom=self.bottom // 2)


@cache
def yuv_of_rgb(space: str, full_range: bool) -> np.ndarray:
    """Return the (3, 4) matrix, for cv2.transform, from RGB to Y, Cb, Cr, all 0..255."""
    kr, kb = LUMA_WEIGHTS[space]
    luma = np.array([kr, 1 - kr - kb, kb])
    blue = (np.array([0, 0, 1]) - luma) / (2 * (1 - kb))
    red = (np.array([1, 0, 0]) - luma) / (2 * (1 - kr))
    gains = (1, 1, 1) if full_range else (219 / 255, 224 / 255, 224 / 255)
    offset = np.array([[0 if full_range else 16], [128], [128]])
    return np.hstack([np.diag(gains) @ np.array([luma, blue, red]), offset]).astype(np.float32)


@cache
def rgb_of_yuv(space: str, full_range: bool) -> np.ndarray:
    """Return the inverse of `yuv_of_rgb`."""
    forth = yuv_of_rgb(space, full_range).astype(np.float64)
    back = np.linalg.inv(forth[:, :3])
    return np.hstack([back, -back @ forth[:, 3:]]).astype(np.float32)


class View(Protocol):
    width: int
    height: int

    def look(self, box: Box, longest: int) -> np.ndarray:
        """Return the box as RGB, shrunk, never enlarged, until no side is over `longest`."""


def shrunk_size(box: Box, longest: int) -> tuple[int, int]:
    scale = min(1, longest / max(box.width, box.height))
    return max(2, round(box.width * scale)), max(2, round(box.height * scale))


class RgbView:
    def __init__(self, image: np.ndarray) -> None:
        self.image = image
        self.height, self.width = image.shape[:2]

    def look(self, box: Box, longest: int) -> np.ndarray:
        return cv2.resize(box.of(self.image), shrunk_size(box, longest), interpolation=cv2.INTER_AREA)


class PlanesView:
    """`luma` (H, W) and `blue`, `red` (H/2, W/2) are uint8; `to_rgb` is a matrix of `rgb_of_yuv`."""

    def __init__(self, luma: np.ndarray, blue: np.ndarray, red: np.ndarray, to_rgb: np.ndarray) -> None:
        self.luma, self.blue, self.red, self.to_rgb = luma, blue, red, to_rgb
        self.height, self.width = luma.shape

    def look(self, box: Box, longest: int) -> np.ndarray:
        size = shrunk_size(box, longest)
        luma = cv2.resize(box.of(self.luma), size, interpolation=cv2.INTER_AREA)
        half = box.halved()
        chroma = [
            cv2.resize(half.of(plane), size, interpolation=cv2.INTER_LINEAR)
            for plane in (self.blue, self.red)
        ]
        rgb = cv2.transform(cv2.merge([luma, *chroma]).astype(np.float32), self.to_rgb)
        return cv2.convertScaleAbs(np.maximum(rgb, 0))
