from __future__ import annotations

import numpy as np
import pytest

from worker.engines.sing.ears import RATE, listen
from worker.engines.sing.voice import lips_of

TIMES = np.arange(4 * RATE) / RATE


def voice(pitch=140.0, formant=None, vibrato=0.02):
    """Return 4 s of a buzz with vibrato; with a formant, its overtones near that frequency stand out."""
    numbers = np.arange(1, 24)
    strength = 1 / numbers
    if formant:
        strength = np.exp(-(((numbers * pitch - formant) / 200) ** 2)) + 0.02
    phase = 2 * np.pi * pitch * np.cumsum(1 + vibrato * np.sin(2 * np.pi * 5.5 * TIMES)) / RATE
    return 0.1 * np.sin(numbers[:, None] * phase).T @ strength


def lips(sound, chunk=1000, rate=25):
    sound = sound.astype(np.float32)
    return lips_of(listen(sound[start : start + chunk] for start in range(0, len(sound), chunk)), rate)


def test_silence_and_faint_noise_keep_the_lips_shut():
    noise = np.random.default_rng(1).normal(0, 3e-4, len(TIMES))

    assert lips(np.zeros(len(TIMES))).opening.max() == 0
    assert lips(noise).opening.max() < 0.05


def test_a_pause_shuts_the_lips():
    sound = voice() * (np.mod(TIMES, 1) < 0.5)

    opening = lips(sound).opening

    assert opening[np.mod(np.arange(100) / 25, 1) < 0.35][2:].mean() > 0.3
    in_pause = np.mod(np.arange(100) / 25 - 0.65, 1) < 0.2
    assert opening[in_pause].max() < 0.05


def test_a_held_note_keeps_the_mouth_open():
    opening = lips(voice()).opening

    assert opening[10:-10].min() > 0.3


@pytest.mark.parametrize("gap", [0.06, 0.09, 0.12])
def test_the_short_gap_of_a_p_shuts_the_lips(gap):
    opening = lips(voice() * (np.abs(TIMES - 2) > gap / 2), rate=30).opening

    assert opening[58:62].min() < 0.4 * opening[50]


def test_the_hum_of_an_m_shuts_them_too():
    hum = np.where(np.abs(TIMES - 2) < 0.05, 0.3, 1)

    opening = lips(voice() * hum * (TIMES < 3), rate=30).opening

    assert opening[58:62].min() < 0.4 * opening[50]


def test_a_voice_alone_may_be_as_monotonous_as_a_machine():
    words = np.mod(TIMES, 1) < 0.6

    opening = lips(voice(vibrato=0) * words, rate=25).opening

    assert opening[np.mod(np.arange(100) / 25, 1) < 0.5].mean() > 0.3


def test_an_s_parts_the_lips_where_a_p_shuts_them():
    gap = np.abs(TIMES - 2) < 0.05
    noise = np.random.default_rng(2).normal(size=len(TIMES))
    hiss = 0.1 * np.convolve(noise, [1, -3, 3, -1], "same")  # high above all

    p, s = (lips(voice() * ~gap + sound * gap, rate=30).opening[58:62].min() for sound in (0, hiss))

    assert p < 0.15 < s < 0.35


def test_open_vowels_open_the_mouth_more_than_close_ones():
    assert lips(voice(formant=800)).opening.mean() > 1.2 * lips(voice(formant=330)).opening.mean()


def test_front_vowels_are_wider_than_round_ones():
    front = TIMES < 2
    sound = np.where(front, voice(formant=2300), voice(formant=400))

    width = lips(sound).width

    assert width[10:40].mean() > width[60:90].mean() + 0.2


@pytest.mark.parametrize("chunk", [37, 160, 5000])
def test_the_size_of_the_chunks_does_not_matter(chunk):
    sound = voice() * np.clip(np.sin(2 * np.pi * 3 * TIMES), 0, 1)

    assert lips(sound, chunk).opening == pytest.approx(lips(sound).opening, abs=1e-4)


@pytest.mark.parametrize("seconds", [0.001, 0.5, 1.37, 3.999])
def test_there_is_a_frame_for_all_of_the_sound(seconds):
    frames = len(lips(voice()[: round(seconds * RATE)], rate=30))

    assert frames == max(1, round(seconds * 30))


def test_no_sound_at_all_is_one_shut_frame():
    still = lips(np.zeros(0))

    assert (len(still), still.opening[0]) == (1, 0)
