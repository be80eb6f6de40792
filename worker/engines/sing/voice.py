"""What the lips do to a sound: how far they open and how wide they are, from loudness and colour.

The sound is heard in hops of 10 ms. Only four numbers a hop are kept, so an hour takes some ten megabytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, percentile_filter
from scipy.signal import butter, sosfilt, sosfilt_zi

from worker.engines.sing.motion import Lips

RATE = 16_000
HOP = RATE // 100
HOPS_PER_SECOND = RATE // HOP

# Hz. The voice as a whole; then where close vowels, open vowels and front vowels have their energy.
BANDS = {"voice": (180, 3400), "close": (200, 480), "open": (550, 1100), "front": (1700, 3000)}

QUIET = -52.0  # dB below full scale: under it nobody sings, whatever the rest of the sound is like
RANGE = 34.0  # dB from the loud parts down to where the lips meet
LEAST_RANGE = 14.0  # dB that always open the lips, so that a long held note does not close them
STEADY = 6.0  # seconds: what sounds on for as long is accompaniment
LEAD = 0.02  # seconds by which lips come before their sound
SOFTEN = 2.0  # hops, standard deviation: lips have mass


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A sound by the hop: `level` (h, 4) in dB per band of BANDS, and its length in samples."""

    level: np.ndarray
    samples: int

    @property
    def seconds(self) -> float:
        return self.samples / RATE


def listen(chunks: Iterable[np.ndarray]) -> Heard:
    """Hear a sound through: chunks of (n,) float32 at RATE."""
    filters = [BandFilter(*BANDS[name]) for name in BANDS]
    levels, rest, samples = [], np.zeros(0, np.float32), 0
    for chunk in chunks:
        samples += len(chunk)
        sound = np.concatenate([rest, chunk])
        whole = len(sound) // HOP * HOP
        rest = sound[whole:]
        if whole:
            levels.append(hop_levels(filters, sound[:whole]))
    if len(rest):
        levels.append(hop_levels(filters, np.pad(rest, (0, HOP - len(rest)))))
    level = np.concatenate(levels) if levels else np.zeros((0, len(BANDS)), np.float32)
    return Heard(level=level, samples=samples)


class BandFilter:
    """A second-order Butterworth band pass that goes on where the last chunk ended."""

    def __init__(self, low: float, high: float) -> None:
        self._sections = butter(2, [low, high], "band", fs=RATE, output="sos")
        self._state = sosfilt_zi(self._sections) * 0

    def __call__(self, sound: np.ndarray) -> np.ndarray:
        passed, self._state = sosfilt(self._sections, sound, zi=self._state)
        return passed


def hop_levels(filters: list[BandFilter], sound: np.ndarray) -> np.ndarray:
    """Return (hops, bands) root mean square levels in dB below full scale."""
    power = [np.square(passed(sound)).reshape(-1, HOP).mean(axis=1) for passed in filters]
    return (10 * np.log10(np.stack(power, axis=1) + 1e-10)).astype(np.float32)


def lips_of(heard: Heard, rate: float) -> Lips:
    """Return the lips for every frame at `rate` that the sound lasts, rounded to the nearest frame."""
    frames = max(1, round(heard.seconds * rate))
    if not len(heard.level):
        return Lips(opening=np.zeros(frames), width=np.zeros(frames), stress=np.zeros(frames))
    loudness = loudness_of(heard.level[:, 0])
    tracks = opening_of(loudness, heard.level), width_of(loudness, heard.level), loudness
    opening, width, stress = (at_frames(track, frames, rate) for track in tracks)
    return Lips(opening=opening, width=width, stress=stress)


def loudness_of(level: np.ndarray) -> np.ndarray:
    """Return (h,) 0..1: 0 in silence and at the level of a steady accompaniment, 1 in loud parts."""
    loud = np.percentile(level, 95)
    steady = percentile_filter(level, 10, int(STEADY * HOPS_PER_SECOND), mode="nearest") + 2
    floor = np.clip(steady, loud - RANGE, loud - LEAST_RANGE)
    relative = np.clip((level - floor) / (loud - floor), 0, 1)
    return relative * np.clip((level - QUIET) / 6, 0, 1)


def opening_of(loudness: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return (h,) 0..1: loudness, with syllables set apart, less for close vowels and hums."""
    vowel = np.clip((level[:, 2] - level[:, 1] + 14) / 20, 0, 1)  # 0 for "oo" and "mm", 1 for "ah"
    open_ = loudness**1.1 * (0.55 + 0.45 * gaussian_filter1d(vowel, 3))
    apart = open_ + 0.5 * (open_ - gaussian_filter1d(open_, 15))
    return np.clip(gaussian_filter1d(apart, SOFTEN), 0, 1)


def width_of(loudness: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return (h,) -1..1 from the balance of high against low: wide for "ee", round for "oo"."""
    colour = gaussian_filter1d(level[:, 3] - np.maximum(level[:, 1], level[:, 2]), 4)
    sounding = loudness > 0.35
    if not sounding.any():
        return np.zeros(len(loudness))
    usual, spread = np.median(colour[sounding]), colour[sounding].std() + 1e-3
    relative = np.clip((colour - usual) / spread * 0.35, -0.8, 0.6)
    return gaussian_filter1d(relative * np.clip(loudness * 2, 0, 1), 3)


def at_frames(track: np.ndarray, frames: int, rate: float) -> np.ndarray:
    """Return the track of hops at each frame's time."""
    times = (np.arange(frames) + 0.5) / rate + LEAD
    hops = (np.arange(len(track)) + 0.5) / HOPS_PER_SECOND
    return np.interp(times, hops, track)
