"""Draws a row of teeth for mouths that were photographed shut.

Sizes are millimetres of an adult's; an eye distance, outer corner to outer corner, is about 90 of them.
Images are (H, W, 4) float32: RGB 0..1 as lit from the front, and how much they cover.
"""

from __future__ import annotations

import cv2
import numpy as np

MM_PER_EYE_DISTANCE = 90.0
ARCH = 27.0  # radius of the curve that the teeth stand on
GAP = 0.12
FINE = 4  # drawn this many times too large, for smooth edges

# From the middle outwards: (width, height) of incisors, canine, premolars, a molar.
UPPER = ((8.6, 9.6), (6.6, 8.4), (7.6, 9.2), (7.0, 7.8), (6.8, 7.2), (9.0, 6.8))
LOWER = ((5.4, 8.4), (5.8, 8.6), (6.8, 9.2), (7.0, 8.2), (7.0, 7.6), (9.5, 7.0))

ENAMEL = np.array([0.93, 0.885, 0.80], np.float32)
BETWEEN = np.array([0.60, 0.54, 0.46], np.float32)
GUM = np.array([0.62, 0.34, 0.33], np.float32)
GUM_HEIGHT = 6.0
ROW_HEIGHT = 18.0  # the whole image: gum, teeth, and room below


def draw_row(teeth: tuple[tuple[float, float], ...], pixels_per_mm: float) -> np.ndarray:
    """Return the row seen from the front, gum at the top, edges GUM_HEIGHT + tooth height below it.

    The image is 2 * ARCH wide, the middle between the front teeth in its middle.
    """
    scale = pixels_per_mm * FINE
    size = round(ROW_HEIGHT * scale), round(2 * ARCH * scale)
    row = np.zeros((*size, 4), np.float32)
    # What is between the teeth is lit too, if less; only at their edges does the dark come in.
    row[: round((GUM_HEIGHT + 0.86 * teeth[0][1]) * scale)] = (*BETWEEN, 1)
    row[: round((GUM_HEIGHT + 1.5) * scale)] = (*GUM, 1)
    for side in (-1, 1):
        along = 0.0
        for width, height in teeth:
            draw_tooth(row, side, along, along + width, height, scale)
            along += width
    return cv2.resize(row, None, fx=1 / FINE, fy=1 / FINE, interpolation=cv2.INTER_AREA)


def draw_tooth(row: np.ndarray, side: int, start: float, end: float, height: float, scale: float) -> None:
    """Paint one tooth that takes up start..end millimetres along the arch."""
    left, right = (
        ARCH * np.sin(np.clip(along / ARCH, 0, np.pi / 2)) for along in (start + GAP / 2, end - GAP / 2)
    )
    if right - left < 0.5:  # seen from its side only
        return
    x = (np.arange(row.shape[1]) + 0.5) / scale - ARCH
    y = (np.arange(row.shape[0]) + 0.5) / scale - GUM_HEIGHT
    across = (side * x - left) / (right - left) * 2 - 1  # -1..1 over the tooth
    down = y / height  # 0 at the gum, 1 at the edge
    inside = shape_of(across[None, :], down[:, None])
    facing = np.cos((start + end) / 2 / ARCH)
    row[..., :3] += (enamel(across, down, facing) - row[..., :3]) * inside[..., None]
    row[..., 3] = np.maximum(row[..., 3], inside)


def shape_of(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Return 1 in the tooth, 0 outside: round at the gum, nearly straight at the edge."""
    middle = (down - 0.45) / 0.55
    roundness = np.where(middle < 0, 2.2, 7.0)
    return (np.abs(across) ** 8 + np.abs(middle) ** roundness < 1).astype(np.float32)


def enamel(across: np.ndarray, down: np.ndarray, facing: float) -> np.ndarray:
    """Return (rows, columns, 3) RGB: darker to the sides, warmer at the gum, dimmer along the arch."""
    round_ = 1 - 0.22 * np.clip(np.abs(across), 0, 1) ** 4
    depth = 0.80 + 0.20 * np.clip(down * 1.6, 0, 1) - 0.07 * np.clip((down - 0.85) / 0.15, 0, 1)
    light = (depth[:, None] * round_[None, :] * facing**2).astype(np.float32)
    warmth = np.clip(1 - down * 1.5, 0, 1)[:, None, None] * np.array([0, -0.03, -0.07], np.float32)
    return light[..., None] * (ENAMEL + warmth)
