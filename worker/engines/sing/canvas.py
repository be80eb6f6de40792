"""Cuts the photo to the frame that was asked for, at the size that is worked in."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from worker.faces import topology
from worker.media.framing import ASPECTS, even

LARGEST_CROP = 4.0  # face heights: a crop of a far-off person is tightened to it
LEAST_HEIGHT = 1.2  # face heights that a crop needs
LEAST_WIDTH = 1.15  # face widths that a crop needs
FACE_AT = 0.46  # of the crop's height: where the middle of the face lies
SHORT_SIDES = {"fast": (540, 720), "balanced": (720, 1080), "max": (720, 1440)}  # pixels, least and most


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """The framed portrait: (H, W, 3) uint8 RGB with even sides, and the (478, 3) landmarks in it."""

    image: np.ndarray
    landmarks: np.ndarray


def frame_portrait(photo: np.ndarray, landmarks: np.ndarray, *, aspect_ratio: str, quality: str) -> Canvas:
    """Frame the photo round its face.

    `original` keeps the whole photo. Any other aspect takes the largest crop round the face that
    the photo has, no farther off than 4 face heights; where a photo is too tight for the face,
    its border is carried on, out of focus. The short side comes to lie within SHORT_SIDES.
    """
    left, top, width, height = crop_round(photo, landmarks, aspect_ratio)
    least, most = SHORT_SIDES[quality]
    scale = np.clip(min(width, height), least, most) / min(width, height)
    size = exact_size(width * scale, height * scale, aspect_ratio)
    scale_x, scale_y = size[0] / width, size[1] / height
    image = cut(photo, left, top, width, height)
    how = cv2.INTER_LANCZOS4 if scale > 1 else cv2.INTER_AREA
    placed = landmarks.astype(np.float64) * (scale_x, scale_y, (scale_x + scale_y) / 2)
    placed[:, 0] -= left * scale_x - (scale_x - 1) / 2
    placed[:, 1] -= top * scale_y - (scale_y - 1) / 2
    return Canvas(image=cv2.resize(image, size, interpolation=how), landmarks=placed)


def exact_size(width: float, height: float, aspect_ratio: str) -> tuple[int, int]:
    """Return the even (width, height), true to the aspect: 720x1280, not 720x1278."""
    aspect = float(ASPECTS.get(aspect_ratio, width / height))
    if aspect < 1:
        return even(width), even(even(width) / aspect)
    return even(even(height) * aspect), even(height)


def crop_round(photo: np.ndarray, landmarks: np.ndarray, aspect_ratio: str) -> tuple[int, int, int, int]:
    """Return (left, top, width, height) of the crop in photo pixels; it may reach beyond the photo."""
    height, width = photo.shape[:2]
    if aspect_ratio == "original":
        return 0, 0, width, height
    aspect = float(ASPECTS[aspect_ratio])
    face = landmarks[: topology.FACE_POINTS, :2]
    (face_width, face_height), middle = np.ptp(face, axis=0), (face.min(axis=0) + face.max(axis=0)) / 2
    needed = max(LEAST_HEIGHT * face_height, LEAST_WIDTH * face_width / aspect)
    largest = max(needed, LARGEST_CROP * face_height)
    tall = float(np.clip(min(height, width / aspect), needed, largest))
    wide = tall * aspect
    left = within(middle[0] - wide / 2, wide, width)
    top = within(middle[1] - FACE_AT * tall, tall, height)
    return round(left), round(top), round(wide), round(tall)


def within(start: float, length: float, whole: float) -> float:
    """Shift the stretch into the photo where it fits; where it does not, share out what is beyond."""
    if length > whole:
        return min(0.0, max(whole - length, start))
    return min(max(0.0, start), whole - length)


def cut(photo: np.ndarray, left: int, top: int, width: int, height: int) -> np.ndarray:
    """Cut the crop out; beyond the photo its border goes on, blurred."""
    before = max(0, -top), max(0, -left)
    after = max(0, top + height - photo.shape[0]), max(0, left + width - photo.shape[1])
    inside = photo[max(0, top) : top + height, max(0, left) : left + width]
    if not any(before + after):
        return inside
    filled = cv2.copyMakeBorder(inside, before[0], after[0], before[1], after[1], cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(filled, (0, 0), max(filled.shape) / 40)
    known = np.zeros(filled.shape[:2], np.float32)
    known[before[0] : before[0] + inside.shape[0], before[1] : before[1] + inside.shape[1]] = 1
    edge = max(3, min(inside.shape[:2]) // 30) | 1
    known = cv2.erode(known, np.ones((edge, edge)), borderType=cv2.BORDER_REPLICATE)
    known = cv2.GaussianBlur(known, (0, 0), edge / 2)[..., None]
    return np.rint(filled * known + soft * (1 - known)).astype(np.uint8)
