"""Give the face back to the video as the head turns away: the photo has not seen that side of it."""

from __future__ import annotations

import numpy as np

from worker.engines.swap.cutout import Cutout
from worker.engines.swap.easing import smoothstep
from worker.faces.pose import Pose, reference
from worker.faces.raster import rasterize
from worker.faces.topology import FACE_TRIANGLES
from worker.memory import Remembers

# How far the head may turn, sideways and up or down, before its middle fades. The landmarks see large turns
# too small: a head turned by 40 degrees seems turned by 29 to 33.
YAW, PITCH = np.radians(26), np.radians(30)
GONE = 1.35  # times that far: nothing is left of the new face but on its near side
FAR_FIRST = 0.25  # of that angle: how much sooner the far edge fades than the middle, the near edge later
MEMORY = 0.5  # of the last frame's angle: a quick turn fades too, rather than switches


def view_angles(pose: Pose) -> np.ndarray:
    """Return where the camera stands as the head sees it, (sideways, up or down) in radians.

    The head's own axes: x to the image's right, y down. Turning the image changes neither.
    """
    right, down, away = pose.rotation[2]
    return np.array([np.arctan2(-right, away), np.arcsin(np.clip(-down, -1, 1))])


def shown(angles: np.ndarray) -> np.ndarray:
    """Return for each of the 468 face points how much of the new face is shown there, 0..1."""
    turned = angles / (YAW, PITCH)
    far = float(np.linalg.norm(turned))
    if far == 0:
        return np.ones(len(reference()))
    nearness = across() @ (turned / far)
    return 1 - smoothstep(far - FAR_FIRST * min(far, 1) * nearness, 1, GONE)


def across() -> np.ndarray:
    """Return (468, 2): each point's place across the face, -1..1 from edge to edge."""
    face = reference()[:, :2]
    low, high = face.min(axis=0), face.max(axis=0)
    return (2 * face - low - high) / (high - low)


def spread_over(cutout: Cutout, shown: np.ndarray) -> np.ndarray:
    """Return the points' `shown` spread over the new face, as large as the cutout's chroma, 0 beside it."""
    width, height = cutout.half_size
    points = cutout.new.copy()
    points[:, :2] = (points[:, :2] - 0.5) / 2
    values = np.ones((len(points), 3), np.float32)
    values[: len(shown)] = shown[:, None]
    return np.maximum(rasterize(points, FACE_TRIANGLES, values, width=width, height=height)[..., 0], 0)


class Turning(Remembers):
    REMEMBERED = ("angles",)

    def __init__(self) -> None:
        self.angles: np.ndarray | None = None

    def shown(self, pose: Pose) -> np.ndarray:
        """Return `shown` for a pose, eased from the last frame's."""
        now = view_angles(pose)
        self.angles = now if self.angles is None else MEMORY * self.angles + (1 - MEMORY) * now
        return shown(self.angles)
