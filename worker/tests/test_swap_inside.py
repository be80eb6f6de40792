from __future__ import annotations

import numpy as np
import pytest

from worker.engines.swap.inside import closing, from_under_the_edge
from worker.engines.swap.render import mixed
from worker.faces import topology
from worker.faces.smooth import Sighting
from worker.faces.track import landmarks_of_photo
from worker.media.picture import from_rgb
from worker.tests.faceclips import ASTRONAUT, HOPPER, portrait
from worker.tests.test_swap_render import face_in, prepared, swap


@pytest.fixture(scope="module")
def neutral() -> np.ndarray:
    return Sighting.of(landmarks_of_photo(portrait(ASTRONAUT))).shape


def shut(shape: np.ndarray, *eyes: tuple[int, int, int, int]) -> np.ndarray:
    """Return the shape with the upper lid of those eyes most of the way down."""
    closed = shape.copy()
    for upper, lower, *_ in eyes:
        closed[upper] += 0.8 * (closed[lower] - closed[upper])
    return closed


def test_open_eyes_are_the_photos(neutral):
    assert closing(neutral, neutral) == pytest.approx([0, 0])


def test_shut_eyes_are_the_videos_own(neutral):
    blink = shut(neutral, topology.LEFT_LIDS, topology.RIGHT_LIDS)

    assert closing(blink, neutral) == pytest.approx([1, 1])


def test_in_a_wink_one_eye_stays_mostly_the_photos(neutral):
    left, right = closing(shut(neutral, topology.LEFT_LIDS), neutral)

    assert left == pytest.approx(1)
    assert right < 0.7


def test_the_teeth_are_the_videos_own():
    image = portrait(ASTRONAUT)
    points = face_in(image).landmarks
    x, y = ((points[topology.UPPER_LIP] + points[topology.LOWER_LIP]) / 2)[:2].astype(int)
    teeth = np.s_[y - 1 : y + 2, x - 6 : x + 7]

    after = swap(image, prepared(HOPPER))

    assert after.y[teeth].mean() == pytest.approx(from_rgb(image).y[teeth].mean(), abs=12)


def test_a_narrow_gap_shows_less_of_the_teeth_and_its_rim_has_no_steps():
    gap = np.zeros((40, 60), np.float32)
    sliver = np.zeros_like(gap)
    gap[10:30, 10:50] = 1
    sliver[19:22, 10:50] = 1

    wide, narrow = (from_under_the_edge(each, 1.5) for each in (gap, sliver))

    assert wide[20, 30] == pytest.approx(1, abs=0.01)
    assert 0.2 < narrow[20, 30] < 0.5
    assert (wide[gap == 0] == 0).all()
    assert np.abs(np.diff(wide, axis=0)).max() < 0.6


def test_a_mix_is_rounded_not_cut_off():
    below, above = np.full((2, 2), 10, np.uint8), np.full((2, 2), 11, np.float32)

    assert (mixed(below, above, np.full((2, 2), 0.6, np.float32)) == 11).all()
    assert (mixed(below, above, np.full((2, 2), 0.4, np.float32)) == 10).all()
