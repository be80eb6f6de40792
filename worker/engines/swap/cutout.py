"""The piece of a picture that one frame's swap touches, and the two faces in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from worker.faces import topology
from worker.faces.track import face_size
from worker.faces.views import Box
from worker.media.picture import Picture

MARGIN = 0.10  # round the face, in face sizes
SMALLEST = 24  # pixels: below, a face is not worth the work


@dataclass(frozen=True, kw_only=True)
class Cutout:
    """`luma` (h, w) is the picture's own memory; `chroma` (h/2, w/2, 2) a copy. Points are in its pixels."""

    box: Box
    luma: np.ndarray
    chroma: np.ndarray
    own: np.ndarray
    new: np.ndarray
    face: float  # size of the own face in pixels

    @property
    def width(self) -> int:
        return self.box.width

    @property
    def height(self) -> int:
        return self.box.height

    @property
    def half_size(self) -> tuple[int, int]:
        """As OpenCV takes sizes: (width, height)."""
        return self.width // 2, self.height // 2


def box_round(picture: Picture, own: np.ndarray) -> Box | None:
    """Return the piece of the picture that a face takes; None if too little of it is inside."""
    face = face_size(own)
    points = own[: topology.FACE_POINTS, :2]
    low = np.floor(points.min(axis=0) - MARGIN * face).astype(int)
    high = np.ceil(points.max(axis=0) + MARGIN * face).astype(int)
    whole = Box(left=int(low[0]), top=int(low[1]), right=int(high[0]), bottom=int(high[1]))
    box = whole.even_within(picture.width, picture.height)
    return None if min(box.width, box.height) < SMALLEST else box


def cut(picture: Picture, box: Box, own: np.ndarray, new: np.ndarray) -> Cutout:
    half, origin = box.halved(), np.array([box.left, box.top, 0], np.float32)
    return Cutout(
        box=box,
        luma=box.of(picture.y),
        chroma=cv2.merge([half.of(picture.u), half.of(picture.v)]),
        own=own - origin,
        new=new - origin,
        face=face_size(own),
    )
