"""Take a light from one side out of a photo, so that the video's own light can take its place.

A face's skin is much the same left and right, so where one side is darker all over, light is the cause. How
dark follows from where the skin faces, as a low order of spherical harmonics of its normals says (Ramamoorthi
and Hanrahan, An efficient representation for irradiance environment maps, 2001).
"""

from __future__ import annotations

import cv2
import numpy as np

from worker.faces import topology
from worker.faces.pose import pose_of
from worker.faces.raster import rasterize

BLUR = 0.02  # of the face's height: what is light, not pores
BLACK = 4.0  # levels added before brightness is compared: the darkest say little
MOST = 0.7  # natural logarithm: a side is made at most twice as bright
STEADYING = 0.5  # how much of a fit's weight says that there is no such light
ROUNDS, DOUBT = 5, 0.1  # of the robust fit; what differs by more counts less, as a lock of hair does
SIDES = 0.04  # of the face's height: how softly the correction is spread

FEATURES = np.concatenate(
    [
        *(topology.LIPS, topology.LEFT_EYE_AREA, topology.RIGHT_EYE_AREA),
        *(topology.LEFT_BROW, topology.RIGHT_BROW, topology.OVAL),
    ]
)
SKIN = np.setdiff1d(np.arange(topology.FACE_POINTS), FEATURES)


def evened(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the float32 RGB photo lit alike from left and right; `points` are its (478, 3) landmarks."""
    height = float(np.ptp(points[: topology.FACE_POINTS, 1]))
    basis = odd_harmonics(pose_of(points).undo(points.astype(np.float64))[: topology.FACE_POINTS])
    field = np.clip(basis @ side_light(log_brightness(image, points, BLUR * height), basis), -MOST, MOST)
    gains = np.exp(-spread_over(image, points, field, SIDES * height))
    return np.clip(image * gains[..., None], 0, 255)


def log_brightness(image: np.ndarray, points: np.ndarray, blur: float) -> np.ndarray:
    """Return the (468,) logarithm of how bright the photo is around each point of the face."""
    calm = cv2.GaussianBlur(image.mean(axis=2), (0, 0), blur)
    places = points[None, : topology.FACE_POINTS, :2].astype(np.float32)
    return np.log(cv2.remap(calm, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0] + BLACK)


def odd_harmonics(shape: np.ndarray) -> np.ndarray:
    """Return (468, 3): the harmonics up to the second order that differ between left and right."""
    normals = normals_of(shape)
    mirrored = normals[topology.MIRROR] * (-1, 1, 1)
    x, y, z = (normals + mirrored).T / 2
    return np.stack([x, x * y, x * z], axis=1)


def normals_of(shape: np.ndarray) -> np.ndarray:
    """Return (468, 3) unit normals, towards the viewer where z is negative."""
    a, b, c = (shape[topology.SKIN_TRIANGLES[:, corner]] for corner in range(3))
    faces = np.cross(b - a, c - a)
    faces *= -np.sign(faces[:, 2].sum())
    normals = np.zeros_like(shape)
    for corner in range(3):
        np.add.at(normals, topology.SKIN_TRIANGLES[:, corner], faces)
    return normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9)


def side_light(brightness: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Return the weights of the basis that say best how the left differs from the right."""
    apart = ((brightness - brightness[topology.MIRROR]) / 2)[SKIN]
    known, weights = basis[SKIN], np.ones(len(SKIN))
    for _ in range(ROUNDS):
        weighted = known * weights[:, None]
        fit = np.linalg.solve(known.T @ weighted + STEADYING * np.eye(known.shape[1]), weighted.T @ apart)
        weights = 1 / (1 + (np.abs(known @ fit - apart) / DOUBT) ** 2)
    return fit


def spread_over(image: np.ndarray, points: np.ndarray, field: np.ndarray, blur: float) -> np.ndarray:
    """Return the points' field over the whole image, (H, W) float32, carried on beyond the face."""
    size = image.shape[:2]
    values = np.ones((len(points), 3), np.float32)
    values[: len(field), 0] = (field + MOST) / (2 * MOST)
    values[len(field) :, 0] = 0.5
    drawn = rasterize(points, topology.SKIN_TRIANGLES, values, width=size[1], height=size[0])
    seen = (drawn[..., 2] > 0.5).astype(np.float32)
    weight = cv2.GaussianBlur(seen, (0, 0), blur) + 1e-6
    known = (drawn[..., 0] * 2 - 1) * MOST * seen
    return (cv2.GaussianBlur(known, (0, 0), blur) / weight).astype(np.float32)
