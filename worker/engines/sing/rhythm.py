"""Where phrases begin and end, and where the beat falls, so that a head can move as if it knew the song."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_closing, gaussian_filter1d

from worker.engines.sing.ears import HOPS_PER_SECOND, Heard

SOUNDS = 0.12  # of the loudness: from there on somebody sings
BREATH = 0.35  # seconds: a shorter pause does not end a phrase
WORD = 0.25  # seconds: what is shorter is no phrase

PERIODS = (0.3, 1.5)  # seconds from beat to beat, least and most
USUAL_PERIOD, SPREAD_OCTAVES = 0.5, 0.9  # people tap at some 120 a minute, if the music leaves the choice
STEADINESS = 0.4  # least correlation of the onsets with themselves a beat later: even steady speech has less
TIGHTNESS = 100.0  # how much a beat that comes early or late is worth avoiding
FAINT = 0.3  # of the usual beat: the first and the last are heard
ONSET_AROUND = 0.4  # seconds, standard deviation: an onset stands out of what is near by


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """A song of n frames: `stress` (n,) 0..1; in seconds, `phrases` (k, 2) from and to, and `beats` (m,)."""

    stress: np.ndarray
    phrases: np.ndarray
    beats: np.ndarray


def rhythm_of(heard: Heard, stress: np.ndarray, rate: float) -> Rhythm:
    return Rhythm(stress=stress, phrases=phrases_in(stress, rate), beats=beats_in(heard.onset))


def phrases_in(stress: np.ndarray, rate: float) -> np.ndarray:
    """Return (k, 2) seconds from and to, of what is sung in one breath."""
    reach = round(BREATH * rate)
    sounds = np.pad(stress > SOUNDS, reach + 1)
    edges = np.flatnonzero(np.diff(binary_closing(sounds, np.ones(reach)).astype(int)))
    phrases = (edges.reshape(-1, 2) - reach) / rate
    return phrases[np.diff(phrases, axis=1)[:, 0] >= WORD]


def beats_in(onset: np.ndarray) -> np.ndarray:
    """Return (m,) seconds of the beats in (h,) onsets by the hop; none where there is no steady beat.

    The best path through the onsets in steps of about a period:
    Ellis, Beat tracking by dynamic programming, 2007.
    """
    if not len(onset):
        return np.zeros(0)
    sharp = np.maximum(onset - gaussian_filter1d(onset, ONSET_AROUND * HOPS_PER_SECOND), 0)
    strength = gaussian_filter1d(sharp / (sharp.std() + 1e-9), 2)
    period = period_of(strength)
    if period is None:
        return np.zeros(0)
    path = best_path(strength, period)
    heard = np.flatnonzero(strength[path] > FAINT * np.median(strength[path]))
    return path[heard[0] : heard[-1] + 1] / HOPS_PER_SECOND  # not on before the music and after it


def period_of(strength: np.ndarray) -> int | None:
    """Return hops from beat to beat, None if nothing comes back steadily."""
    least, most = (round(period * HOPS_PER_SECOND) for period in PERIODS)
    if len(strength) < 4 * most:
        return None
    centred = strength - strength.mean()
    alike = np.array([(centred[lag:] * centred[: len(centred) - lag]).sum() for lag in range(most + 1)])
    if alike[0] <= 0:
        return None
    lags = np.arange(least, most + 1)
    octaves = np.log2(lags / HOPS_PER_SECOND / USUAL_PERIOD)
    best = int(lags[np.argmax(alike[lags] * np.exp(-0.5 * (octaves / SPREAD_OCTAVES) ** 2))])
    return best if alike[best] > STEADINESS * alike[0] else None


def best_path(strength: np.ndarray, period: int) -> np.ndarray:
    """Return the hops that are strong and about one period apart."""
    steps = np.arange(-2 * period, -period // 2)
    cost = TIGHTNESS * np.log(-steps / period) ** 2
    score, before = strength.copy(), np.full(len(strength), -1)
    for hop in range(2 * period, len(strength)):
        ways = score[hop + steps] - cost
        best = int(np.argmax(ways))
        if ways[best] > 0:
            score[hop] += ways[best]
            before[hop] = hop + steps[best]
    path = [int(np.argmax(score[-period:])) + len(score) - period]
    while before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])
