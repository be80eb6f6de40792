"""Average a small map of a face over time, so that it does not flicker; it goes with the head."""

from __future__ import annotations

import cv2
import numpy as np

from worker.faces import topology
from worker.memory import Remembers


class Carried(Remembers):
    """Remembers the last frame's map, and where the head was on it."""

    REMEMBERED = ("last", "head")

    def __init__(self) -> None:
        self.last: np.ndarray | None = None
        self.head: np.ndarray | None = None

    def mixed(self, new: np.ndarray, points: np.ndarray, kept: float) -> np.ndarray:
        """Return the (h, w, n) map with a share of the last one, which is brought to where the face is now.

        `points` are the face's, (478, 2) or more, in the map's pixels.
        """
        head = points[topology.RIGID, :2].astype(np.float64)
        if self.last is not None and self.head is not None:
            new = kept * carried(self.last, movement(self.head, head), new.shape) + (1 - kept) * new
        self.last, self.head = new, head
        return new


def movement(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Return the (2, 3) affine map that best brings the (n, 2) points from before to where they are now."""
    middle, goal = before.mean(axis=0), now.mean(axis=0)
    spread = before - middle
    turn = np.linalg.solve(spread.T @ spread, spread.T @ (now - goal)).T
    return np.column_stack([turn, goal - turn @ middle])


def carried(planes: np.ndarray, way: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    moved = cv2.warpAffine(planes, way, size[1::-1], borderMode=cv2.BORDER_REPLICATE)
    return moved.reshape(size)
