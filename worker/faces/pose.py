"""Take the head's pose out of a face, and put it back.

A face without its pose looks straight into the camera, upright, with its outer eye corners one unit apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from worker.faces import topology
from worker.memory import storable

REFERENCE_FILE = topology.MODELS / "reference_face.npy"


@storable
@dataclass(frozen=True, kw_only=True)
class Pose:
    """A similarity in space: points -> scale * rotation @ point + shift."""

    scale: float
    rotation: np.ndarray  # (3, 3), proper
    shift: np.ndarray  # (3,)

    def apply(self, points: np.ndarray) -> np.ndarray:
        return self.scale * points @ self.rotation.T + self.shift

    def undo(self, points: np.ndarray) -> np.ndarray:
        return (points - self.shift) @ self.rotation / self.scale

    @property
    def yaw(self) -> float:
        """How far the head is turned to the side, in radians, either way."""
        return float(np.arcsin(np.clip(self.rotation[0, 2], -1, 1)))


def fit(source: np.ndarray, target: np.ndarray) -> Pose:
    """Return the similarity that brings (N, 3) source points nearest to the target's.

    Umeyama, Least-squares estimation of transformation parameters between two point patterns, 1991.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centred = source - source_mean
    spread = (centred**2).sum()
    if spread == 0:
        raise ValueError("All source points coincide.")
    u, strength, vt = np.linalg.svd((target - target_mean).T @ centred)
    keep_handed = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])  # else a flat face may come out mirrored
    rotation = (u * keep_handed) @ vt
    scale = float((strength * keep_handed).sum() / spread)
    return Pose(scale=scale, rotation=rotation, shift=target_mean - scale * rotation @ source_mean)


@cache
def reference() -> np.ndarray:
    """Return the (468, 3) mean face: symmetric about x = 0, eye corners one unit apart."""
    return np.load(REFERENCE_FILE)


def pose_of(landmarks: np.ndarray) -> Pose:
    """Return the pose of a face, judged by the points that no expression moves."""
    return fit(reference()[topology.RIGID], landmarks[topology.RIGID].astype(np.float64))
