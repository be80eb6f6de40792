"""Draw a triangle mesh into an image, the nearer triangle in front, with OpenCV 5's own rasteriser."""

from __future__ import annotations

import math

import cv2
import numpy as np

# The camera stands this many pixels away. It sees in perspective, so points are spread by their depth
# beforehand, which leaves them exactly where they were; far away, that costs no precision.
DISTANCE = 4096.0

# The setters return a copy and leave the object as it was.
_SETTINGS = cv2.TriangleRasterizeSettings().setCullingMode(0).setShadingType(2)
_CAMERA = np.eye(4, dtype=np.float32)


def rasterize(
    points: np.ndarray, triangles: np.ndarray, values: np.ndarray, *, width: int, height: int
) -> np.ndarray:
    """Return (height, width, 3) float32: `values` spread over the triangles, -1 where there are none.

    `points` is (N, 3) in pixels, z smaller in front; `triangles` (M, 3) int32; `values` (N, 3), each 0..1,
    since the rasteriser is not correct beyond.
    """
    colour = np.full((height, width, 3), -1, np.float32)
    depth = np.full((height, width), 2 * DISTANCE, np.float32)
    away = DISTANCE + points[:, 2]
    vertices = np.empty((len(points), 3), np.float32)
    # It counts from the first pixel's corner, points here from its centre; its y grows upwards.
    vertices[:, 0] = (points[:, 0] + 0.5 - width / 2) * away / DISTANCE
    vertices[:, 1] = (height / 2 - points[:, 1] - 0.5) * away / DISTANCE
    vertices[:, 2] = -away
    view_angle = 2 * math.atan(height / 2 / DISTANCE)
    values = np.ascontiguousarray(values, np.float32)
    cv2.triangleRasterize(
        vertices, triangles, values, colour, depth, _CAMERA, view_angle, DISTANCE / 2, 2 * DISTANCE, _SETTINGS
    )
    return colour
