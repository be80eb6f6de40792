"""Tell a face's skin from what is not: hair, a hat, a microphone."""

from __future__ import annotations

import cv2
import numpy as np

from worker.engines.swap.easing import smoothstep
from worker.engines.swap.masks import CHEEKS, FEATURES, hulls
from worker.memory import Remembers

LEAST_PIXELS = 30
FEATURE_EDGE = 0.006  # of the image: lips and lids colour the skin next to them
# The least spread that skin has, and how many spreads still count as skin, in L, a, b.
FLOOR = np.array([4, 1.5, 1.5])
REACH = np.array([3.2, 3.0, 3.0])
ADAPTATION = 0.15  # per frame
OTHER_ADAPTATION = 0.01  # while much of the cheeks has another colour: something may be held before them
LEAST_KNOWN = 0.7  # share of the cheeks that must look like skin
# Skin in shadow keeps its colour in proportion to its light; what keeps less than this of it is no skin.
LEAST_COLOUR = (0.45, 0.25)
BLACK = 6.0  # of L: darker, colour says nothing
NO_LIGHTER = (1.15, 0.95)  # of skin's lightness: what is lighter may be a highlight, or teeth


class Skin(Remembers):
    """The colour of one face's skin, learnt from its cheeks. `lab` images are (H, W, 3) float32 CIE Lab."""

    REMEMBERED = ("median", "spread")

    def __init__(self) -> None:
        self.median: np.ndarray | None = None
        self.spread: np.ndarray | None = None

    def strangeness(self, lab: np.ndarray, points: np.ndarray, cheeks: np.ndarray = CHEEKS) -> np.ndarray:
        """Learn from the cheeks of the face with those points, and return `distance`."""
        size = lab.shape[:2]
        self.learn(lab, hulls(points, (cheeks,), size) & ~hulls(points, FEATURES, size, FEATURE_EDGE))
        return self.distance(lab)

    def learn(self, lab: np.ndarray, cheeks: np.ndarray) -> None:
        pixels = lab[cheeks]
        if len(pixels) < LEAST_PIXELS:
            return
        median = np.median(pixels, axis=0)
        spread = 1.48 * np.median(np.abs(pixels - median), axis=0) + FLOOR  # 1.48 MAD: a normal deviation
        share = self.adaptation(pixels)
        self.median = median if share == 1 else self.median + share * (median - self.median)
        self.spread = spread if share == 1 else self.spread + share * (spread - self.spread)

    def adaptation(self, pixels: np.ndarray) -> float:
        """Return how much of these cheeks to learn, 0..1."""
        if self.median is None:
            return 1
        known = (self.distance(pixels[None]) < 1).mean()
        return ADAPTATION if known > LEAST_KNOWN else OTHER_ADAPTATION

    def distance(self, lab: np.ndarray) -> np.ndarray:
        """Return how far from skin each pixel is: up to 1 is skin; zeros while nothing is learnt."""
        if self.median is None:
            return np.zeros(lab.shape[:2], np.float32)
        apart = (lab - self.median.astype(np.float32)) * (1 / (self.spread * REACH)).astype(np.float32)
        return np.sqrt(np.einsum("...i,...i", apart, apart))

    def greyness(self, lab: np.ndarray) -> np.ndarray:
        """Return how surely each pixel is something dark or grey, 0..1: not skin in any light, not lips."""
        if self.median is None:
            return np.zeros(lab.shape[:2], np.float32)
        lightness, hue = float(self.median[0]), self.median[1:].astype(np.float32)
        colour = lab[..., 1:] @ (hue / (hue @ hue)) * ((lightness + BLACK) / (lab[..., 0] + BLACK))
        grey = smoothstep(-colour, -LEAST_COLOUR[0], -LEAST_COLOUR[1])
        return grey * smoothstep(-lab[..., 0] / lightness, -NO_LIGHTER[0], -NO_LIGHTER[1])


def lab_of_rgb(rgb: np.ndarray) -> np.ndarray:
    """Return RGB, 0..255, as CIE Lab: L 0..100."""
    return cv2.cvtColor(np.clip(rgb.astype(np.float32) / 255, 0, 1), cv2.COLOR_RGB2Lab)
