"""Paints the portrait with its mesh moved, as YUV 4:2:0 planes in BT.709."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from worker.engines.sing.canvas import Canvas
from worker.engines.sing.expression import Expression
from worker.engines.sing.glasses import wears_glasses
from worker.engines.sing.layers import layers_of
from worker.engines.sing.lids import Lids
from worker.engines.sing.matte import matte_of
from worker.engines.sing.mouth import Inside, Mouth, box_round, seen_at
from worker.engines.sing.rig import BODY, Rig
from worker.faces import topology
from worker.faces.raster import rasterize
from worker.faces.views import Box, yuv_of_rgb
from worker.media.picture import Picture, from_rgb


@dataclass(frozen=True, kw_only=True)
class Fineness:
    """Pixels of the picture per pixel that the mesh is drawn with, round the face and on it.

    `times` is how much larger than the picture the person's luma is kept, see `Layers`.
    """

    around: int
    face: int
    times: int


FINENESS = {
    "fast": Fineness(around=8, face=2, times=1),
    "balanced": Fineness(around=8, face=2, times=2),
    "max": Fineness(around=4, face=2, times=2),
}
TEAR = 3.0  # pixels that neighbours come from apart, per pixel: more is a tear, not a stretch
SWING = 0.15  # face heights that the outermost moving points may go
BAND = 64  # rows, even: in each, only the columns that the person may come to cover are painted
FACE_MARGIN = 0.05  # face heights round the face that are drawn as finely: there it covers what is behind


@dataclass(frozen=True, kw_only=True)
class Bend:
    """Which (x, y) pixel of the photo each `step`-th pixel of `box`, and one more all round, shows."""

    box: Box
    places: np.ndarray
    step: int


class Painter:
    """Takes the portrait apart, which lasts; meanwhile `go_on` is called, and may raise."""

    def __init__(self, canvas: Canvas, quality: str, go_on: Callable[[], object] = lambda: None) -> None:
        self.fineness = FINENESS[quality]
        height, width = canvas.image.shape[:2]
        matte = matte_of(canvas)
        go_on()
        self.still = from_rgb(canvas.image)
        self.layers = layers_of(canvas.image, matte, times=self.fineness.times)
        self.rig = Rig(canvas.landmarks, width, height, glasses=wears_glasses(canvas))
        self.mouth = Mouth(self.rig, canvas.image)
        self.lids = Lids(self.rig, canvas.image)
        low, extent = self.rig.texture.min(axis=0), np.ptp(self.rig.texture, axis=0)
        self.values = np.ones((len(self.rig.rest), 3), np.float32)
        self.values[:, :2] = (self.rig.texture - low) / extent
        self.to_pixels = np.column_stack([np.diag(extent), np.zeros(2), low]).astype(np.float32)
        self.box = self.moving_box(width, height, matte)
        self.bands = self.bands_of(self.layers.cover)

    def moving_box(self, width: int, height: int, matte: np.ndarray | None) -> Box:
        """Return the part of the picture that can move; the rest is never touched."""
        moving = self.rig.still[np.maximum(self.rig.reach, BODY * self.rig.body) > 0.02, :2]
        margin = round(SWING * self.rig.face_height * self.rig.pose.scale)
        box = box_round(moving, margin)
        if matte is not None:
            rows, columns = (np.flatnonzero(matte.any(axis=axis)) for axis in (1, 0))
            person = np.array([[columns[0], rows[0]], [columns[-1], rows[-1]]])
            box = common(box, box_round(person, margin))
        return box.even_within(width, height)

    def bands_of(self, cover: np.ndarray) -> list[Box]:
        """Return boxes, one below the other, of what the person may come to cover in the moving box."""
        margin = round(SWING * self.rig.face_height * self.rig.pose.scale)
        bands = []
        for top in range(self.box.top, self.box.bottom, BAND):
            bottom = min(top + BAND, self.box.bottom)
            near = cover[max(0, top - margin) : bottom + margin].any(axis=0)
            columns = np.flatnonzero(near)
            if len(columns):
                left, right = int(columns[0]) - margin, int(columns[-1]) + 1 + margin
                band = common(Box(left=left, top=top, right=right, bottom=bottom), self.box)
                bands.append(band.even_within(self.box.right, self.box.bottom))
        return bands

    def paint(self, wish: Expression, pts: int) -> Picture:
        """Return the portrait with that expression."""
        points = self.rig.points(wish)
        y, u, v = (plane.copy() for plane in self.still.planes)
        picture = Picture(y, u, v, pts)
        around = self.bend(points, self.box, self.fineness.around)
        face = self.bend(points, self.face_box(points), self.fineness.face)
        self.lay_person(picture, around, face)
        soften_steps(face.box.of(picture.y), face.places[1:-1, 1:-1], face.step)
        inside = self.mouth.inside(points, wish)
        if inside is not None:
            lay_in(picture, inside)
        for lid in self.lids.down(points, wish):
            lay_in(picture, lid)
        return picture

    def face_box(self, points: np.ndarray) -> Box:
        margin = round(FACE_MARGIN * self.rig.face_height * self.rig.pose.scale)
        box = common(box_round(points[topology.OVAL, :2], margin), self.box)
        return box.even_within(self.still.width, self.still.height)

    def bend(self, points: np.ndarray, box: Box, step: int) -> Bend:
        corner = np.array([box.left, box.top, 0]) - (step, step, 0)
        coarse = (points - corner + (0.5, 0.5, 0)) / step - (0.5, 0.5, 0)
        width, height = -(-box.width // step) + 2, -(-box.height // step) + 2
        drawn = rasterize(coarse, self.rig.triangles, self.values, width=width, height=height)
        places = cv2.transform(drawn, self.to_pixels)
        # Between two triangles a pixel may be missed: it stays where it is.
        rows, columns = np.nonzero(drawn[..., 2] < 0.5)
        places[rows, columns] = (np.stack([columns, rows], axis=1) + 0.5) * step - 0.5 + corner[:2]
        return Bend(box=box, places=places, step=step)

    def lay_person(self, picture: Picture, around: Bend, face: Bend) -> None:
        """Lay the backdrop and, over it, the person, bent so, into the picture, in place."""
        layers, behind = self.layers, self.layers.backdrop
        whole, halves = joined(around, face, 1), joined(around, face, 2)
        for box in self.bands:
            half, inner = box.halved(), box.within(self.box)
            places, fewer = inner.of(whole), inner.halved().of(halves)
            cover = seen_at(layers.cover, places, cv2.INTER_LINEAR)
            y = seen_at(layers.luma, places * layers.times, cv2.INTER_LINEAR)
            lay_over(box.of(picture.y), box.of(behind.y), y, cover)
            cover = cv2.resize(cover, (half.width, half.height), interpolation=cv2.INTER_AREA)
            lay_over(half.of(picture.u), half.of(behind.u), seen_at(layers.u, fewer, cv2.INTER_LINEAR), cover)
            lay_over(half.of(picture.v), half.of(behind.v), seen_at(layers.v, fewer, cv2.INTER_LINEAR), cover)


def common(one: Box, other: Box) -> Box:
    return Box(
        left=max(one.left, other.left),
        top=max(one.top, other.top),
        right=min(one.right, other.right),
        bottom=min(one.bottom, other.bottom),
    )


def spread(bend: Bend, step: int) -> np.ndarray:
    """Return the places for every `step`-th pixel of the box, in pixels of a picture that has only those."""
    times = bend.step // step
    places = (bend.places + 0.5) / step - 0.5
    if times > 1:
        places = cv2.resize(places, None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR)
    height, width = bend.box.height // step, bend.box.width // step
    return places[times : times + height, times : times + width]


def joined(around: Bend, face: Bend, step: int) -> np.ndarray:
    """Return the places for every `step`-th pixel of `around`'s box, in its midst those of the face's."""
    places, inner = spread(around, step), spread(face, step)
    left, top = (face.box.left - around.box.left) // step, (face.box.top - around.box.top) // step
    places[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return places


def lay_over(target: np.ndarray, below: np.ndarray, above: np.ndarray, cover: np.ndarray) -> None:
    """Mix `above` over `below` where the cover is 255, into the target; all are uint8."""
    person = cv2.multiply(above, cover, scale=1 / 255)
    target[:] = cv2.add(cv2.multiply(below, cv2.bitwise_not(cover), scale=1 / 255), person)


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
