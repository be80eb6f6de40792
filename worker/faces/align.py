"""Bring a face into the square that a network was trained on, by five points.

Places in a template are shares of the square's side, in the order left eye, right eye, nose, left and right
corner of the mouth, left being the image's.
"""

from __future__ import annotations

import cv2
import numpy as np

from worker.faces import topology

# InsightFace's template for 112 pixels, and the same within a square of 128, moved by 8 to the right.
ARCFACE_112 = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
ARCFACE_128 = (ARCFACE_112 + np.array([8, 0])) / 128
MOUTH_CORNERS = (61, 291)


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """Return (5, 2): the middles of both eyes, the nose's tip, the mouth's corners."""
    eyes = [landmarks[ring, :2].mean(axis=0) for ring in (topology.LEFT_EYE, topology.RIGHT_EYE)]
    return np.array([*eyes, *(landmarks[index, :2] for index in (topology.NOSE_TIP, *MOUTH_CORNERS))])


def similarity(points: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the (2, 3) matrix without shear or reflection that brings points nearest to places.

    Least squares; in complex numbers it is one division.
    """
    here, there = points @ [1, 1j], places @ [1, 1j]
    middle, goal = here.mean(), there.mean()
    turn = np.vdot(here - middle, there - goal) / np.vdot(here - middle, here - middle).real
    shift = goal - turn * middle
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def aligned(image: np.ndarray, matrix: np.ndarray, side: int) -> np.ndarray:
    """Cut the (side, side) square that the matrix, from image to square, shows; beyond it, the border."""
    zoom = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if zoom < 0.7:  # Else every other pixel would be passed over, and what is fine would alias.
        size = (max(1, round(image.shape[1] * zoom)), max(1, round(image.shape[0] * zoom)))
        share = np.array(size) / image.shape[1::-1]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        matrix = moved_by_resize(matrix, share)
    return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def moved_by_resize(matrix: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return the matrix for an image that was resized to `share` (x, y) of its size; pixels are centred."""
    linear = matrix[:, :2] / share
    return np.column_stack([linear, matrix[:, 2] + linear @ (0.5 - 0.5 * share)])
