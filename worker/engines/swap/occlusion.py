"""See what hangs or is held in front of the face: hair, a hat, a microphone.

In the face's outer part, whatever has not the colour of this skin is in front. In its middle only what is
dark or grey is, for there shadows and highlights are no skin by colour either. Eyes, brows, nose and mouth
are all that themselves: there something is in front only if it reaches over from beside them.
"""

from __future__ import annotations

import cv2
import numpy as np

from worker.engines.swap.carried import Carried
from worker.engines.swap.easing import smoothstep
from worker.engines.swap.masks import INNER, hulls
from worker.faces import topology
from worker.memory import Remembers

STRANGE = (0.85, 1.35)  # distance from skin
MIDDLE = 0.30  # of the cutout: the unit of the distance from the nose
OUTER = (0.55, 1.05)  # in that unit: where strangeness begins to count
INNER_EDGE = 0.03  # of the image: brows and lids reach over their points, glasses still farther
MEMORY = 0.5
SURE = 0.6  # greyness of a pixel that something may be spread over the features from
SMALLEST = 0.006  # of the image: what is in front of the middle has at least this area
SPREADS = 14  # pixels that it reaches over a feature from beside it


class Occlusion(Remembers):
    """Remembers the last frame's, so that it does not flicker."""

    REMEMBERED = ("last",)

    def __init__(self) -> None:
        self.last = Carried()

    def find(self, strangeness: np.ndarray, greyness: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return how covered each pixel is, 0..1, by what `Skin` says of it; `points` are the own face's."""
        size = strangeness.shape
        features = hulls(points, INNER, size, INNER_EDGE)
        covered = smoothstep(strangeness, *STRANGE) * outer_part(points, size)
        covered[features] = 0
        covered = np.maximum(covered, reaching_over(greyness, features, points))
        calm = cv2.medianBlur((covered * 255).astype(np.uint8), 3)
        covered = cv2.GaussianBlur(calm, (0, 0), 1.2).astype(np.float32)[..., None] / 255
        return self.last.mixed(covered, points, MEMORY)[..., 0]


def reaching_over(greyness: np.ndarray, features: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the grey things that begin on bare skin, with what of the features they go on over, 0..1."""
    size = greyness.shape
    sure = (greyness > SURE).astype(np.uint8)
    seeds = sure * (hulls(points, (topology.OVAL,), size) & ~features)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(seeds)
    large = stats[:, cv2.CC_STAT_AREA] > SMALLEST * greyness.size
    large[0] = False
    if not large.any():
        return np.zeros(size, np.float32)
    grown = large[labels].astype(np.uint8)
    for _ in range(SPREADS):
        grown = cv2.dilate(grown, np.ones((3, 3), np.uint8)) & sure
    return greyness * cv2.dilate(grown, np.ones((3, 3), np.uint8))


def outer_part(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return 0 in the middle of the face, 1 towards its border."""
    nose = points[topology.NOSE_TIP]
    y, x = np.ogrid[0 : size[0], 0 : size[1]]
    away = np.hypot((x - nose[0]) / (MIDDLE * size[1]), (y - nose[1]) / (MIDDLE * size[0]))
    return smoothstep(away, *OUTER)
