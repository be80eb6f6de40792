"""The curve by which one thing gives way to another."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

Number = TypeVar("Number", float, np.ndarray)


def smoothstep(x: Number, start: float, end: float) -> Number:
    """Return 0 up to `start`, 1 from `end` on, and a smooth rise between; arrays or numbers."""
    t = np.clip((x - start) / (end - start), 0, 1)
    return t * t * (3 - 2 * t)
