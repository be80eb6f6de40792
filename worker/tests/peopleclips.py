"""Pictures of two people who move, cut out of the sample portraits, for the tests of who is who.

Each drawing function takes (index, width, height), as `write_clip` asks; faces sway by a few pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from worker.tests.faceclips import ASTRONAUT, HOPPER, plain_grey, portrait

PAIR = (480, 270)  # width, height
FACES = {ASTRONAUT: ((223, 120), 109), HOPPER: ((267, 215), 203)}  # middle and height in the portraits
ROOM = 1.45  # face heights kept on every side of a face's middle


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A portrait with the middle of its face at (x, y), `size` pixels high."""

    who: Path
    x: float
    y: float
    size: float


def scene(actors: list[Actor], width: int, height: int) -> np.ndarray:
    """Return the actors before a plain wall, the last in front."""
    picture = plain_grey(0, width, height)
    for actor in actors:
        picture = pasted(picture, actor)
    return picture


def pasted(picture: np.ndarray, actor: Actor) -> np.ndarray:
    (x, y), size = FACES[actor.who]
    zoom = actor.size / size
    matrix = np.float32([[zoom, 0, actor.x - zoom * x], [0, zoom, actor.y - zoom * y]])
    whole = picture.shape[1::-1]
    moved = cv2.warpAffine(
        portrait(actor.who), matrix, whole, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    reach = np.array([ROOM * 0.62, ROOM]) * actor.size
    low = np.maximum((np.array([actor.x, actor.y]) - reach).astype(int), 0)
    high = np.maximum((np.array([actor.x, actor.y]) + reach).astype(int), 0)
    out = picture.copy()
    out[low[1] : high[1], low[0] : high[0]] = moved[low[1] : high[1], low[0] : high[0]]
    return out


def sway(index: int) -> float:
    return 6 * np.sin(index / 5)


def astronaut(x: float, y: float = 140, size: float = 90) -> Actor:
    return Actor(who=ASTRONAUT, x=x, y=y, size=size)


def hopper(x: float, y: float = 140, size: float = 80) -> Actor:
    return Actor(who=HOPPER, x=x, y=y, size=size)


def side_by_side(index: int, width: int, height: int) -> np.ndarray:
    """Return the astronaut left and the admiral right."""
    return scene([astronaut(120 + sway(index)), hopper(350 - sway(index))], width, height)


def places_swapped_over_a_cut(index: int, width: int, height: int) -> np.ndarray:
    """Return the two side by side; from picture 12 on each stands where the other was."""
    if index < 12:
        return side_by_side(index, width, height)
    return scene([hopper(120 + sway(index)), astronaut(350 - sway(index))], width, height)


def one_leaves_and_comes_back_smaller(index: int, width: int, height: int) -> np.ndarray:
    """Return both; the astronaut is gone from picture 8 to 19, then back, smaller than the admiral."""
    rear = hopper(350 - sway(index))
    if index < 8:
        return scene([rear, astronaut(120 + sway(index))], width, height)
    if index < 20:
        return scene([rear], width, height)
    return scene([rear, astronaut(150 + sway(index), size=62)], width, height)


def crossing(index: int, width: int, height: int) -> np.ndarray:
    """Return the admiral going right, in front of the astronaut, who goes left: they meet at picture 15."""
    return scene([astronaut(345 - 7 * index), hopper(135 + 7 * index, size=92)], width, height)
