"""Paints what is seen between open lips: teeth, tongue and the dark behind them.

Patches are (h, w, 3) float32 RGB, 0..255, of a box of the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from worker.engines.sing.expression import Expression
from worker.engines.sing.light import light_on
from worker.engines.sing.rig import Rig
from worker.engines.sing.teeth import (
    ARCH,
    GUM_HEIGHT,
    LOWER,
    MM_PER_EYE_DISTANCE,
    ROW_HEIGHT,
    UPPER,
    draw_row,
)
from worker.engines.sing.tongue import draw_tongue
from worker.faces import topology
from worker.faces.raster import rasterize
from worker.faces.views import Box

SHOWING = 0.025  # face heights between the lips of a photo from which its own teeth are taken
BARELY = 0.8, 2.4  # pixels between the lips: where the inside begins to be seen, where it is seen fully
DEEP = np.array([30, 11, 11], np.float32)  # RGB in plain daylight: the throat,
CHEEK = np.array([126, 60, 54], np.float32)  # and what is right behind the lips
UPPER_EDGE = 2.6  # millimetres that the upper teeth stand out under a resting upper lip
LOWER_EDGE = 2.6  # millimetres that the lower teeth stand out over the lower lip
BEHIND = 0.05  # eye distances from the lips back to the teeth
TONGUE_BEHIND = 0.13
FOLLOWS_LIP = 0.8  # how much of the bend of the shut lips the lower row has
TONGUE_WIDTH, TONGUE_HEIGHT = 40.0, 9.0  # millimetres; a dropped jaw shows more of its height
LOWER_LIGHT = 0.80  # of the light on the upper teeth
# How much of the light the lip keeps off right below it, over how many millimetres (SHADOW) that fades, the
# corners at most, and lips that hardly part all over. Teeth from the photo have those shadows already.
DRAWN_SHADE = {"lip": 0.45, "corner": 0.45, "narrow": 0.35}
OWN_SHADE = {"lip": 0.12, "corner": 0.20, "narrow": 0.10}
SHADOW, NARROW = 2.4, 3.0
WARMTH = 0.0, 0.22, 0.34  # light that gets into the shadow comes off red flesh
FINE = 4  # the edge of the lips is drawn this many times too large, for smoothness
SOFT = 0.0035  # eye distances that this edge is blurred by
ARCH_COLUMNS = 15
ARCH_ANGLES = np.linspace(-np.pi / 2, np.pi / 2, ARCH_COLUMNS)
ARCH_TRIANGLES = np.array(
    [
        corners
        for i in range(0, 2 * ARCH_COLUMNS - 2, 2)
        for corners in ((i, i + 1, i + 2), (i + 1, i + 3, i + 2))
    ],
    np.int32,
)


@dataclass(frozen=True, kw_only=True)
class Inside:
    """What to lay over the picture in `box`, and how much of it, (h, w) 0..1."""

    box: Box
    patch: np.ndarray
    cover: np.ndarray


class Mouth:
    def __init__(self, rig: Rig, image: np.ndarray) -> None:
        self.rig = rig
        self.image = image
        light = light_on(image, rig.still[: topology.POINTS, :2], rig.pose.scale)
        self.light = light.colour
        self.has_own_teeth = rig.gap > SHOWING * rig.face_height
        self.pixels_per_mm = rig.pose.scale / MM_PER_EYE_DISTANCE
        self.rows = {} if self.has_own_teeth else self.drawn_rows(light.side)
        self.tongue = draw_tongue()
        self.tongue[..., :3] *= self.light
        self.texture_low = rig.texture[: topology.POINTS].min(axis=0)
        self.texture_size = np.ptp(rig.texture[: topology.POINTS], axis=0)

    def drawn_rows(self, side: float) -> dict[str, np.ndarray]:
        rows = {}
        for name, teeth, share in (("upper", UPPER, 1.0), ("lower", LOWER, LOWER_LIGHT)):
            rows[name] = draw_row(teeth, self.pixels_per_mm, side)
            rows[name][..., :3] *= 255 * share * self.light
        return rows

    def inside(self, points: np.ndarray, wish: Expression) -> Inside | None:
        """Return the inside of the mouth of these (N, 3) points; None while it is shut."""
        ring = points[topology.LIPS_INNER, :2]
        gap = float(np.linalg.norm(points[topology.LOWER_LIP, :2] - points[topology.UPPER_LIP, :2]))
        seen = min(1.0, max(0.0, (gap - BARELY[0]) / (BARELY[1] - BARELY[0])))
        soft = max(0.8, SOFT * self.rig.pose.scale)
        box = box_round(ring, round(4 * soft) + 1).even_within(self.image.shape[1], self.image.shape[0])
        if seen == 0 or min(box.width, box.height) == 0:
            return None
        cover = filled(ring - (box.left, box.top), box.width, box.height, soft)
        patch = self.with_tongue(self.backdrop(cover), box, wish)
        if self.has_own_teeth:
            patch = self.with_own_teeth(patch, box, wish)
        else:
            patch = self.with_row(patch, box, "lower", wish)
            patch = self.with_row(patch, box, "upper", wish)
        patch = self.shaded(patch, points[:, :2] - (box.left, box.top))
        return Inside(box=box, patch=patch, cover=cover * seen)

    def backdrop(self, cover: np.ndarray) -> np.ndarray:
        """Return the flesh behind the lips, which sinks into the dark of the throat."""
        depth = cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
        near = cv2.exp(depth / (-4 * self.pixels_per_mm))
        return spread(near, (CHEEK - DEEP) * self.light, DEEP * self.light)

    def with_tongue(self, patch: np.ndarray, box: Box, wish: Expression) -> np.ndarray:
        """Lay the tongue on the jaw: it rises for bright vowels, and draws back for dark ones."""
        lips = self.lips_at_rest()
        drop = self.rig.jaw[topology.LOWER_LIP] * wish.opening
        bottom = lips[1] + drop + (2.0 + 1.5 * max(0.0, -wish.width)) / MM_PER_EYE_DISTANCE
        rise = 0.36 + 0.26 * np.clip(wish.width, -0.5, 1)
        top = bottom - TONGUE_HEIGHT / MM_PER_EYE_DISTANCE - rise * drop
        half = TONGUE_WIDTH / 2 / MM_PER_EYE_DISTANCE
        depth = lips[2] + TONGUE_BEHIND
        corners = np.array([[lips[0] + x, y, depth] for x, y in ((-half, top), (half, top), (-half, bottom))])
        place = self.rig.skull(corners, wish)[:, :2] - (box.left, box.top)
        side = len(self.tongue)
        own = np.array([[-0.5, -0.5], [side - 0.5, -0.5], [-0.5, side - 0.5]], np.float32)
        matrix = cv2.getAffineTransform(own, place.astype(np.float32))
        return laid_over(
            patch, cv2.warpAffine(self.tongue, matrix, (box.width, box.height), flags=cv2.INTER_LINEAR)
        )

    def lips_at_rest(self) -> np.ndarray:
        """Return the (3,) middle between the lips when they are shut."""
        lips = [topology.UPPER_LIP, topology.LOWER_LIP]
        x, y, z = self.rig.rest[lips].mean(axis=0)
        return np.array([x, y + self.rig.closing[lips].mean(), z])

    def with_row(self, patch: np.ndarray, box: Box, name: str, wish: Expression) -> np.ndarray:
        """Lay a drawn row of teeth in; the upper one stays on the skull, the lower goes with the jaw."""
        points = self.rig.skull(self.arch(name, wish.opening), wish)
        points[:, :2] -= (box.left, box.top)
        values = np.ones((len(points), 3), np.float32)
        values[:, 0] = np.repeat((np.sin(ARCH_ANGLES) + 1) / 2, 2)
        values[:, 1] = np.tile([0, 1], ARCH_COLUMNS)
        drawn = rasterize(points, ARCH_TRIANGLES, values, width=box.width, height=box.height)
        row = self.rows[name]
        pixels = np.array([[row.shape[1], 0, 0, -0.5], [0, row.shape[0], 0, -0.5]], np.float32)
        seen = seen_at(row, cv2.transform(drawn, pixels), cv2.INTER_LINEAR)
        seen[..., 3] *= drawn[..., 2] > 0.5
        return laid_over(patch, seen)

    def arch(self, name: str, opening: float) -> np.ndarray:
        """Return where the row's image lies at rest: its top and bottom edge, (2 * ARCH_COLUMNS, 3)."""
        lips = self.lips_at_rest()
        if name == "upper":
            start = (UPPER_EDGE - UPPER[0][1] - GUM_HEIGHT) / MM_PER_EYE_DISTANCE
            end = start + ROW_HEIGHT / MM_PER_EYE_DISTANCE
        else:
            start = (LOWER[0][1] + GUM_HEIGHT - LOWER_EDGE) / MM_PER_EYE_DISTANCE
            start += self.rig.jaw[topology.LOWER_LIP] * opening
            end = start - ROW_HEIGHT / MM_PER_EYE_DISTANCE
        radius = ARCH / MM_PER_EYE_DISTANCE
        points = np.empty((ARCH_COLUMNS, 2, 3))
        points[..., 0] = radius * np.sin(ARCH_ANGLES)[:, None]
        points[..., 1] = start, end
        points[..., 2] = BEHIND + radius * (1 - np.cos(ARCH_ANGLES))[:, None]
        if name == "lower":
            points[..., 1] += FOLLOWS_LIP * self.bend_of_lips(points[:, 0, 0])[:, None]
        return points.reshape(-1, 3) + lips

    def bend_of_lips(self, aside: np.ndarray) -> np.ndarray:
        """Return how far down the line of the shut lips is, from its middle, at those eye distances aside."""
        edge = topology.LOWER_LIP_EDGE
        line = self.rig.rest[edge, :2] + np.stack([np.zeros(len(edge)), self.rig.closing[edge]], axis=1)
        middle = self.lips_at_rest()[0]
        return line_at(middle + aside, line) - line_at(np.array([middle]), line)

    def with_own_teeth(self, patch: np.ndarray, box: Box, wish: Expression) -> np.ndarray:
        """Lay in what the photo shows between its lips; it stays on the skull as the jaw drops."""
        points = self.rig.skull(self.rig.rest[: topology.POINTS], wish)
        points[:, :2] -= (box.left, box.top)
        values = np.ones((topology.POINTS, 3), np.float32)
        texture = self.rig.texture[: topology.POINTS]
        values[:, :2] = (texture - self.texture_low) / self.texture_size
        drawn = rasterize(points, topology.MOUTH_TRIANGLES, values, width=box.width, height=box.height)
        covered = (drawn[..., 2] > 0.5).astype(np.float32)
        places = drawn[..., :2] * self.texture_size + self.texture_low
        teeth = seen_at(self.image, places.astype(np.float32), cv2.INTER_LINEAR).astype(np.float32)
        soft = cv2.GaussianBlur(cv2.erode(covered, np.ones((3, 3))), (0, 0), 1.2)
        return mixed(patch, teeth, soft * covered)

    def shaded(self, patch: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Darken what is in the shadow of the upper lip, a little what is over the lower, and the corners."""
        strength = OWN_SHADE if self.has_own_teeth else DRAWN_SHADE
        height, width = patch.shape[:2]
        reach = SHADOW * self.pixels_per_mm
        x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
        upper, lower = points[topology.UPPER_LIP_EDGE], points[topology.LOWER_LIP_EDGE]
        below = np.maximum(y - line_at(x, upper), 0)
        above = np.maximum(line_at(x, lower) - y, 0)
        left, right = sorted((upper[0, 0], upper[-1, 0]))
        across = np.abs(x - (left + right) / 2) / max(1.0, (right - left) / 2)
        corner = 1 - strength["corner"] * smooth((across - 0.35) / 0.65)
        lips = (1 - strength["lip"] * cv2.exp(below / -reach)) * (1 - 0.25 * cv2.exp(above / (-0.5 * reach)))
        gap = points[topology.LOWER_LIP, 1] - points[topology.UPPER_LIP, 1]
        entering = 1 - strength["narrow"] * math.exp(-max(0.0, gap) / (NARROW * self.pixels_per_mm))
        light = lips * (entering * corner).astype(np.float32)
        return cv2.multiply(patch, cv2.merge([light * (1 - warmth * (1 - light)) for warmth in WARMTH]))


def line_at(x: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Return the line's y at those x; its (n, 2) points go from left to right, or nearly."""
    return np.interp(x, np.maximum.accumulate(line[:, 0]), line[:, 1]).astype(np.float32)


def smooth(ramp: np.ndarray) -> np.ndarray:
    """Return the ramp cut to 0..1, without corners."""
    cut = np.clip(ramp, 0, 1)
    return cut * cut * (3 - 2 * cut)


def spread(values: np.ndarray, gain: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return (h, w, 3) float32 from (h, w): each channel its own gain and offset."""
    return cv2.merge([values * g + o for g, o in zip(gain, offset, strict=True)])


def laid_over(patch: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return the patch with (h, w, 4) RGB and cover mixed over it."""
    return mixed(patch, cv2.cvtColor(image, cv2.COLOR_RGBA2RGB), cv2.extractChannel(image, 3))


def mixed(below: np.ndarray, above: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Return float32 RGB: `above` where cover, (h, w) float32, is 1. NumPy is slow with three channels."""
    return cv2.blendLinear(below, above, 1 - cover, cover)


def seen_at(image: np.ndarray, places: np.ndarray, how: int) -> np.ndarray:
    """Return what the image shows at the places, (h, w, 2) float32 (x, y); beyond its edge, the edge."""
    # The stub does not know that one map of both coordinates is enough.
    return cv2.remap(image, places, None, how, borderMode=cv2.BORDER_REPLICATE)


def box_round(points: np.ndarray, margin: int) -> Box:
    left, top = np.floor(points.min(axis=0)).astype(int) - margin
    right, bottom = np.ceil(points.max(axis=0)).astype(int) + margin + 1
    return Box(left=int(left), top=int(top), right=int(right), bottom=int(bottom))


def filled(ring: np.ndarray, width: int, height: int, soft: float) -> np.ndarray:
    """Return (height, width) float32 0..1: the inside of a ring of (n, 2) points, blurred by `soft`."""
    mask = np.zeros((height * FINE, width * FINE), np.uint8)
    cv2.fillPoly(mask, [np.rint((ring + 0.5) * FINE - 0.5).astype(np.int32)], 255)
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small.astype(np.float32) / 255, (0, 0), soft)
