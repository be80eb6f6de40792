"""See what hangs or is held in front of the face's outer part: hair, a hat, the arm of a microphone.

The middle of the face is never taken for covered: there nothing told by colour alone is sure enough.
"""

from __future__ import annotations

import cv2
import numpy as np

from worker.engines.swap.easing import smoothstep
from worker.engines.swap.masks import INNER, hulls
from worker.engines.swap.tone import mixed
from worker.faces import topology
from worker.memory import Remembers

STRANGE = (0.85, 1.35)  # distance from skin
MIDDLE = 0.30  # of the cutout: the unit of the distance from the nose
OUTER = (0.55, 1.05)  # in that unit: where strangeness begins to count
INNER_EDGE = 0.03  # of the image: brows and lids reach over their points, glasses still farther
MEMORY = 0.5


class Occlusion(Remembers):
    """Remembers the last frame's, so that it does not flicker."""

    REMEMBERED = ("last",)

    def __init__(self) -> None:
        self.last: np.ndarray | None = None

    def find(self, strangeness: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return how covered each pixel is, 0..1, by its distance from skin; `points` are the own face's."""
        size = strangeness.shape
        covered = smoothstep(strangeness, *STRANGE) * outer_part(points, size)
        covered[hulls(points, INNER, size, INNER_EDGE)] = 0
        calm = cv2.medianBlur((covered * 255).astype(np.uint8), 3)
        covered = cv2.GaussianBlur(calm, (0, 0), 1.2).astype(np.float32)[..., None] / 255
        self.last = covered if self.last is None else mixed(self.last, covered, MEMORY)
        return self.last[..., 0]


def outer_part(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return 0 in the middle of the face, 1 towards its border."""
    nose = points[topology.NOSE_TIP]
    y, x = np.ogrid[0 : size[0], 0 : size[1]]
    away = np.hypot((x - nose[0]) / (MIDDLE * size[1]), (y - nose[1]) / (MIDDLE * size[0]))
    return smoothstep(away, *OUTER)
