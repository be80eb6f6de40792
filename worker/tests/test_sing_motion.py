"""How a head moves by the sound alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from worker.engines.sing.expression import PIVOT
from worker.engines.sing.motion import NOD, Lips, sway, with_breaths
from worker.engines.sing.rhythm import Rhythm, beats_in, phrases_in

RATE = 30
MINUTE = 60 * RATE


def rhythm(stress=None, phrases=(), beats=()):
    stress = np.zeros(MINUTE) if stress is None else stress
    return Rhythm(stress=stress, phrases=np.reshape(phrases, (-1, 2)), beats=np.array(beats))


def pitch_by(**cause):
    """Return (n,) how much farther down the head is because of it, in degrees."""
    return np.degrees((sway(rhythm(**cause), RATE).turn - sway(rhythm(), RATE).turn)[:, 0])


def blinks_of(head):
    return np.flatnonzero((head.blink[1:] > 0.5) & (head.blink[:-1] <= 0.5)) / RATE


def at(seconds):
    return round(seconds * RATE)


def test_the_sway_is_gentle_and_blinks_every_few_seconds():
    head = sway(rhythm(phrases=[(2, 58)]), RATE)

    assert np.degrees(np.abs(head.turn)).max() < 20
    assert np.degrees(np.abs(np.diff(head.turn, axis=0))).max() < 1.5
    assert 12 <= len(blinks_of(head)) <= 30


def test_the_same_song_is_always_moved_to_alike():
    phrases = [(2, 8), (9, 20)]

    assert (sway(rhythm(phrases=phrases), RATE).turn == sway(rhythm(phrases=phrases), RATE).turn).all()


def test_down_is_where_the_feet_are():
    nose = np.array([0.0, 0.5, -0.4]) - PIVOT

    assert Rotation.from_rotvec([NOD, 0, 0]).apply(nose)[1] > nose[1]


def test_the_head_goes_down_on_every_beat_and_up_between():
    pitch = pitch_by(beats=np.arange(5, 50, 0.6))

    on, between = (
        np.array([pitch[at(beat + off)] for beat in np.arange(5, 50, 0.6)]) for off in (0.03, 0.38)
    )
    assert on.min() > 0.4
    assert on[::2].mean() > 1.2
    assert np.abs(between).max() < 0.2


def test_a_stressed_syllable_is_nodded_to_and_lifts_the_brows():
    stress = np.full(MINUTE, 0.3)
    stress[at(20) : at(20.4)] = 1.0

    pitch, brows = pitch_by(stress=stress), sway(rhythm(stress=stress), RATE).brows

    assert pitch[at(20.2)] > 0.7
    assert brows[at(20.2)] > 0.4
    assert brows[: at(18)].max() < 0.01


def test_loud_all_the_time_is_no_stress():
    assert sway(rhythm(stress=np.ones(MINUTE)), RATE).brows.max() < 0.01


def test_the_head_rises_for_a_breath_and_sinks_as_the_phrase_ends():
    song = rhythm(phrases=[(20, 40)])

    heads = [sway(song, RATE, seed) for seed in range(60)]

    pitch = np.degrees(np.mean([head.turn[:, 0] for head in heads], axis=0))  # what does not wander
    assert pitch[at(19.88)] < -1.2
    assert pitch[at(40.4)] > 1.2
    assert np.abs(pitch[at(5) : at(18)]).max() < 0.6
    assert heads[0].brows[at(19.88)] > 0.25


def test_the_lips_part_for_a_breath_before_the_phrase_alone():
    still = Lips(opening=np.zeros(MINUTE), width=np.zeros(MINUTE), stress=np.zeros(MINUTE))

    opening = with_breaths(still, np.array([(20.0, 40.0)]), RATE).opening

    assert 0.1 < opening[at(19.85)] < 0.15
    assert opening[: at(19.4)].max() == opening[at(20.4) :].max() == 0


def test_eyes_blink_as_a_phrase_ends():
    ends = np.arange(4.5, 58, 3.7)

    seen = blinks_of(sway(rhythm(phrases=[(end - 3, end) for end in ends]), RATE))

    near = [np.abs(seen - end - 0.15).min() < 0.15 for end in ends]
    assert np.mean(near) > 0.8


def test_a_head_is_calmer_while_nobody_sings():
    sings, rests = sway(rhythm(phrases=[(0, 60)]), RATE), sway(rhythm(), RATE)

    assert rests.turn[:, 1].std() < 0.7 * sings.turn[:, 1].std()


def test_phrases_are_what_is_sung_in_one_breath():
    stress = np.zeros(10 * RATE)
    for start, end in ((1, 2), (2.2, 3), (4, 4.1), (5, 9)):
        stress[at(start) : at(end)] = 0.8

    phrases = phrases_in(stress, RATE)

    assert phrases == pytest.approx(np.array([(1, 3), (5, 9)]), abs=1 / RATE)


def test_a_phrase_may_begin_and_end_with_the_sound():
    assert phrases_in(np.ones(90), RATE) == pytest.approx(np.array([(0, 3)]))
    assert len(phrases_in(np.zeros(90), RATE)) == 0


def onsets(times, seconds=20, noise=0.05):
    track = np.abs(np.random.default_rng(7).normal(0, noise, seconds * 100))
    for time in times:
        track[round(time * 100) : round(time * 100) + 3] += 1
    return track


@pytest.mark.parametrize("period", [0.35, 0.5, 0.62, 0.8])
def test_the_beat_is_found_at_its_time(period):
    true = np.arange(0.4, 19.5, period)

    beats = beats_in(onsets(true))

    assert len(beats) > 0.9 * len(true)
    assert np.abs(beats[:, None] - true).min(axis=1).max() < 0.05


def test_a_beat_that_slows_down_is_followed():
    true = np.cumsum(np.linspace(0.5, 0.58, 36)) + 0.2

    beats = beats_in(onsets(true, seconds=21))

    assert (np.abs(beats[:, None] - true).min(axis=1) < 0.06).mean() > 0.9


def test_syllables_at_odd_times_are_no_beat():
    times = np.cumsum(np.random.default_rng(8).uniform(0.12, 0.9, 36))

    assert len(beats_in(onsets(times[times < 19.5]))) == 0
    assert len(beats_in(onsets([], noise=0.3))) == 0
    assert len(beats_in(np.zeros(2000))) == 0
    assert len(beats_in(np.zeros(0))) == 0
