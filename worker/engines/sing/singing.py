"""When somebody sings, and how loud, whatever the band plays meanwhile.

Tracks are by the hop (h,) or by the stride (g,) of `worker.engines.sing.ears`, levels in dB.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from worker.engines.sing.ears import HOPS_PER_SECOND, NOTHING, STRIDES_PER_SECOND, Heard

QUIET = -55.0  # below full scale: under it nobody sings, whatever the rest of the sound is like
LEAST = QUIET - 20  # all silence is alike

MOVES, MOVES_NOT = -13.0, -18.0  # of moving overtones against the whole: a voice begins; it may end
HOLDS, RESUMES = 0.5, 0.75  # of the way from the band's level to the voice's: a still note holds; begins
CLEAR = 2.0  # from the band's level to the voice's, if still notes are to be told by it
DROP = 3.0  # that a still note may fall while nothing was heard without a voice yet
LONGEST = 6.0  # seconds that a note is believed to be held without any movement
LEARNS = 0.05  # of the way to the present level, at every stride
CALM = 4.0  # strides, standard deviation
EDGE = 3  # strides that a voice may sound before its overtones are seen to move, and after

ALONE = (16.0, 26.0)  # from loud down to what sounds in the breaths: a band plays on in them
BREATHS = 12  # per cent of a voice's time, at least

AROUND = 5.0  # seconds, standard deviation: the band is as loud as it is near by, where nobody sings
OVER = 1.5  # times the band's mean power are taken away, for it is not steady
LEFT = 0.03  # of the power is left at least

HOPS_PER_STRIDE = HOPS_PER_SECOND / STRIDES_PER_SECOND


def singing_of(heard: Heard) -> np.ndarray:
    """Return (h,) 0..1, whether somebody sings or speaks; always 1 if the sound is a voice alone."""
    whole, moving = (gaussian_filter1d(np.maximum(t, LEAST), CALM) for t in (heard.whole, heard.moving))
    level = gaussian_filter1d(np.maximum(heard.level[:, 0], LEAST), CALM / 2 * HOPS_PER_STRIDE)
    hops, strides = np.arange(len(level)), (np.arange(len(whole)) + 0.5) * HOPS_PER_STRIDE - 0.5
    sings = held_on(moving - whole, np.interp(strides, hops, level))
    sings = gaussian_filter1d(maximum_filter1d(sings, 2 * EDGE + 1), EDGE / 2)
    return np.maximum(np.interp(hops, strides, sings), is_alone(heard.level[:, 0]))


def held_on(movement: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return (g,) 0 or 1: a voice begins where overtones move, and ends where they do not and it gets quiet.

    How loud it is with a voice and without is learnt on the way, to know a note that is held dead still.
    """
    sings, seen = np.zeros(len(level)), -np.inf
    voice = band = np.nan
    for index in map(int, np.flatnonzero(level > QUIET)):
        now, was = float(level[index]), bool(index and sings[index - 1])
        if movement[index] > (MOVES_NOT if was else MOVES):
            voice, seen, sings[index] = drawn(voice, now), index, 1
        elif index - seen < LONGEST * STRIDES_PER_SECOND and is_held(now, voice, band, was=was):
            sings[index] = 1
        else:
            band = drawn(band, now)
    return sings


def drawn(mean: float, now: float) -> float:
    return now if np.isnan(mean) else mean + LEARNS * (now - mean)


def is_held(now: float, voice: float, band: float, *, was: bool) -> bool:
    if np.isnan(band):
        return now > voice - DROP
    return voice - band > CLEAR and now > band + (HOLDS if was else RESUMES) * (voice - band)


def is_alone(level: np.ndarray) -> float:
    """Return 0..1, whether the sound is a voice without a band: then it is silent between the words."""
    sounding = np.flatnonzero(level > QUIET)
    if not len(sounding):
        return 1.0
    between = level[sounding[0] : sounding[-1] + 1]
    quiet, loud = np.percentile(between, (BREATHS, 95))
    return float(np.clip((loud - quiet - ALONE[0]) / (ALONE[1] - ALONE[0]), 0, 1))


def without_band(level: np.ndarray, sings: np.ndarray) -> np.ndarray:
    """Return (h, bands) levels less the power of the band, as it is near by where nobody sings."""
    less, rests = np.empty_like(level), 1 - sings
    near = near_by(rests)
    for column, track in zip(less.T, level.T, strict=True):  # one by one: a long sound has many hops
        power = 10 ** (track / 10)
        band = near_by(power * rests) / np.maximum(near, 1e-6) * (near > 0.01)
        column[:] = 10 * np.log10(np.maximum(power - OVER * band, LEFT * power) + NOTHING)
    return less


def near_by(track: np.ndarray) -> np.ndarray:
    return gaussian_filter1d(track, AROUND * HOPS_PER_SECOND, truncate=3)
