"""A voice in a band: songs made by code, whose every lip is known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from benchmarks import songs
from benchmarks.lips import heard_lips, scores, write
from worker.engines.sing.ears import BLOCK, HOP, RATE, STRIDE, listen

SECONDS = 30
SONG = songs.sung()


@cache
def singer(vibrato=0.5):
    return songs.voice(SONG, SECONDS, vibrato=vibrato)


@cache
def band():
    return songs.band(SECONDS)


@pytest.fixture
def scored(tmp_path):
    """Return a function that scores the lips of a sound against the song."""

    def score(sound, song=SONG):
        lips = heard_lips(write(sound, tmp_path / "song.wav"))
        return scores(lips, songs.truth_of(song, SECONDS))

    return score


@pytest.mark.parametrize("louder", [6, 0])
@pytest.mark.parametrize("channels", ["stereo", "mono"])
def test_lips_follow_the_voice_and_not_the_band(scored, louder, channels):
    mix = songs.mixed(singer(), band(), voice_over_band=louder)

    seen = scored(mix if channels == "stereo" else mix.mean(axis=1))

    assert seen["r"] > 0.8
    assert abs(seen["lag"]) <= 1
    assert seen["shut"] > 0.9
    assert seen["open"] > 0.9
    assert seen["closed"] > 0.6


def test_a_quieter_voice_is_found_by_its_place_in_the_middle(scored):
    seen = scored(songs.mixed(singer(), band(), voice_over_band=-3))

    assert seen["r"] > 0.76
    assert seen["open"] > 0.95


def test_a_note_held_without_vibrato_stays_open(scored):
    seen = scored(songs.mixed(singer(vibrato=0), band(), voice_over_band=3))

    assert seen["open"] > 0.9
    assert seen["shut"] > 0.9


def test_a_band_alone_keeps_the_mouth_shut(scored):
    assert scored(0.15 * band(), song=[])["shut"] > 0.95


def test_the_voice_alone_is_followed_closely(scored):
    seen = scored(0.15 * singer())

    assert seen["r"] > 0.9
    assert seen["open"] == seen["shut"] == 1
    assert seen["width r"] > 0.7


@pytest.mark.parametrize("samples", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 12_345])
def test_all_of_a_sound_is_heard_however_it_comes(samples):
    sound = np.random.default_rng(5).normal(0, 0.1, (samples, 2)).astype(np.float32)

    with np.errstate(invalid="raise"):
        whole = listen([sound])
        parts = listen(np.array_split(sound, 17))

    assert whole.samples == parts.samples == samples
    assert len(whole.level) == -(-samples * 100 // RATE)
    assert (whole.level == parts.level).all()
    assert (whole.moving == parts.moving).all()


def test_what_is_heard_does_not_change_at_the_edges_of_blocks():
    sound = np.random.default_rng(6).normal(0, 0.1, 3 * BLOCK).astype(np.float32)

    later = 24 * 2560  # a whole number of hops and of strides, but not of blocks

    early, late = listen([sound]), listen([sound[later:]])

    hops, strides = later // HOP, later // STRIDE
    around = slice(40, -40)
    assert early.level[hops:][around] == pytest.approx(late.level[around], abs=0.01)
    assert early.moving[strides:][around] == pytest.approx(late.moving[around], abs=0.01)


def test_levels_are_those_of_the_sound():
    second = np.arange(RATE) / RATE

    level = listen([0.5 * np.sin(2 * np.pi * 1000 * second).astype(np.float32)]).level

    assert level[50, 0] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.2)
    assert level[50, 1] < -60
