"""Bring over what only the video can know: the inside of the mouth, and eyes that close."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from worker.engines.swap.bend import Layer, Piece, bend_piece
from worker.engines.swap.cutout import Cutout
from worker.engines.swap.easing import smoothstep
from worker.engines.swap.shape import openness
from worker.faces import topology
from worker.faces.views import Box

LIP_SHADE = 0.005  # of the face: over so much the mouth's inside comes out from under the lips
CLOSED_MOUTH = 1.0  # pixels between the lips: below, there is nothing to see
CLOSING = (0.45, 0.8)  # the eye's opening over its usual one: the photo's eye gives way to the video's
FULL_CHANGE = 0.02


@dataclass(frozen=True, kw_only=True)
class Eye:
    lids: tuple[int, int, int, int]
    area: np.ndarray
    triangles: np.ndarray


EYES = (
    Eye(
        lids=topology.LEFT_LIDS,
        area=topology.LEFT_EYE_AREA,
        triangles=topology.lid_triangles(topology.LEFT_EYE, topology.LEFT_EYE_HALO, topology.LEFT_IRIS),
    ),
    Eye(
        lids=topology.RIGHT_LIDS,
        area=topology.RIGHT_EYE_AREA,
        triangles=topology.lid_triangles(topology.RIGHT_EYE, topology.RIGHT_EYE_HALO, topology.RIGHT_IRIS),
    ),
)


def add_mouth(layer: Layer, cutout: Cutout) -> None:
    """Lay the video's own teeth and tongue between the new lips, the less the narrower the gap."""
    gap = np.linalg.norm(cutout.new[topology.UPPER_LIP, :2] - cutout.new[topology.LOWER_LIP, :2])
    piece = bend_piece(cutout, topology.LIPS_INNER, topology.MOUTH_TRIANGLES)
    if gap < CLOSED_MOUTH or piece is None:
        return
    lay(layer, piece, from_under_the_edge(piece.covered, max(0.7, LIP_SHADE * cutout.face)))
    half = piece.box.halved()
    covered = cv2.resize(piece.covered, (half.width, half.height), interpolation=cv2.INTER_AREA)
    cover = half.of(layer.cover)
    np.maximum(cover, covered, out=cover)


def from_under_the_edge(covered: np.ndarray, spread: float) -> np.ndarray:
    """Return the area, 0 at its edge, which so has no steps, and 1 inside; less where it is narrow."""
    return np.maximum(2 * cv2.GaussianBlur(covered, (0, 0), spread) - 1, 0)


def closing(shape: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """Return how far each eye, left and right, is shut against the clip's usual, 0..1; without pose.

    The mesh sees one lid of a blink better than the other, as behind glasses or in half profile: an eye
    counts as no more open than both together.
    """
    opening = np.array([openness(shape, eye.lids) / openness(neutral, eye.lids) for eye in EYES])
    return 1 - smoothstep(np.minimum(opening, opening.mean()), *CLOSING)


def add_closing_eyes(layer: Layer, cutout: Cutout, shares: np.ndarray) -> None:
    """Fade to the video's own lids as they close, by `closing`: the photo has no closed ones."""
    for eye, share in zip(EYES, shares, strict=True):
        if share < FULL_CHANGE:
            continue
        piece = bend_piece(cutout, eye.area, eye.triangles)
        if piece is not None:
            lay(layer, piece, share * soft_inside(piece.covered, max(1.0, 0.018 * cutout.face)))


def soft_inside(covered: np.ndarray, spread: float) -> np.ndarray:
    """Return the area fading out towards its inside, so that its edge is never seen."""
    width = int(2 * spread) | 1
    core = cv2.erode(covered, np.ones((width, width), np.uint8))
    return cv2.GaussianBlur(core, (0, 0), spread) * covered


def add_own(layer: Layer, cutout: Cutout, box: Box, weight: np.ndarray) -> None:
    """Lay the video's own pixels over the layer's in the box, by a weight of 0..1 for each."""
    luma, chroma = box.of(cutout.luma), box.halved().of(cutout.chroma)
    lay(layer, Piece(box=box, luma=luma, chroma=chroma, covered=weight), weight)


def lay(layer: Layer, piece: Piece, weight: np.ndarray) -> None:
    """Mix the piece over the float32 layer, in place, by a weight of 0..1."""
    box, half = piece.box, piece.box.halved()
    luma = box.of(layer.luma)
    luma += (piece.luma - luma) * weight
    chroma = half.of(layer.chroma)
    half_weight = cv2.resize(weight, (half.width, half.height), interpolation=cv2.INTER_AREA)
    chroma += (piece.chroma - chroma) * half_weight[..., None]
