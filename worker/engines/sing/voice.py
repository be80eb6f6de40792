"""What the lips do to a sound: how far they open and how wide they are, from loudness and colour.

No words are known, so any language and wordless singing work alike. Tracks are by the hop of
`worker.engines.sing.ears`, (h,), levels in dB.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, grey_closing, percentile_filter

from worker.engines.sing.ears import HOPS_PER_SECOND, Heard
from worker.engines.sing.motion import Lips
from worker.engines.sing.singing import QUIET, singing_of, without_band

RANGE = 34.0  # from the loud parts down to where the lips meet
LEAST_RANGE = 14.0  # that always open the lips, so that a long held note does not close them
STEADY = 6.0  # seconds: what sounds on for as long is noise

SOFTEN = 1.5  # hops, standard deviation: lips have mass
PRESSED = 16  # hops: the longest gap that "p", "b" or "m" make
DIP = (3.0, 8.0)  # of such a gap, from where lips begin to close to where they touch
SIBILANT = 0.18  # how far the lips part for an "s"
HISS = (-6.0, 2.0)  # against the voice: from where it is none to where it is one for sure


def lips_of(heard: Heard, rate: float) -> Lips:
    """Return the lips for every frame at `rate` that the sound lasts, rounded to the nearest frame."""
    frames = max(1, round(heard.seconds * rate))
    if not len(heard.level):
        return Lips(opening=np.zeros(frames), width=np.zeros(frames), stress=np.zeros(frames))
    sings = singing_of(heard)
    level = without_band(heard.level, sings)
    loudness = loudness_of(level[:, 0], sings)
    tracks = opening_of(loudness, level), width_of(loudness, level), loudness
    opening, width, stress = (at_frames(track, frames, rate) for track in tracks)
    return Lips(opening=opening, width=width, stress=stress)


def loudness_of(level: np.ndarray, sings: np.ndarray) -> np.ndarray:
    """Return (h,) 0..1: 0 in silence and at the level of a steady noise, 1 in loud parts of the singing."""
    sung = level[sings > 0.5]
    loud = np.percentile(sung if len(sung) else level, 95)
    steady = percentile_filter(level, 10, int(STEADY * HOPS_PER_SECOND), mode="nearest") + 2
    floor = np.clip(steady, loud - RANGE, loud - LEAST_RANGE)
    relative = np.clip((level - floor) / (loud - floor), 0, 1)
    return relative * np.clip((level - QUIET) / 6, 0, 1) * sings


def opening_of(loudness: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return (h,) 0..1: loudness, syllables set apart, less for close vowels and "s", none for "p", "m"."""
    voice, close, open_, _, hiss = level.T
    vowel = np.clip((open_ - close + 14) / 20, 0, 1)  # 0 for "oo" and "mm", 1 for "ah"
    opened = loudness**1.1 * (0.55 + 0.45 * gaussian_filter1d(vowel, 3))
    apart = opened + 0.5 * (opened - gaussian_filter1d(opened, 15))
    sibilant = ramp(hiss - voice, HISS)
    narrowed = apart * (1 - np.maximum(pressed(voice), sibilant))
    parted = SIBILANT * sibilant * loudness_near(loudness)
    return np.clip(gaussian_filter1d(np.maximum(narrowed, parted), SOFTEN), 0, 1)


def loudness_near(loudness: np.ndarray) -> np.ndarray:
    """Return the loudness of the vowels round a consonant."""
    return grey_closing(loudness, 2 * PRESSED)


def pressed(voice: np.ndarray) -> np.ndarray:
    """Return (h,) 0..1: how far a short gap in the voice shuts the lips."""
    return ramp(grey_closing(voice, PRESSED) - voice, DIP)


def width_of(loudness: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return (h,) -1..1 from the balance of high against low: wide for "ee", round for "oo"."""
    colour = gaussian_filter1d(level[:, 3] - np.maximum(level[:, 1], level[:, 2]), 4)
    sounding = loudness > 0.35
    if not sounding.any():
        return np.zeros(len(loudness))
    usual, spread = np.median(colour[sounding]), colour[sounding].std() + 1e-3
    relative = np.clip((colour - usual) / spread * 0.35, -0.8, 0.6)
    return gaussian_filter1d(relative * np.clip(loudness * 2, 0, 1), 3)


def ramp(track: np.ndarray, between: tuple[float, float]) -> np.ndarray:
    """Return 0 below the first, 1 above the second, and a straight way from one to the other."""
    low, high = between
    return np.clip((track - low) / (high - low), 0, 1)


def at_frames(track: np.ndarray, frames: int, rate: float) -> np.ndarray:
    """Return the track of hops at the middle of each frame's time."""
    times = (np.arange(frames) + 0.5) / rate
    hops = (np.arange(len(track)) + 0.5) / HOPS_PER_SECOND
    return np.interp(times, hops, track)
