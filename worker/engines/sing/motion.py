"""How the head and the face move, frame by frame.

Angles are rotation vectors in radians in the head's own axes (x to the image's right, y down, z away
from the camera); lengths are in eye distances (outer corner to outer corner); what is 0..1 is 1 at full.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

PIVOT = np.array([0.0, 1.35, 0.8])  # where a head turns: the top of the neck, from between the eyes

BLINK = np.array([0.35, 0.85, 1.0, 0.85, 0.5, 0.2])  # how far the lids are shut, every 33 ms
BLINK_STEP = 1 / 30
BLINK_EVERY = (2.0, 4.8)  # seconds, least and most

# Idle sway: what moves: (how slowly, in seconds; how far, as standard deviation).
SWAY_TURN = {"pitch": (0.7, np.radians(1.4)), "yaw": (0.9, np.radians(3.6)), "roll": (1.0, np.radians(1.6))}
SWAY_SHIFT = {"x": (1.1, 0.018), "y": (0.9, 0.012)}
NOD = np.radians(2.2)  # how far the head goes down on a stressed syllable


@dataclass(frozen=True, kw_only=True)
class Expression:
    """One frame. `opening` and `width` are the lips', width -1 (rounded) to 1 (wide)."""

    opening: float
    width: float
    blink: float
    brows: float
    turn: np.ndarray
    shift: np.ndarray
    zoom: float


@dataclass(frozen=True, kw_only=True)
class Lips:
    """The lips of n frames: `opening` (n,) 0..1, `width` (n,) -1..1, `stress` (n,) 0..1."""

    opening: np.ndarray
    width: np.ndarray
    stress: np.ndarray

    def __len__(self) -> int:
        return len(self.opening)


@dataclass(frozen=True, kw_only=True)
class Head:
    """The rest of n frames: `turn` (n, 3), `shift` (n, 2), `zoom`, `blink` and `brows` (n,)."""

    turn: np.ndarray
    shift: np.ndarray
    zoom: np.ndarray
    blink: np.ndarray
    brows: np.ndarray

    def __len__(self) -> int:
        return len(self.zoom)

    def with_lips(self, lips: Lips, index: int) -> Expression:
        return Expression(
            opening=float(lips.opening[index]),
            width=float(lips.width[index]),
            blink=float(self.blink[index]),
            brows=float(self.brows[index]),
            turn=self.turn[index],
            shift=self.shift[index],
            zoom=float(self.zoom[index]),
        )


def sway(stress: np.ndarray, rate: float, seed: int = 3) -> Head:
    """Return a head that moves as people do while they sing: it sways, nods on stress, and blinks."""
    rng = np.random.default_rng(seed)
    n = len(stress)

    def wander(slowness: float, spread: float) -> np.ndarray:
        return spread * unit_noise(rng, n, slowness * rate)

    pitch, yaw, roll = (wander(*SWAY_TURN[name]) for name in ("pitch", "yaw", "roll"))
    beat = gaussian_filter1d(stress, 0.18 * rate)
    pitch = pitch - NOD * (beat - beat.mean())
    return Head(
        turn=np.stack([pitch, yaw, roll], axis=1),
        shift=np.stack([wander(*SWAY_SHIFT["x"]), wander(*SWAY_SHIFT["y"])], axis=1),
        zoom=np.ones(n),
        blink=blinks(rng, n, rate),
        brows=np.clip(gaussian_filter1d(stress, 0.12 * rate) - 0.5, 0, 1) * 1.3,
    )


def unit_noise(rng: np.random.Generator, n: int, smoothness: float) -> np.ndarray:
    """Return (n,) smooth noise with mean square 1 over a long run."""
    reach = int(4 * smoothness) + 1
    smooth = gaussian_filter1d(rng.normal(size=n + 2 * reach), smoothness)[reach : reach + n]
    # White noise under a Gaussian of that width keeps 1 / (2 sqrt(pi) width) of its variance.
    return smooth * np.sqrt(2 * np.sqrt(np.pi) * smoothness)


def blinks(rng: np.random.Generator, n: int, rate: float) -> np.ndarray:
    """Return (n,) how far the lids are shut, at irregular times."""
    shut = np.zeros(n)
    times = np.arange(n) / rate
    at = 1.1
    while at < n / rate:
        steps = np.arange(len(BLINK) + 2) * BLINK_STEP + at
        nearby = slice(int(at * rate), int((at + 0.4) * rate) + 2)
        one = np.interp(times[nearby], steps, np.concatenate([[0], BLINK, [0]]))
        shut[nearby] = np.maximum(shut[nearby], one)
        at += rng.uniform(*BLINK_EVERY)
    return shut
