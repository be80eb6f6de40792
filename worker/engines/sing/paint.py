"""Paints the portrait with its mesh moved, as YUV 4:2:0 planes in BT.709."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from worker.engines.sing.canvas import Canvas
from worker.engines.sing.motion import Expression
from worker.engines.sing.mouth import Inside, Mouth, box_round, seen_at
from worker.engines.sing.rig import BODY, Rig
from worker.faces.raster import rasterize
from worker.faces.views import Box, yuv_of_rgb
from worker.media.picture import Picture, from_rgb


@dataclass(frozen=True, kw_only=True)
class Fineness:
    """`step`: pixels of the picture per pixel that the mesh is drawn with; `how`: cv2's interpolation."""

    step: int
    how: int


FINENESS = {
    "fast": Fineness(step=4, how=cv2.INTER_LINEAR),
    "balanced": Fineness(step=2, how=cv2.INTER_CUBIC),
    "max": Fineness(step=2, how=cv2.INTER_LANCZOS4),
}
TEAR = 3.0  # pixels that neighbours come from apart, per pixel: more is a tear, not a stretch
SWING = 0.15  # face heights that the outermost moving points may go


class Painter:
    def __init__(self, canvas: Canvas, quality: str) -> None:
        self.fineness = FINENESS[quality]
        height, width = canvas.image.shape[:2]
        self.still = from_rgb(canvas.image)
        self.rig = Rig(canvas.landmarks, width, height)
        self.mouth = Mouth(self.rig, canvas.image)
        self.low = self.rig.texture.min(axis=0)  # float32, as all that is computed per pixel
        self.extent = np.ptp(self.rig.texture, axis=0)
        self.values = np.ones((len(self.rig.rest), 3), np.float32)
        self.values[:, :2] = (self.rig.texture - self.low) / self.extent
        self.box = self.moving_box(width, height)

    def moving_box(self, width: int, height: int) -> Box:
        """Return the part of the picture that can move; the rest is never touched."""
        moving = self.rig.still[np.maximum(self.rig.reach, BODY * self.rig.body) > 0.02, :2]
        margin = round(SWING * self.rig.face_height * self.rig.pose.scale)
        return box_round(moving, margin).even_within(width, height)

    def paint(self, wish: Expression, pts: int) -> Picture:
        """Return the portrait with that expression."""
        points = self.rig.points(wish)
        y, u, v = (plane.copy() for plane in self.still.planes)
        picture = Picture(y, u, v, pts)
        self.bend(picture, points)
        inside = self.mouth.inside(points, wish)
        if inside is not None:
            lay_in(picture, inside)
        return picture

    def bend(self, picture: Picture, points: np.ndarray) -> None:
        places = self.places(points)
        box, half = self.box, self.box.halved()
        box.of(picture.y)[:] = self.taken(self.still.y, places, box)
        soften_steps(box.of(picture.y), places, self.fineness.step)
        for plane, still in ((picture.u, self.still.u), (picture.v, self.still.v)):
            half.of(plane)[:] = self.taken(still, places / 2 - 0.25, half)

    def places(self, points: np.ndarray) -> np.ndarray:
        """Return, for each coarse pixel of the box, the (x, y) pixel of the still picture that it shows."""
        step = self.fineness.step
        coarse = (points - (self.box.left, self.box.top, 0) + (0.5, 0.5, 0)) / step - (0.5, 0.5, 0)
        width, height = -(-self.box.width // step), -(-self.box.height // step)
        drawn = rasterize(coarse, self.rig.triangles, self.values, width=width, height=height)
        places = drawn[..., :2] * self.extent + self.low
        # Between two triangles a pixel may be missed: it stays where it is.
        rows, columns = np.nonzero(drawn[..., 2] < 0.5)
        places[rows, columns] = (np.stack([columns, rows], axis=1) + 0.5) * step - 0.5
        places[rows, columns] += (self.box.left, self.box.top)
        return places

    def taken(self, still: np.ndarray, places: np.ndarray, box: Box) -> np.ndarray:
        """Return the box filled from those places of the still plane."""
        step = self.fineness.step if box is self.box else self.fineness.step // 2
        full = places.shape[1] * step, places.shape[0] * step
        fine = places if step == 1 else cv2.resize(places, full, interpolation=cv2.INTER_LINEAR)
        return seen_at(still, np.ascontiguousarray(fine[: box.height, : box.width]), self.fineness.how)


def soften_steps(luma: np.ndarray, places: np.ndarray, step: int) -> None:
    """Blur, in place, along edges where one part of the head covers another: they come out as stairs."""
    tears = np.zeros(places.shape[:2], np.float32)
    tears[:, 1:] = np.abs(np.diff(places[..., 0], axis=1)) > TEAR * step
    tears[1:] = np.maximum(tears[1:], np.abs(np.diff(places[..., 1], axis=0)) > TEAR * step)
    if not tears.any():
        return
    wide = cv2.GaussianBlur(cv2.dilate(tears, np.ones((3, 3))), (0, 0), 0.7)
    full = wide.shape[1] * step, wide.shape[0] * step
    cover = cv2.resize(wide, full, interpolation=cv2.INTER_LINEAR)[: luma.shape[0], : luma.shape[1]]
    rows, columns = (np.flatnonzero(cover.any(axis=axis)) for axis in (1, 0))
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    blend(luma[part], cv2.GaussianBlur(luma[part], (0, 0), 0.6 * step), cover[part])


def lay_in(picture: Picture, inside: Inside) -> None:
    """Mix the patch into the planes, in place."""
    yuv = cv2.transform(inside.patch, yuv_of_rgb("bt709", False))
    blend(inside.box.of(picture.y), yuv[..., 0], inside.cover)
    half = inside.box.halved()
    small = half.width, half.height
    yuv, cover = (cv2.resize(part, small, interpolation=cv2.INTER_AREA) for part in (yuv, inside.cover))
    blend(half.of(picture.u), yuv[..., 1], cover)
    blend(half.of(picture.v), yuv[..., 2], cover)


def blend(below: np.ndarray, above: np.ndarray, cover: np.ndarray) -> None:
    """Mix float or uint8 pixels over uint8 ones, in place."""
    mixed = below + (above.astype(np.float32) - below) * cover
    below[:] = np.rint(mixed).astype(np.uint8)
