"""Draws a tongue as seen from the front, its back at the top, its tip at the bottom."""

from __future__ import annotations

import cv2
import numpy as np

FLESH = np.array([180, 97, 91], np.float32)  # RGB in plain daylight
SIZE = 96  # pixels a side: it has no detail that wants more


def draw_tongue() -> np.ndarray:
    """Return (SIZE, SIZE, 4) float32: RGB 0..255 as lit from the front and above, and cover 0..1."""
    across = np.linspace(-1, 1, SIZE, dtype=np.float32)[None, :]
    down = np.linspace(0, 1, SIZE, dtype=np.float32)[:, None]
    # Round at the back, rounder at the tip, and turned away from the light along its sides.
    outline = np.abs(across / 0.9) ** 2.4 + np.abs((down - 0.5) / 0.46) ** 2.6
    cover = np.clip((1 - outline) / 0.30, 0, 1)
    crown = np.sqrt(np.clip(1 - (across / 1.05) ** 2, 0, 1))
    depth = 0.30 + 0.70 * np.clip(down / 0.75, 0, 1) ** 1.2
    tip = 1 - 0.30 * np.clip((down - 0.72) / 0.28, 0, 1) ** 1.5
    groove = 1 - 0.13 * np.exp(-((across / 0.11) ** 2)) * np.sin(np.pi * np.clip(down, 0, 0.9) / 0.9)
    light = (0.45 + 0.55 * crown) * depth * tip * groove
    tongue = np.empty((SIZE, SIZE, 4), np.float32)
    tongue[..., :3] = FLESH * (light * grain())[..., None] + 26 * wet(across, down)[..., None]
    tongue[..., 3] = cv2.GaussianBlur(cover * cover * (3 - 2 * cover), (0, 0), 1.5)
    return tongue


def grain() -> np.ndarray:
    """Return (SIZE, SIZE) about 1: the same little bumps on every tongue."""
    noise = np.random.default_rng(1).standard_normal((SIZE, SIZE)).astype(np.float32)
    return 1 + 0.16 * cv2.GaussianBlur(noise, (0, 0), 1.6)


def wet(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Return 0..1: where the light is mirrored, on both sides of the groove."""
    return np.exp(-(((np.abs(across) - 0.30) / 0.16) ** 2) - ((down - 0.66) / 0.09) ** 2)
