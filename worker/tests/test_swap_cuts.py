from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from worker.engines.swap.cuts import CutWatch
from worker.faces.moment import Moment
from worker.media.source import open_video
from worker.tests.clipmaking import write_clip
from worker.tests.faceclips import ASTRONAUT, HOPPER, portrait
from worker.tests.peopleclips import PAIR, astronaut, hopper, places_swapped_over_a_cut, scene, side_by_side

CUT = 12
PICTURES = 30


def cuts_in(folder: Path, draw: Callable) -> list[int]:
    """Return the numbers of the pictures that begin a scene, as seen in a real file."""
    clip = write_clip(folder / "in.mp4", times=range(0, 40 * PICTURES, 40), size=PAIR, draw=draw)
    with open_video(clip) as source:
        moments = [Moment(index=index, picture=picture) for index, picture in enumerate(source)]
    marked = list(CutWatch().run(moments))
    assert [moment.index for moment in marked] == list(range(PICTURES))
    return [moment.index for moment in marked if moment.is_cut]


def closer(index: int, width: int, height: int) -> np.ndarray:
    """Cut from both people to the left one alone, before the same wall."""
    if index < CUT:
        return side_by_side(index, width, height)
    return scene([astronaut(240, size=120)], width, height)


def from_one_to_the_other(index: int, width: int, height: int) -> np.ndarray:
    return scene([astronaut(240) if index < CUT else hopper(240)], width, height)


def jump_cut(index: int, width: int, height: int) -> np.ndarray:
    return scene([astronaut(240) if index < CUT else astronaut(285, size=105)], width, height)


def there_and_back(index: int, width: int, height: int) -> np.ndarray:
    here = CUT <= index < CUT + 8
    return scene([hopper(180)] if here else [astronaut(300 + index)], width, height)


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (closer, [CUT]),
        (from_one_to_the_other, [CUT]),
        (places_swapped_over_a_cut, [CUT]),
        (jump_cut, [CUT]),
        (there_and_back, [CUT, CUT + 8]),
    ],
    ids=["closer", "another person", "places swapped", "jump cut", "there and back"],
)
def test_a_cut_is_seen_even_before_the_same_wall(tmp_path, draw, expected):
    assert cuts_in(tmp_path, draw) == expected


def flash(index: int, width: int, height: int) -> np.ndarray:
    picture = side_by_side(index, width, height).astype(float)
    lamp = np.exp(-((np.arange(width) - 150) ** 2) / 20_000)[None, :, None]
    return np.clip(picture + (200 * lamp if index in (CUT, CUT + 1) else 0), 0, 255).astype(np.uint8)


def lights_out(index: int, width: int, height: int) -> np.ndarray:
    return side_by_side(index, width, height) // (1 if index < CUT else 2)


def fade_through_black(index: int, width: int, height: int) -> np.ndarray:
    picture = (side_by_side if index < 15 else from_one_to_the_other)(index, width, height)
    return (picture * min(1, abs(index - 15) / 8)).astype(np.uint8)


def dissolve(index: int, width: int, height: int) -> np.ndarray:
    share = np.clip((index - 8) / 12, 0, 1)
    one, other = (cv2.resize(portrait(path), (width, height)) for path in (ASTRONAUT, HOPPER))
    return ((1 - share) * one + share * other).astype(np.uint8)


def fast_pan(index: int, width: int, height: int) -> np.ndarray:
    wide = np.hstack([portrait(ASTRONAUT)[:height], cv2.resize(portrait(HOPPER), (700, height))])
    left = int(np.clip((index - 8) * 40, 0, wide.shape[1] - width))
    return np.ascontiguousarray(wide[:, left : left + width])


def wild_movement(index: int, width: int, height: int) -> np.ndarray:
    return scene([hopper(240 + 110 * np.sin(index / 2), size=110)], width, height)


def starts_moving_at_once(index: int, width: int, height: int) -> np.ndarray:
    return scene([astronaut(240 if index < CUT else 246)], width, height)


@pytest.mark.parametrize(
    "draw",
    [
        starts_moving_at_once,
        side_by_side,
        flash,
        lights_out,
        fade_through_black,
        dissolve,
        fast_pan,
        wild_movement,
    ],
)
def test_what_is_no_cut_is_not_taken_for_one(tmp_path, draw):
    assert cuts_in(tmp_path, draw) == []
