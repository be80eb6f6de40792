"""How a recording is turned or mirrored to be seen upright: one of the eight ways that keep pixels whole."""

from __future__ import annotations

from dataclasses import dataclass

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type as SideData

from worker.media.picture import side_numbers


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Rows become columns first if `transposed`; then left and right, then top and bottom change places."""

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    def size(self, width: int, height: int) -> tuple[int, int]:
        return (height, width) if self.transposed else (width, height)

    def of(self, plane: np.ndarray) -> np.ndarray:
        """Return the plane turned, in memory of its own, or the plane itself if there is nothing to turn."""
        if self.transposed:
            plane = cv2.transpose(plane)
        if self.mirrored or self.flipped:
            plane = cv2.flip(plane, FLIPS[self.mirrored, self.flipped])
        return plane


FLIPS = {(True, False): 1, (False, True): 0, (True, True): -1}  # OpenCV's names for them


def turn_of(frame: av.VideoFrame) -> Turn:
    """Return how the frame's display matrix turns it, at right angles: the nearest to a matrix that is askew.

    The matrix (ISO/IEC 14496-12, 8.5.2) takes (x, y) to (a x + c y, b x + d y), y pointing down.
    """
    matrix = side_numbers(frame, SideData.DISPLAYMATRIX)
    if matrix is None:
        return Turn()
    (a, b, _), (c, d, _) = matrix.reshape(3, 3)[:2].astype(float)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Turn(mirrored=a < 0, flipped=d < 0)
    return Turn(transposed=True, mirrored=c < 0, flipped=b < 0)
