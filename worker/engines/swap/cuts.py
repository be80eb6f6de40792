"""Notice where a clip cuts to another scene."""

from __future__ import annotations

import cv2
import numpy as np

GLANCE = (32, 18)  # pixels: too coarse for a moving person to matter
CHANGE = 26.0  # levels of luma, in the mean: more than any camera pans in one frame


class CutWatch:
    def __init__(self) -> None:
        self.last: np.ndarray | None = None

    def sees(self, luma: np.ndarray) -> bool:
        """Return whether this picture, (H, W) uint8, begins another scene than the one before."""
        glance = cv2.resize(luma, GLANCE, interpolation=cv2.INTER_AREA).astype(np.int16)
        last, self.last = self.last, glance
        return last is not None and float(np.abs(glance - last).mean()) > CHANGE
