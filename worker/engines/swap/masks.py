"""Areas of a face as masks. Points are (478, 2) or (478, 3) in the mask's pixels."""

from __future__ import annotations

import cv2
import numpy as np

from worker.faces import topology

EYES = (topology.LEFT_EYE, topology.RIGHT_EYE)
FEATURES = (topology.LIPS_OUTER, *EYES)
BROWS = (topology.LEFT_BROW, topology.RIGHT_BROW)
# Skin that is never a feature, hardly ever hair: cheeks and nose. The second is lower down, for photos.
CHEEKS = np.array([50, 280, 347, 118, 4, 330, 101, 205, 425])
CHEEKS_AND_JAW = np.array([*CHEEKS, 187, 411])
CHEEKS_OF_SKIN = (np.array([50, 118, 101, 205, 187]), np.array([280, 347, 330, 425, 411]))
NOSE = np.array([1, 98, 327, 2, 168, 129, 358])
EYE_BRIDGES = (np.array([33, 133, 168]), np.array([263, 362, 168]))
# Where glasses are: what is no skin here is neither hidden nor the face's own light.
GLASSES = (
    np.concatenate([topology.LEFT_BROW, topology.LEFT_EYE_HALO]),
    np.concatenate([topology.RIGHT_BROW, topology.RIGHT_EYE_HALO]),
)
# Nothing stands in front of these without hiding the face itself.
INNER = (*BROWS, NOSE, *EYE_BRIDGES, *FEATURES)


def hulls(
    points: np.ndarray, groups: tuple[np.ndarray, ...], size: tuple[int, int], grow: float = 0
) -> np.ndarray:
    """Return the (height, width) bool mask of the groups' convex hulls, `size` as (height, width).

    `grow` widens it on every side, by that share of the mask's longer side.
    """
    mask = np.zeros(size, np.uint8)
    flat = points[:, :2].astype(np.int32)
    for group in groups:
        cv2.fillConvexPoly(mask, cv2.convexHull(flat[group]), 1)
    if grow:
        reach = 2 * round(grow * max(size)) + 1
        mask = cv2.dilate(mask, np.ones((reach, reach), np.uint8))
    return mask > 0
