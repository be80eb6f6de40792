"""Reads the light of the scene from the skin of the face."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

# Cheeks and beside the nose, each left point with its mirror image: seldom under hair, beard or glasses.
CHEEKS = (50, 101, 118, 205, 36), (280, 330, 347, 425, 266)
PATCH = 0.03  # eye distances from a patch's middle to its side
COMMON_SKIN = np.array([212, 166, 142], np.float32)  # RGB of light skin in plain daylight
# Skin dark by itself and skin in little light look alike: so much of what is seen is put down to the light.
LIGHT_SHARE = 0.8
TINT_SHARE = 0.75
LEAST, MOST = 0.12, 1.25


@dataclass(frozen=True, kw_only=True)
class Light:
    """`colour`: (3,) float32 RGB, 1 in plain daylight. `side`: log of how much more comes from the right."""

    colour: np.ndarray
    side: float


def light_on(image: np.ndarray, points: np.ndarray, eye_distance: float) -> Light:
    """Return the light on a face whose landmarks are the (478, 2) pixels."""
    half = max(1, round(PATCH * eye_distance))
    left, right = (
        np.array([patch_mean(image, points[index], half) for index in side], np.float32) for side in CHEEKS
    )
    skin = np.median(np.concatenate([left, right]), axis=0)
    ratio = np.maximum(skin, 1) / COMMON_SKIN
    level = np.exp(np.log(ratio).mean())
    colour = level**LIGHT_SHARE * (ratio / level) ** TINT_SHARE
    side = np.log((np.median(right.mean(axis=1)) + 1) / (np.median(left.mean(axis=1)) + 1))
    return Light(colour=np.clip(colour, LEAST, MOST).astype(np.float32), side=float(np.clip(side, -0.8, 0.8)))


def patch_mean(image: np.ndarray, middle: np.ndarray, half: int) -> tuple[float, ...]:
    """Return the mean RGB of the square round that (x, y); the edge's where that is beyond the image."""
    height, width = image.shape[:2]
    x, y = np.clip(np.rint(middle).astype(int), 0, (width - 1, height - 1))
    return cv2.mean(image[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1])[:3]
