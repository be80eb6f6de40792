"""Paints what is seen between open lips: teeth, tongue and the dark behind them.

Patches are (h, w, 3) float32 RGB, 0..255, of a box of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from worker.engines.sing.motion import Expression
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
from worker.faces import topology
from worker.faces.raster import rasterize
from worker.faces.views import Box

SHOWING = 0.025  # face heights between the lips of a photo from which its own teeth are taken
BARELY = 0.8, 2.4  # pixels between the lips: where the inside begins to be seen, where it is seen fully
DARK = np.array([40, 17, 18], np.float32)
TONGUE = np.array([142, 70, 68], np.float32)
UPPER_EDGE = 2.6  # millimetres that the upper teeth stand out under a resting upper lip
LOWER_EDGE = 1.2  # millimetres that the lower teeth stand out over the lower lip
BEHIND = 0.05  # eye distances from the lips back to the teeth
FINE = 4  # the edge of the lips is drawn this many times too large, for smoothness


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
        skin = skin_at(image, rig.still[topology.NOSE_TIP, :2])
        self.light = light_on(skin)
        # Teeth take on the colour of the light, which the skin shows, if weakly.
        self.tooth_light = 1.05 * self.light * (0.5 + 0.5 * skin / skin.max())
        self.has_own_teeth = rig.gap > SHOWING * rig.face_height
        pixels_per_mm = rig.pose.scale / MM_PER_EYE_DISTANCE
        self.rows = {"upper": draw_row(UPPER, pixels_per_mm), "lower": draw_row(LOWER, pixels_per_mm)}
        self.texture_low = rig.texture[: topology.POINTS].min(axis=0)
        self.texture_size = np.ptp(rig.texture[: topology.POINTS], axis=0)

    def inside(self, points: np.ndarray, wish: Expression) -> Inside | None:
        """Return the inside of the mouth of these (N, 3) points; None while it is shut."""
        ring = points[topology.LIPS_INNER, :2]
        gap = float(np.linalg.norm(points[topology.LOWER_LIP, :2] - points[topology.UPPER_LIP, :2]))
        seen = np.clip((gap - BARELY[0]) / (BARELY[1] - BARELY[0]), 0, 1)
        box = box_round(ring, 4).even_within(self.image.shape[1], self.image.shape[0])
        if seen == 0 or min(box.width, box.height) == 0:
            return None
        cover = filled(ring - (box.left, box.top), box.width, box.height)
        patch = np.broadcast_to(DARK * self.light, (box.height, box.width, 3)).copy()
        self.add_tongue(patch, box, points, gap)
        if self.has_own_teeth:
            self.add_own_teeth(patch, box, wish)
        else:
            self.add_row(patch, box, "lower", wish)
            self.add_row(patch, box, "upper", wish)
        self.shade(patch, cover)
        return Inside(box=box, patch=patch, cover=cover * seen)

    def add_tongue(self, patch: np.ndarray, box: Box, points: np.ndarray, gap: float) -> None:
        """Lay the tongue on the mouth's floor; it shows when the mouth is well open."""
        lower = points[topology.LOWER_LIP, :2] - (box.left, box.top)
        upper = points[topology.UPPER_LIP, :2] - (box.left, box.top)
        middle = lower + 0.16 * (upper - lower)
        width = 0.26 * self.rig.mouth_width * self.rig.pose.scale
        shape = np.zeros(patch.shape[:2], np.float32)
        axes = max(1, round(width)), max(1, round(0.34 * gap))
        cv2.ellipse(shape, (round(middle[0]), round(middle[1])), axes, 0, 0, 360, 1, -1)
        cover = cv2.GaussianBlur(shape, (0, 0), max(1.0, 0.10 * gap))
        patch += (TONGUE * self.light - patch) * cover[..., None]

    def add_row(self, patch: np.ndarray, box: Box, name: str, wish: Expression) -> None:
        """Lay a drawn row of teeth in; the upper one stays on the skull, the lower goes with the jaw."""
        size = self.rows[name].shape[1], self.rows[name].shape[0]
        corners = self.row_corners(name, wish.opening)
        place = self.rig.skull(corners, wish)[:, :2] - (box.left, box.top)
        own = np.array([[-0.5, -0.5], [size[0] - 0.5, -0.5], [-0.5, size[1] - 0.5]], np.float32)
        matrix = cv2.getAffineTransform(own, place.astype(np.float32))
        row = cv2.warpAffine(
            self.rows[name], matrix, (patch.shape[1], patch.shape[0]), flags=cv2.INTER_LINEAR
        )
        light = self.tooth_light * (1.0 if name == "upper" else 0.62)
        patch += (row[..., :3] * 255 * light - patch) * row[..., 3:]

    def row_corners(self, name: str, opening: float) -> np.ndarray:
        """Return where the row's image lies at rest: its top left, top right and bottom left corner."""
        rest = self.rig.rest
        lips = (rest[topology.UPPER_LIP] + rest[topology.LOWER_LIP]) / 2
        wide, tall = (size / MM_PER_EYE_DISTANCE for size in (2 * ARCH, ROW_HEIGHT))
        if name == "upper":
            edge, height, down = UPPER_EDGE, UPPER[0][1], 1
            line = lips[1]
        else:
            edge, height, down = LOWER_EDGE, LOWER[0][1], -1
            line = lips[1] + self.rig.jaw[topology.LOWER_LIP] * opening
        start = line + down * (edge - height - GUM_HEIGHT) / MM_PER_EYE_DISTANCE
        left, right, depth = lips[0] - wide / 2, lips[0] + wide / 2, lips[2] + BEHIND
        end = start + down * tall
        return np.array([[left, start, depth], [right, start, depth], [left, end, depth]])

    def add_own_teeth(self, patch: np.ndarray, box: Box, wish: Expression) -> None:
        """Lay in what the photo shows between its lips; it stays on the skull as the jaw drops."""
        points = self.rig.skull(self.rig.rest[: topology.POINTS], wish)
        points[:, :2] -= (box.left, box.top)
        values = np.ones((topology.POINTS, 3), np.float32)
        texture = self.rig.texture[: topology.POINTS]
        values[:, :2] = (texture - self.texture_low) / self.texture_size
        drawn = rasterize(points, topology.MOUTH_TRIANGLES, values, width=box.width, height=box.height)
        covered = (drawn[..., 2] > 0.5).astype(np.float32)
        places = drawn[..., :2] * self.texture_size + self.texture_low
        teeth = seen_at(self.image, places.astype(np.float32), cv2.INTER_LINEAR)
        soft = cv2.GaussianBlur(cv2.erode(covered, np.ones((3, 3))), (0, 0), 1.2)
        patch += (teeth - patch) * (soft * covered)[..., None]

    def shade(self, patch: np.ndarray, cover: np.ndarray) -> None:
        """Darken towards the lips, which keep the light off."""
        inside = (cover > 0.5).astype(np.uint8)
        depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
        least = 0.75 if self.has_own_teeth else 0.55
        reach = max(1.5, 0.035 * self.rig.pose.scale)
        patch *= np.clip(least + (1 - least) * depth / reach, 0, 1)[..., None]


