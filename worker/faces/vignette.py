"""Show a face to a person: where it is in its picture, and a small picture of it alone."""

from __future__ import annotations

import cv2
import numpy as np

from worker.faces import topology
from worker.faces.views import Box, View

SIDE = 96  # pixels: twice what a page shows, for fine screens
ROOM = 1.6  # sides of the picture in longer sides of the face's box: hair and chin are in it


def box_of(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners (left, top) and (right, bottom) of a face's upright box, in pixels."""
    points = landmarks[: topology.FACE_POINTS, :2]
    return points.min(axis=0), points.max(axis=0)


def shares_of(view: View, landmarks: np.ndarray) -> list[float]:
    """Return left, top, right, bottom of the face's box, 0..1 of the picture's sides."""
    shares = np.concatenate(box_of(landmarks)) / ([view.width, view.height] * 2)
    return [round(float(share), 4) for share in np.clip(shares, 0, 1)]


def vignette(view: View, landmarks: np.ndarray) -> bytes:
    """Return a JPEG of the face, about SIDE pixels a side; less where the picture ends."""
    low, high = box_of(landmarks)
    middle, reach = (low + high) / 2, ROOM / 2 * float((high - low).max())
    (left, top), (right, bottom) = np.rint(middle - reach), np.rint(middle + reach)
    box = Box(left=int(left), top=int(top), right=int(right), bottom=int(bottom))
    image = view.look(box.even_within(view.width, view.height), SIDE)
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    return jpeg.tobytes()
