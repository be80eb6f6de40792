"""What of the photo's face the video's face takes over: its shape, and where it ends.

Shapes are (N, 3) without pose (see `worker.faces.pose`): one unit is the distance of the outer eye corners.
"""

from __future__ import annotations

import cv2
import numpy as np

from worker.engines.swap.easing import smoothstep
from worker.faces import topology
from worker.faces.pose import reference

TRANSFER = 0.7  # of the way from the video's face to the photo's; more bends the cheeks of some pairs visibly
RINGS = 5  # mesh rings from the oval inwards over which the transfer comes in where the oval stays
OUTLINE = (0.1, 0.5)  # in eye distances below the eyes: from there on the oval moves too
MOST = 0.12  # in eye distances: the oval moves no farther
WIDEST, NARROWEST = 1.18, 0.85  # how much wider eyes and lips may become
DEPTH_SHARE = 0.5  # depth is the mesh's weakest guess
RELAXATIONS = 4

# Edge of the mask, in units of eye distance from the oval inwards.
INSET, FEATHER = 0.03, 0.16
# Less below the mouth, where only skin adjoins: else the video's jaw, left round the chin, looks unshaven.
JAW_INSET, JAW_FEATHER = 0.0, 0.10
JAW = (0.7, 1.05)  # in eye distances below the eyes: from the mouth to nearly the chin
FOREHEAD_INSET = 0.05  # more at the top, where hair begins


def transfer(photo: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return the (468, 3) shift from the video's neutral shape towards the photo's.

    Cheeks and jaw move, oval and all; above them the oval stays, so that hair, hats and glasses still fit.
    Eyes and lips move and widen as wholes: their inner shape is expression, which is the video's.
    """
    face = slice(topology.FACE_POINTS)
    shift = (photo[face] - own[face]).copy()
    groups = (topology.LIPS, topology.LEFT_EYE_AREA, topology.RIGHT_EYE_AREA)
    for group in groups:
        shift[group] = move_as_one(photo[group], own[group])
    inside = smoothstep(topology.RINGS_FROM_OVAL, 0, RINGS)[:, None]
    across = inside + (1 - inside) * outline()
    shift *= TRANSFER * np.concatenate([across, across, inside * DEPTH_SHARE], axis=1)
    far = np.linalg.norm(shift[topology.OVAL], axis=1, keepdims=True)
    shift[topology.OVAL] *= np.minimum(1, MOST / np.maximum(far, 1e-9))
    return relaxed(shift, held=np.concatenate([topology.OVAL, *groups]))


def outline() -> np.ndarray:
    """Return (468, 1): how much of its way a point of the oval would go at each point's height, 0..1."""
    return smoothstep(reference()[:, 1:2], *OUTLINE)


def spread_inwards(shift: np.ndarray) -> np.ndarray:
    """Return the (468, 3) moves that are the oval's at its edge and die away inwards and upwards."""
    oval = shift[topology.OVAL] * (1, 1, 0)
    nearest = np.linalg.norm(reference()[:, None, :2] - reference()[topology.OVAL, :2], axis=2).argmin(axis=1)
    moves = oval[nearest] * (1 - smoothstep(topology.RINGS_FROM_OVAL, 0, RINGS))[:, None]
    return relaxed(moves, held=topology.OVAL) * outline()


def move_as_one(photo: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return the shift that brings the group's middle and, within limits, its width to the photo's."""
    middle = own.mean(axis=0)
    widening = np.clip(np.ptp(photo[:, 0]) / np.ptp(own[:, 0]), NARROWEST, WIDEST)
    return photo.mean(axis=0) - middle + (own - middle) * (widening - 1, 0, 0)


def relaxed(shift: np.ndarray, *, held: np.ndarray) -> np.ndarray:
    """Even the shift out between neighbours, except at the held points."""
    for _ in range(RELAXATIONS):
        even = topology.NEIGHBOUR_MEAN @ shift
        even[held] = shift[held]
        shift = (shift + even) / 2
    return shift


def with_shift(shape: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return the (478, 3) shape moved; each iris goes with its eye."""
    moved = shape.copy()
    moved[: topology.FACE_POINTS] += shift
    moved[topology.LEFT_IRIS : topology.RIGHT_IRIS] += shift[topology.LEFT_EYE_AREA].mean(axis=0)
    moved[topology.RIGHT_IRIS :] += shift[topology.RIGHT_EYE_AREA].mean(axis=0)
    return moved


def edge_weights() -> np.ndarray:
    """Return for each of the 478 points how much of the photo shows there: 0 at the oval, 1 well inside."""
    face = reference()[:, :2].astype(np.float32)
    oval = np.ascontiguousarray(face[topology.OVAL])
    inside = np.array([cv2.pointPolygonTest(oval, (float(x), float(y)), True) for x, y in face])
    jaw = smoothstep(face[:, 1], *JAW)
    inset = INSET + FOREHEAD_INSET * np.clip((-0.35 - face[:, 1]) / 0.35, 0, 1) + (JAW_INSET - INSET) * jaw
    weights = np.ones(topology.POINTS)
    feather = FEATHER + (JAW_FEATHER - FEATHER) * jaw
    weights[: topology.FACE_POINTS] = smoothstep((inside - inset) / feather, 0, 1)
    return weights


def openness(shape: np.ndarray, lids: tuple[int, int, int, int]) -> float:
    """Return the eye's opening over its width."""
    upper, lower, outer, inner = (shape[index, :2] for index in lids)
    return float(np.linalg.norm(upper - lower) / np.linalg.norm(outer - inner))
