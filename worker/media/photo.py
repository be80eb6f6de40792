"""Reads a still photo."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from worker.errors import DecodeError

LONGEST_SIDE = 4096  # pixels; no result shows more of a photo


def read_photo(path: Path) -> np.ndarray:
    """Return the photo as (H, W, 3) uint8 RGB, upright by its EXIF tag, at most 4096 pixels a side."""
    stored = np.fromfile(path, np.uint8)
    try:
        image = cv2.imdecode(stored, cv2.IMREAD_COLOR_RGB) if len(stored) else None
    except cv2.error as exc:
        raise DecodeError(f"The image {path.name} cannot be decoded: {exc.err}.") from exc
    if image is None:
        raise DecodeError(f"The file {path.name} is no image that can be decoded.")
    scale = LONGEST_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
