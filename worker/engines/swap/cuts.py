"""Notice where a clip cuts to another scene.

A cut is where the change is far more than from any other picture nearby to its next. So a flash, which
changes as much again when it ends, is none, nor is a fade or a fast pan, in which every picture changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from worker.faces.moment import Moment
from worker.media.picture import Picture
from worker.memory import Kept, Remembers

GLANCE = (32, 18)  # pixels: too coarse for a moving person to matter
BEFORE, AFTER = 3, 3  # pictures on either side; a flash is shorter
ROWS = 8  # of a plane, at least, tell about one of a glance; to read them all would take as long as decoding
NO_COLOUR = 128  # of Cb and Cr
CONTRAST, MOST_GAIN = 40.0, 3.0  # levels of luma, standard deviation; beyond that gain there is mostly noise
CHANGE = 9.0  # levels: the least that tells two scenes apart
SPIKE = 2.5  # times the largest change from one picture to the next nearby


def glance(picture: Picture) -> np.ndarray:
    """Return the picture's coarse Y, Cb, Cr as (18, 32, 3) float32, as if evenly bright and contrasty."""
    planes = [
        cv2.resize(plane[:: row_step(plane)], GLANCE, interpolation=cv2.INTER_AREA)
        for plane in picture.planes
    ]
    coarse = cv2.merge(planes).astype(np.float32)
    coarse -= (coarse[..., 0].mean(), NO_COLOUR, NO_COLOUR)
    return coarse * min(CONTRAST / (coarse[..., 0].std() + 1), MOST_GAIN)


def row_step(plane: np.ndarray) -> int:
    return max(1, plane.shape[0] // (ROWS * GLANCE[1]))


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Return how unlike two glances are, in levels: luma and chroma together."""
    return float(np.abs(one - other).mean(axis=(0, 1)).sum())


def is_cut(before: list[np.ndarray], after: list[np.ndarray]) -> bool:
    """Return whether the first glance of `after` begins another scene; both are in the order of time."""
    if not before:
        return False
    here = apart(before[-1], after[0])
    if here < CHANGE:
        return False
    steps = [apart(*pair) for side in (before, after) for pair in pairwise(side)]
    return here > SPIKE * max(steps, default=0.0)


@dataclass(kw_only=True)
class CutState:
    """`before`: the glances of the pictures gone by, `ahead`: what was taken and not yet given."""

    before: list[np.ndarray] = field(default_factory=list)
    ahead: list[tuple[Moment[Any], np.ndarray]] = field(default_factory=list)


class CutWatch(Remembers):
    """Marks the moments that begin a scene; each is given when the few after it are known."""

    def __init__(self) -> None:
        self.state = CutState()

    def put_aside(self) -> Kept:
        """What waits is taken again by whoever goes on."""
        return {"before": list(self.state.before)}

    def take_up(self, kept: Kept) -> None:
        self.state = CutState(before=kept["before"])

    def run(self, moments: Iterable[Moment[Any]]) -> Iterator[Moment[Any]]:
        for moment in moments:
            self.state.ahead.append((moment, glance(moment.picture)))
            if len(self.state.ahead) == AFTER:
                yield self.give()
        while self.state.ahead:
            yield self.give()

    def give(self) -> Moment[Any]:
        state = self.state
        after = [seen for _, seen in state.ahead]
        moment, here = state.ahead.pop(0)
        marked = replace(moment, is_cut=is_cut(state.before, after))
        state.before = [] if marked.is_cut else state.before
        state.before = [*state.before, here][-BEFORE:]
        return marked
