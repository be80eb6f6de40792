"""Bend the portrait onto the new face, and pieces of the picture from the own face onto the new one."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from worker.engines.swap.cutout import Cutout
from worker.engines.swap.portrait import Portrait
from worker.faces.raster import rasterize
from worker.faces.topology import FACE_TRIANGLES
from worker.faces.views import Box


@dataclass(kw_only=True)
class Layer:
    """Pixels to lay over a cutout: luma (h, w), chroma (h/2, w/2, 2), cover (h/2, w/2) 0..1."""

    luma: np.ndarray
    chroma: np.ndarray
    cover: np.ndarray


def bend_portrait(portrait: Portrait, cutout: Cutout, scale: float, step: int) -> Layer:
    """Bend the portrait onto the cutout's new face; the map is made for every `step`-th pixel.

    `scale`: how much larger the face is than the photo's.
    """
    level = portrait.level_for(scale)
    height, width = level.luma.shape
    width_in_steps, height_in_steps = -(-cutout.width // step), -(-cutout.height // step)
    points = cutout.new.copy()
    points[:, :2] = (points[:, :2] + 0.5) / step - 0.5
    points[:, 2] /= step
    drawn = rasterize(points, FACE_TRIANGLES, portrait.values, width=width_in_steps, height=height_in_steps)
    places = cv2.merge([drawn[..., 0] * width - 0.5, drawn[..., 1] * height - 0.5])

    full = stretched(places, step, (cutout.width, cutout.height))
    half = stretched(places, step / 2, cutout.half_size)
    cover = np.clip(stretched(drawn[..., 2], step / 2, cutout.half_size), 0, 1)
    if portrait.has_hair:
        cover *= remap(level.cover, half) * np.float32(1 / 255)
    return Layer(
        luma=remap(level.luma, full, cv2.INTER_CUBIC if scale > 1.5 or step == 1 else cv2.INTER_LINEAR),
        chroma=remap(level.chroma, half),
        cover=cover,
    )


def stretched(plane: np.ndarray, step: float, size: tuple[int, int]) -> np.ndarray:
    """Enlarge a plane of every `step`-th pixel to all, or shrink it if the step is under 1; cut to `size`."""
    if step == 1:
        return np.ascontiguousarray(plane[: size[1], : size[0]])
    full_size = round(plane.shape[1] * step), round(plane.shape[0] * step)
    how = cv2.INTER_LINEAR if step > 1 else cv2.INTER_AREA
    return np.ascontiguousarray(cv2.resize(plane, full_size, interpolation=how)[: size[1], : size[0]])


def remap(plane: np.ndarray, places: np.ndarray, how: int = cv2.INTER_LINEAR) -> np.ndarray:
    return cv2.remap(plane, places, None, how, borderMode=cv2.BORDER_REPLICATE)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of the own face, bent to its place on the new one; `box` is in the cutout, on even pixels."""

    box: Box
    luma: np.ndarray
    chroma: np.ndarray
    covered: np.ndarray  # (h, w) float32, 0 or 1


def bend_piece(cutout: Cutout, group: np.ndarray, triangles: np.ndarray) -> Piece | None:
    """Bend the own face's triangles onto the new face; None if hardly any of them is inside the cutout."""
    points = cutout.new[group, :2]
    low, high = np.floor(points.min(axis=0)).astype(int) - 3, np.ceil(points.max(axis=0)).astype(int) + 4
    box = Box(left=int(low[0]), top=int(low[1]), right=int(high[0]), bottom=int(high[1]))
    box = box.even_within(cutout.width, cutout.height)
    if min(box.width, box.height) < 4:
        return None
    values = np.ones((len(cutout.own), 3), np.float32)
    values[:, :2] = np.clip((cutout.own[:, :2] + 0.5) / (cutout.width, cutout.height), 0, 1)
    moved = cutout.new - np.array([box.left, box.top, 0], np.float32)
    drawn = rasterize(moved, triangles, values, width=box.width, height=box.height)
    places = drawn[..., :2] * np.array([cutout.width, cutout.height], np.float32) - np.float32(0.5)
    # At the edge a half pixel has places for some of its four only: their mean, without the -1 of the rest.
    halved = cv2.resize(np.maximum(drawn, 0), (box.width // 2, box.height // 2), interpolation=cv2.INTER_AREA)
    half_places = halved[..., :2] / np.maximum(halved[..., 2:], np.float32(0.01))
    half_places = half_places * (np.array([cutout.width, cutout.height], np.float32) / 2) - np.float32(0.5)
    return Piece(
        box=box,
        luma=remap(cutout.luma, places),
        chroma=remap(cutout.chroma, half_places),
        covered=(drawn[..., 2] > 0.5).astype(np.float32),
    )
