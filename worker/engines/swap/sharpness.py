"""Make the portrait neither sharper nor softer than the clip: by its lens, its focus, its compression.

Softness is the variance, in square pixels, of the Gaussian that would make edges as wide as they are.
Variances of blurs that follow one another add up.
"""

from __future__ import annotations

import cv2
import numpy as np

from worker.memory import Remembers

EVERY = 6  # frames between two measurements
MEMORY = 0.7
FINE, COARSE = 1.0, 2.0  # pixels: the blurs, as deviations, whose edges are compared
EDGES = 0.08  # of the pixels, the steepest: what is a sharp edge in the lens is one here
LEAST_EDGES = 60  # pixels
DOUBT = 0.7  # square pixels that two faces, one with lashes or glasses, differ by in one and the same clip
LEAST, MOST = 0.12, 9.0  # square pixels: under the first nothing is seen, over the second nothing is left
MOST_SHARPENED = 0.5  # square pixels: more would ring


def softness(luma: np.ndarray, where: np.ndarray) -> float | None:
    """Return how soft the sharpest edges in the bool area are; None if it has too few.

    Blurring by s makes the slope of an edge of variance v fall by sqrt(v / (v + s^2)); two blurs compared
    give v (Zhuo and Sim, Defocus map estimation from a single image, 2011), both wide enough to calm noise.
    """
    if not where.any():
        return None
    left, top, width, height = cv2.boundingRect(where.astype(np.uint8))
    near = np.s_[top : top + height, left : left + width]
    fine, coarse = (slope(luma[near], spread)[where[near]] for spread in (FINE, COARSE))
    steepest = np.argsort(coarse)[len(coarse) - int(EDGES * len(coarse)) :]
    if len(steepest) < LEAST_EDGES:
        return None
    ratio = float(np.median(fine[steepest] / (coarse[steepest] + 1e-3))) ** 2
    ratio = np.clip(ratio, 1.05, COARSE**2 / FINE**2)
    return float((COARSE**2 - ratio * FINE**2) / (ratio - 1))


def slope(luma: np.ndarray, spread: float) -> np.ndarray:
    calm = cv2.GaussianBlur(luma.astype(np.float32), (0, 0), spread)
    return cv2.magnitude(cv2.Sobel(calm, cv2.CV_32F, 1, 0), cv2.Sobel(calm, cv2.CV_32F, 0, 1))


def softened(plane: np.ndarray, variance: float) -> np.ndarray:
    """Blur the float32 plane by that variance, or sharpen it if it is negative."""
    if variance >= 0:
        return cv2.GaussianBlur(plane, (0, 0), np.sqrt(variance))
    return plane - variance * (plane - cv2.GaussianBlur(plane, (0, 0), 1.0))


class Sharpness(Remembers):
    """`lacking`: what the portrait lacks of the clip's softness."""

    REMEMBERED = ("lacking", "frames")

    def __init__(self) -> None:
        self.lacking: float | None = None
        self.frames = 0

    @property
    def is_due(self) -> bool:
        return self.lacking is None or self.frames % EVERY == 0

    def measure(self, layer: np.ndarray, new: np.ndarray, video: np.ndarray, own: np.ndarray) -> None:
        """Learn from the layer in the bool area `new` and the video in `own`: the features of either face."""
        here, there = softness(layer, new), softness(video, own)
        if here is None or there is None:
            return
        apart = there - here
        sure = float(np.sign(apart) * max(0.0, abs(apart) - DOUBT))
        lacking = float(np.clip(sure, -MOST_SHARPENED, MOST))
        self.lacking = lacking if self.lacking is None else MEMORY * self.lacking + (1 - MEMORY) * lacking

    def match(self, layer: np.ndarray) -> np.ndarray:
        """Return the layer as sharp as the clip."""
        self.frames += 1
        if self.lacking is None or abs(self.lacking) < LEAST:
            return layer
        return softened(layer, self.lacking)
