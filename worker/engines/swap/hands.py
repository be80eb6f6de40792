"""See how much of a picture a hand covers, from its 21 points and its edges.

What is near the bones is hand for sure, what is far from them is not; between them the border is found
where the picture changes. Lengths are in palms, from the wrist to where the middle finger begins.
"""

from __future__ import annotations

import cv2
import numpy as np

from worker.faces.hands import FINGERS, KNUCKLES, PALM, WRIST

INSIDE, OUTSIDE = 0.11, 0.4  # widths of a finger that is thinner, and thicker, than any
PALM_ROOM = 0.36  # width of the line round the palm's points that lies within the outside
WRIST_INSIDE, WRIST_OUTSIDE = 0.3, 0.9  # widths of the forearm, likewise
FOREARM = 1.5  # how much of it is thought of
LEAST_ACROSS = 0.6  # of the palm's width to its length: seen from the side, or pointing at the camera
IS_HAND, IS_NOT = 1, 2
SHIFT = 4  # bits of a pixel's fraction that are drawn with
SOFT = 0.8  # pixels, standard deviation of the edge


def hand_cover(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return how far a hand covers each pixel, (h, w) float32 0..1; `points` (21, 2) are in its pixels.

    `image` is (h, w, 3) uint8, in any colours that tell the hand from what is behind it.
    """
    inside, outside = drawn(points, image.shape[:2])
    if not inside.any():
        return np.zeros(image.shape[:2], np.float32)
    markers = np.where(inside, IS_HAND, np.where(outside, 0, IS_NOT)).astype(np.int32)
    cv2.watershed(image, markers)
    # The watershed leaves the border itself to neither side.
    hand = cv2.dilate((markers == IS_HAND).astype(np.float32), np.ones((3, 3)))
    return cv2.GaussianBlur(hand, (0, 0), SOFT)


def drawn(points: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return two (h, w) bool masks: what is hand for sure, and what may be."""
    palm = palm_length(points)
    forearm = points[WRIST] + FOREARM * (points[WRIST] - points[KNUCKLES].mean(axis=0))
    inside, outside = np.zeros((2, *size), np.uint8)
    for mask, finger, arm, room in (
        (inside, INSIDE, WRIST_INSIDE, 0),
        (outside, OUTSIDE, WRIST_OUTSIDE, PALM_ROOM),
    ):
        hull = cv2.convexHull(fixed(points[PALM]))
        cv2.fillConvexPoly(mask, hull, 1, shift=SHIFT)
        if room:
            line(mask, hull[:, 0], room * palm, closed=True)
        for joints in FINGERS:
            line(mask, fixed(points[joints]), finger * palm)
        line(mask, fixed(np.array([points[WRIST], forearm])), arm * palm)
    return inside > 0, outside > 0


def fixed(places: np.ndarray) -> np.ndarray:
    return np.rint(places * 2**SHIFT).astype(np.int32)


def line(mask: np.ndarray, places: np.ndarray, width: float, *, closed: bool = False) -> None:
    whole = 2 * max(mask.shape)  # wide enough for any; far wider ones OpenCV refuses
    cv2.polylines(mask, [places], closed, 1, min(max(1, round(width)), whole), shift=SHIFT)


def palm_length(points: np.ndarray) -> float:
    """Return the palm's length in pixels, as it would be seen from the front."""
    along = np.linalg.norm(points[KNUCKLES[1]] - points[WRIST])
    across = np.linalg.norm(points[KNUCKLES[3]] - points[KNUCKLES[0]])
    return float(max(along, across / LEAST_ACROSS))
