from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from worker.engines.sing.reference import (
    blinks_in,
    follow_reference,
    limited,
    to_and_fro,
    turns_from_usual,
)
from worker.tests.samples import TINY


@pytest.fixture
def lids():
    """Return 10 s of an eye's opening, a third of its width, as trembling landmarks say it."""
    return 0.33 + np.random.default_rng(4).normal(0, 0.008, 300)


@pytest.mark.parametrize("depth", [0.3, 0.5, 0.72], ids=["deep", "usual", "barely seen"])
def test_a_blink_is_seen_however_much_the_mesh_shows_of_it(lids, depth):
    lids[100:106] *= depth
    lids[200:206] *= depth

    blink = blinks_in(lids)

    assert blink[101:105].min() > 0.6
    assert np.delete(blink, [*range(98, 108), *range(198, 208)]).mean() < 0.05


def test_eyes_that_stay_open_do_not_blink(lids):
    assert blinks_in(lids).max() < 0.3


def test_turns_count_from_the_mean_one():
    rotations = Rotation.from_rotvec(np.random.default_rng(0).normal((0.1, 0.4, 0), 0.2, (50, 3)))

    turns = turns_from_usual(rotations.as_rotvec())

    assert turns == pytest.approx((rotations.mean().inv() * rotations).as_rotvec(), abs=1e-9)


def test_a_tracked_clip_keeps_its_motion_within_what_a_photo_can_show():
    seen = []

    reference = follow_reference(TINY, lambda done, total: seen.append((done, total)))

    assert seen == [(done, 45) for done in range(1, 46)]
    assert reference.seconds == pytest.approx(1.5)
    assert len(reference.times) == 45
    assert np.abs(reference.head.turn).max() < 0.36
    assert reference.lips.opening.max() > 0.5


def test_a_limit_bends_and_does_not_break():
    track = np.linspace(-2, 2, 101)

    bent = limited(track, 0.3)

    assert np.abs(bent).max() < 0.3
    assert (np.diff(bent) > 0).all()
    assert bent[49:52] == pytest.approx(track[49:52], rel=0.03)


def test_a_short_reference_runs_to_and_fro():
    assert to_and_fro(np.array([0.0, 1.0, 2.0, 2.5, 4.0, 4.5]), 2.0) == pytest.approx([0, 1, 2, 1.5, 0, 0.5])


@pytest.mark.parametrize(("looks_per_second", "looks"), [(np.inf, 45), (15, 23), (12, 23), (30, 45)])
def test_a_reference_is_looked_at_no_oftener_than_asked(looks_per_second, looks):
    reference = follow_reference(TINY, lambda done, total: None, looks_per_second=looks_per_second)

    assert len(reference.times) == looks
    assert reference.seconds == pytest.approx(1.5)


def test_a_reference_is_followed_no_longer_than_the_sound():
    reference = follow_reference(TINY, lambda done, total: None, until=0.5)

    assert reference.times[-1] == pytest.approx(0.5)
