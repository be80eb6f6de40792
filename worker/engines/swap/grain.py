"""Give the clean portrait the noise of the video's camera."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from worker.memory import Remembers

EVERY = 12  # frames between two measurements
MEMORY = 0.7
LEAST, MOST = 0.3, 6.0  # levels of luma: below it is not seen, above it is no noise
FIELD = 1280  # pixels: side of the noise that is used again and again, shifted


def noise_level(luma: np.ndarray, where: np.ndarray) -> float:
    """Return the standard deviation of the noise in the bool area `where`.

    The Laplacian lets edges and noise through; its median lets only noise. 0.6745 makes a median absolute
    deviation a standard one, and the Laplacian's weights (4, -1, -1, -1, -1) multiply noise by sqrt(20).
    """
    image = luma.astype(np.float32)
    centre = 4 * image[1:-1, 1:-1]
    laplacian = centre - image[:-2, 1:-1] - image[2:, 1:-1] - image[1:-1, :-2] - image[1:-1, 2:]
    values = np.abs(laplacian[where[1:-1, 1:-1]])
    return float(np.median(values)) / 0.6745 / math.sqrt(20) if len(values) > 100 else 0.0


@cache
def noise_field() -> np.ndarray:
    """Return (FIELD, FIELD) float32 noise of deviation 1, one for all faces: it is large and slow to make."""
    return np.random.default_rng(0).standard_normal((FIELD, FIELD), np.float32)


class Grain(Remembers):
    REMEMBERED = ("level", "frames")

    def __init__(self) -> None:
        self.field = noise_field()
        self.level: float | None = None
        self.frames = 0

    def forget(self) -> None:
        self.level = None

    @property
    def is_due(self) -> bool:
        return self.level is None or self.frames % EVERY == 0

    def measure(self, layer: np.ndarray, video: np.ndarray, where: np.ndarray) -> None:
        """Learn how much noise the layer lacks in the bool area `where`."""
        lacking = noise_level(video, where) ** 2 - noise_level(layer, where) ** 2
        level = math.sqrt(max(0.0, lacking))
        self.level = level if self.level is None else MEMORY * self.level + (1 - MEMORY) * level

    def add(self, layer: np.ndarray) -> None:
        """Add the noise that the float32 layer lacks, in place."""
        self.frames += 1
        if self.level is not None and self.level > LEAST:
            layer += min(self.level, MOST) * self.shifted(*layer.shape)

    def shifted(self, height: int, width: int) -> np.ndarray:
        """Return noise unlike the last frame's: the field, begun elsewhere, repeated if need be."""
        if max(height, width) > FIELD:
            rows, columns = np.arange(height) + 37 * self.frames, np.arange(width) + 61 * self.frames
            return self.field[np.ix_(rows % FIELD, columns % FIELD)]
        top = 37 * self.frames % (FIELD - height + 1)
        left = 61 * self.frames % (FIELD - width + 1)
        return self.field[top : top + height, left : left + width]
