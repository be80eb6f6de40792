"""What one frame shows.

Angles are rotation vectors in radians in the head's own axes (x to the image's right, y down, z away
from the camera); lengths are in eye distances (outer corner to outer corner); what is 0..1 is 1 at full.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PIVOT = np.array([0.0, 1.35, 0.8])  # where a head turns: the top of the neck, from between the eyes

EYEBALL = 0.13  # radius


@dataclass(frozen=True, kw_only=True)
class Expression:
    """One frame. `opening` and `width` are the lips', width -1 (rounded) to 1 (wide).

    `gaze` is how far the eyes turn in the head, to the right and down, in radians; `smile`, -1 to 1, counts
    from the portrait's own look; `breath` is how full the chest is.
    """

    opening: float
    width: float
    blink: float
    brows: float
    turn: np.ndarray
    shift: np.ndarray
    zoom: float
    gaze: np.ndarray | tuple[float, float] = (0.0, 0.0)
    smile: float = 0.0
    breath: float = 0.0
