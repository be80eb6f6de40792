from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from benchmarks.enlarge import chart, grain, portrait, psnr, there_and_back
from worker.media.enlarge import GAINS, enlarged
from worker.tests.faceclips import HOPPER


@pytest.mark.parametrize("factor", [2, 3])
def test_each_quality_comes_closer_to_the_truth_than_the_one_before(factor):
    truth = portrait(HOPPER)

    fast, balanced, best = (
        psnr(*there_and_back(truth, factor, partial(enlarged, quality=quality))) for quality in GAINS
    )

    assert fast + 0.15 < balanced
    assert balanced + 0.15 < best


@pytest.mark.parametrize("quality", GAINS)
def test_noise_is_not_enlarged(quality):
    assert grain(2, partial(enlarged, quality=quality)) < 0.95


@pytest.mark.parametrize("quality", GAINS)
def test_a_flat_picture_stays_as_it_is(quality):
    flat = np.full((90, 160), 77, np.uint8)

    assert (enlarged(flat, 480, 270, quality) == 77).all()


def test_the_best_quality_makes_no_halos():
    edge = np.full((60, 60), 60, np.uint8)
    edge[:, 30:] = 180

    best, balanced = (enlarged(edge, 180, 180, quality) for quality in ("max", "balanced"))

    overshoot = enlarged(edge, 180, 180, "fast").max() - 180  # of the cubic itself
    assert best.max() - 180 <= overshoot < balanced.max() - 180


def test_every_quality_keeps_the_mean():
    small = chart(200)

    for quality in GAINS:
        assert enlarged(small, 400, 400, quality).mean() == pytest.approx(small.mean(), abs=0.5)


@pytest.mark.parametrize("quality", GAINS)
def test_the_smallest_pictures_can_be_enlarged(quality):
    assert enlarged(np.full((2, 2), 90, np.uint8), 6, 6, quality).shape == (6, 6)