def seen_at(image: np.ndarray, places: np.ndarray, how: int) -> np.ndarray:
    """Return what the image shows at the places, (h, w, 2) float32 (x, y); beyond its edge, the edge."""
    # The stub does not know that one map of both coordinates is enough.
    return cv2.remap(image, places, None, how, borderMode=cv2.BORDER_REPLICATE)


def skin_at(image: np.ndarray, nose: np.ndarray) -> np.ndarray:
    """Return (3,) float32 RGB, 1..255: the skin at the tip of the nose."""
    x, y = np.clip(np.rint(nose).astype(int), 0, (image.shape[1] - 1, image.shape[0] - 1))
    around = image[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5].reshape(-1, 3)
    return np.maximum(around.mean(axis=0), 1).astype(np.float32)


def light_on(skin: np.ndarray) -> float:
    """Return how light the face is, 0.2..1.1."""
    return float(np.clip(0.25 + 0.75 * skin.mean() / 190, 0.2, 1.1))


def box_round(points: np.ndarray, margin: int) -> Box:
    left, top = np.floor(points.min(axis=0)).astype(int) - margin
    right, bottom = np.ceil(points.max(axis=0)).astype(int) + margin + 1
    return Box(left=int(left), top=int(top), right=int(right), bottom=int(bottom))


def filled(ring: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return (height, width) float32 0..1: the inside of a ring of (n, 2) points, with a soft edge."""
    mask = np.zeros((height * FINE, width * FINE), np.uint8)
    cv2.fillPoly(mask, [np.rint((ring + 0.5) * FINE - 0.5).astype(np.int32)], 255)
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small.astype(np.float32) / 255, (0, 0), 0.8)
