"""Draws a row of teeth for mouths that were photographed shut.

Sizes are millimetres of an adult's; an eye distance, outer corner to outer corner, is about 90 of them.
Images are (H, W, 4) float32: RGB 0..1 as lit from the front, and how much they cover.
"""

from __future__ import annotations

import cv2
import numpy as np

MM_PER_EYE_DISTANCE = 90.0
ARCH = 27.0  # radius of the curve that the teeth stand on
GAP = 0.10
SMILE_LINE = 0.0045  # the edges rise towards the sides by this times the square of the way
FINE = 4  # drawn this many times too large, for smooth edges

# From the middle outwards: (width, height) of incisors, canine, premolars, a molar.
UPPER = ((8.6, 9.6), (6.6, 8.9), (7.6, 9.5), (7.0, 8.2), (6.8, 7.6), (9.0, 7.2))
LOWER = ((5.4, 8.4), (5.8, 8.6), (6.8, 9.2), (7.0, 8.2), (7.0, 7.6), (9.5, 7.0))

ENAMEL = np.array([0.95, 0.885, 0.80], np.float32)
BETWEEN = np.array([0.66, 0.50, 0.41], np.float32)
GUM = np.array([0.66, 0.36, 0.34], np.float32)
GUM_HEIGHT = 6.0
ROW_HEIGHT = 18.0  # the whole image: gum, teeth, and room below
SIDE_FADE = 4.0  # at the ends the row sinks into the dark of the cheeks


def draw_row(teeth: tuple[tuple[float, float], ...], pixels_per_mm: float, side: float = 0.0) -> np.ndarray:
    """Return the row seen from the front, gum at the top, edges GUM_HEIGHT + tooth height below it.

    The image is 2 * ARCH wide, the middle between the front teeth in its middle. `side` is the light's.
    """
    scale = pixels_per_mm * FINE
    x = (np.arange(round(2 * ARCH * scale), dtype=np.float32) + 0.5) / scale - ARCH
    y = (np.arange(round(ROW_HEIGHT * scale), dtype=np.float32) + 0.5) / scale - GUM_HEIGHT
    row = np.zeros((len(y), len(x), 4), np.float32)
    fill_behind(row, teeth, x, y)
    for sign in (-1, 1):
        along = 0.0
        for width, height in teeth:
            draw_tooth(row, sign * x, y, (along, along + width), height)
            along += width
    # Round about the arch each tooth faces the front less, and the light's side more or less.
    row[..., :3] *= (np.sqrt(1 - (x / ARCH) ** 2) ** 0.7 * np.exp(0.4 * side * x / ARCH))[None, :, None]
    row[..., 3] *= np.clip((ARCH - np.abs(x)) / SIDE_FADE, 0, 1)
    small = max(1, round(len(x) / FINE)), max(1, round(len(y) / FINE))
    return cv2.resize(row, small, interpolation=cv2.INTER_AREA)


def lift(x: np.ndarray | float) -> np.ndarray | float:
    """Return by how much the row is higher at those millimetres from its middle."""
    return SMILE_LINE * x * x


def fill_behind(
    row: np.ndarray, teeth: tuple[tuple[float, float], ...], x: np.ndarray, y: np.ndarray
) -> None:
    """Paint the gum, and what is between the teeth: lit too, if less; at their edges the dark comes in."""
    widths, heights = np.transpose(teeth)
    height = np.interp(np.abs(x), ARCH * np.sin((np.cumsum(widths) - widths / 2) / ARCH), heights)
    down = y[:, None] + lift(x)[None, :]  # type: ignore[index]
    row[down < 0.94 * height] = (*BETWEEN, 1)
    row[down < 1.2] = (*GUM, 1)


def draw_tooth(
    row: np.ndarray, x: np.ndarray, y: np.ndarray, ends: tuple[float, float], height: float
) -> None:
    """Paint the tooth between those ends, in millimetres along the arch; x counts towards its side."""
    left, right = (
        ARCH * np.sin(min(along / ARCH, np.pi / 2)) for along in (ends[0] + GAP / 2, ends[1] - GAP / 2)
    )
    if right - left < 0.5:  # seen from its side only
        return
    columns = np.flatnonzero((x > left) & (x < right))
    row = row[:, columns[0] : columns[-1] + 1]
    across = (x[columns] - left) / (right - left) * 2 - 1  # -1..1 over the tooth
    down = (y + lift((left + right) / 2)) / height  # 0 at the gum, 1 at the edge
    inside = shape_of(across[None, :], down[:, None])
    row[..., :3] += (enamel(across, down) - row[..., :3]) * inside[..., None]
    row[..., 3] = np.maximum(row[..., 3], inside)


def shape_of(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Return 1 in the tooth, 0 outside: round at the gum, nearly straight at the edge."""
    middle = (down - 0.45) / 0.55
    roundness = np.where(middle < 0, 2.2, 10.0)
    return (np.abs(across) ** 10 + np.abs(middle) ** roundness < 1).astype(np.float32)


def enamel(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Return (rows, columns, 3) RGB: darker to the sides, warmer at the gum, wet where it bulges."""
    bulge = 1 - 0.20 * np.clip(np.abs(across), 0, 1) ** 3
    depth = 0.84 + 0.16 * np.clip(down * 1.6, 0, 1) - 0.08 * np.clip((down - 0.82) / 0.18, 0, 1)
    wet = 0.07 * np.exp(-(((down - 0.52) / 0.16) ** 2))[:, None] * np.exp(-((across / 0.35) ** 2))
    warmth = np.clip(1 - down * 1.4, 0, 1)[:, None, None] * np.array([0, -0.04, -0.09], np.float32)
    return (depth[:, None] * bulge)[..., None] * (ENAMEL + warmth) + wet[..., None].astype(np.float32)
