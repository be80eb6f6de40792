"""The face mesh: which of its 478 points is what, and how they hang together.

0 to 467 are the points of the face, 468 to 472 the left eye's iris (its centre first), 473 to 477 the right
eye's. Left and right are the image's. Triangles and UV come from `worker/models/face_mesh_topology.json`;
it has no triangles in the open mouth and none that know the iris, so both are added here.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np

MODELS = Path(__file__).parent.parent / "models"

FACE_POINTS = 468
POINTS = 478
LEFT_IRIS, RIGHT_IRIS = 468, 473  # the centres; four points of the rim follow each

NOSE_TIP, CHIN, BETWEEN_EYES = 4, 152, 168
LEFT_EYE_CORNER, RIGHT_EYE_CORNER = 33, 263  # the outer ones: their distance is the unit of face size
UPPER_LIP, LOWER_LIP = 13, 14  # the middle of the inner edges

# fmt: off
OVAL = np.array([
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
])
LIPS_OUTER = np.array([
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
])
LIPS_INNER = np.array([
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
])
# The inner edges from corner to corner, and the row of points just outside each.
UPPER_LIP_EDGE = np.array([78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308])
LOWER_LIP_EDGE = np.array([78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308])
UPPER_LIP_BACK = np.array([62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292])
LOWER_LIP_BACK = np.array([62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292])

# Both lids as one closed ring each, and the rings just outside.
LEFT_EYE = np.array([33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246])
RIGHT_EYE = np.array([263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466])
LEFT_EYE_HALO = np.array([130, 25, 110, 24, 23, 22, 26, 112, 243, 190, 56, 28, 27, 29, 30, 247])
RIGHT_EYE_HALO = np.array([359, 255, 339, 254, 253, 252, 256, 341, 463, 414, 286, 258, 257, 259, 260, 467])
LEFT_BROW = np.array([70, 63, 105, 66, 107, 55, 65, 52, 53, 46])
RIGHT_BROW = np.array([300, 293, 334, 296, 336, 285, 295, 282, 283, 276])
# Upper lid, lower lid, outer and inner corner.
LEFT_LIDS, RIGHT_LIDS = (159, 145, 33, 133), (386, 374, 263, 362)

# The points that keep their place whatever the face expresses.
RIGID = np.array([
    10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 33, 133, 263, 362, 70, 300, 105, 334, 127, 356, 234, 454, 93,
    323, 50, 280, 116, 345, 118, 347, 98, 327, 21, 251, 54, 284, 103, 332, 67, 297, 109, 338,
])

# What the attention mesh refines, in the order of its outputs (MediaPipe's *RefinementConfig tables).
REFINED_LIPS = np.array([
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
    76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,
    62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
])
REFINED_LEFT_EYE = np.array([
    33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173,
    130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190,
    226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189,
    35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193,
])
REFINED_RIGHT_EYE = np.array([
    263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398,
    359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414,
    446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413,
    265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465,
    383, 300, 293, 334, 296, 336, 285, 417,
])
# fmt: on

LIPS = np.unique(REFINED_LIPS)
LEFT_EYE_AREA = np.unique(np.concatenate([LEFT_EYE, LEFT_EYE_HALO]))
RIGHT_EYE_AREA = np.unique(np.concatenate([RIGHT_EYE, RIGHT_EYE_HALO]))
# The points that move fast: lips, lids and irises.
EXPRESSIVE = np.concatenate([LIPS, LEFT_EYE_AREA, RIGHT_EYE_AREA, np.arange(FACE_POINTS, POINTS)])


def _within(triangles: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return which triangles have all three corners among the points."""
    return np.all(np.isin(triangles, points), axis=1)


def _strip(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Triangulate between two edges that share their ends."""
    pairs = zip(pairwise(upper), pairwise(lower), strict=True)
    both = [t for (u, v), (a, b) in pairs for t in ((u, v, a), (v, b, a))]
    return np.array([t for t in both if len(set(t)) == 3], np.int32)


def _fan(ring: np.ndarray, centre: int) -> np.ndarray:
    return np.stack([ring, np.roll(ring, -1), np.full_like(ring, centre)], axis=1).astype(np.int32)


def _ring_distance(triangles: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return how many edges away from the nearest start point each face point is."""
    distance = np.full(FACE_POINTS, FACE_POINTS)
    distance[start] = 0
    for _ in range(FACE_POINTS):
        nearest = distance[triangles].min(axis=1, keepdims=True) + 1
        before = distance.copy()
        np.minimum.at(distance, triangles, np.broadcast_to(nearest, triangles.shape))
        if (before == distance).all():
            break
    return distance


def _neighbour_mean(triangles: np.ndarray) -> np.ndarray:
    """Return the (468, 468) matrix that replaces each point by the mean of its neighbours."""
    linked = np.zeros((FACE_POINTS, FACE_POINTS))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        linked[triangles[:, a], triangles[:, b]] = linked[triangles[:, b], triangles[:, a]] = 1
    return linked / linked.sum(axis=1, keepdims=True)


_file = json.loads((MODELS / "face_mesh_topology.json").read_text())
_triangles = np.array(_file["triangles"], np.int32)

UV = np.array(_file["uv"], np.float32)  # (468, 2), 0..1, symmetric about u = 0.5
MIRROR = np.argmin(((UV[None] - (UV * (-1, 1) + (1, 0))[:, None]) ** 2).sum(axis=2), axis=1)

MOUTH_TRIANGLES = _strip(UPPER_LIP_EDGE, LOWER_LIP_EDGE)
LEFT_EYE_TRIANGLES = _fan(LEFT_EYE, LEFT_IRIS)
RIGHT_EYE_TRIANGLES = _fan(RIGHT_EYE, RIGHT_IRIS)
_open = _within(_triangles, LIPS_INNER) | _within(_triangles, LEFT_EYE) | _within(_triangles, RIGHT_EYE)
SKIN_TRIANGLES = _triangles[~_open]
FACE_TRIANGLES = np.concatenate([SKIN_TRIANGLES, LEFT_EYE_TRIANGLES, RIGHT_EYE_TRIANGLES, MOUTH_TRIANGLES])

RINGS_FROM_OVAL = _ring_distance(_triangles, OVAL)
NEIGHBOUR_MEAN = _neighbour_mean(_triangles)


def lid_triangles(ring: np.ndarray, halo: np.ndarray, centre: int) -> np.ndarray:
    """Return the triangles of one eye together with its lids."""
    lids = SKIN_TRIANGLES[_within(SKIN_TRIANGLES, np.concatenate([ring, halo]))]
    return np.concatenate([lids, _fan(ring, centre)])
