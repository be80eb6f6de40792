"""How the head and the face move, frame by frame.

Units are those of `worker.engines.sing.expression`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from worker.engines.sing.expression import Expression
from worker.engines.sing.rhythm import Rhythm
from worker.memory import storable

BLINK = np.array([0.35, 0.85, 1.0, 0.85, 0.5, 0.2])  # how far the lids are shut, every 33 ms
BLINK_STEP = 1 / 30
BLINK_EVERY = (2.0, 4.8)  # seconds, least and most; people blink as a phrase ends rather than in it
BLINK_AFTER = 0.15  # seconds from the end of a phrase to a blink

# Idle sway: what moves: (how slowly, in seconds; how far, as standard deviation).
SWAY_TURN = {"pitch": (0.7, np.radians(1.4)), "yaw": (0.9, np.radians(3.6)), "roll": (1.0, np.radians(1.6))}
SWAY_SHIFT = {"x": (1.1, 0.018), "y": (0.9, 0.012)}
AT_REST = 0.6  # of that while nobody sings
WAKES = 0.5  # seconds, standard deviation, to go from one to the other

LOOKS_BACK = 0.8  # how much of a turn of the head the eyes make up for, to keep looking at the viewer
LOOKS_FAR = np.array([0.25, 0.2])  # radians, sideways and up or down: no farther than so

NOD = np.radians(2.2)  # how far the head goes down on a stressed syllable

WEAK_BEAT = 0.4  # of a strong one; every other is weak
BREATH_OPENS, BREATH_LIFTS = 0.14, 0.3  # the lips, and the brows
BROWS = 2.0  # how far they go up per loudness above what is usual near by
STRESS, USUAL = 0.12, 0.8  # seconds, standard deviation: a stress, and what is usual


@dataclass(frozen=True, kw_only=True)
class Swell:
    """A movement of the head by `down` radians: seconds from its cause, from rest to there, and back."""

    down: float
    delay: float
    rise: float
    fall: float


BEAT = Swell(down=np.radians(1.5), delay=0.03, rise=0.13, fall=0.27)
SETTLE = Swell(down=np.radians(1.8), delay=0.40, rise=0.40, fall=0.90)  # as a phrase ends
BREATH = Swell(down=-np.radians(1.7), delay=-0.12, rise=0.40, fall=0.45)  # before a phrase begins


@storable
@dataclass(frozen=True, kw_only=True)
class Lips:
    """The lips of n frames: `opening` (n,) 0..1, `width` (n,) -1..1, `stress` (n,) 0..1."""

    opening: np.ndarray
    width: np.ndarray
    stress: np.ndarray

    def __len__(self) -> int:
        return len(self.opening)


@storable
@dataclass(frozen=True, kw_only=True)
class Head:
    """The rest of n frames: `turn` (n, 3), `shift` (n, 2), `zoom`, `blink` and `brows` (n,).

    `gaze` (n, 2): without it, the eyes keep looking at the viewer. `smile` and `breath` (n,): without, none.
    """

    turn: np.ndarray
    shift: np.ndarray
    zoom: np.ndarray
    blink: np.ndarray
    brows: np.ndarray
    gaze: np.ndarray | None = None
    smile: np.ndarray | None = None
    breath: np.ndarray | None = None

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
            gaze=looking_back(self.turn[index]) if self.gaze is None else self.gaze[index],
            smile=0.0 if self.smile is None else float(self.smile[index]),
            breath=0.0 if self.breath is None else float(self.breath[index]),
        )


def looking_back(turn: np.ndarray) -> np.ndarray:
    """Return the (2,) gaze of eyes that keep looking at the viewer while the head turns."""
    pitch, yaw, _ = turn
    return LOOKS_BACK * np.clip([np.sin(yaw), -np.sin(pitch)], -LOOKS_FAR, LOOKS_FAR)


def sway(rhythm: Rhythm, rate: float, seed: int = 3) -> Head:
    """Return a head that moves as people do while they sing.

    It sways, less at rest; nods on stress and beat; rises for a breath and sinks as a phrase ends; blinks.
    """
    rng = np.random.default_rng(seed)
    n = len(rhythm.stress)
    alive = liveliness(rhythm.phrases, n, rate)
    breath = swells(rhythm.phrases[:, 0], BREATH, n, rate)

    def wander(slowness: float, spread: float) -> np.ndarray:
        return alive * spread * unit_noise(rng, n, slowness * rate)

    pitch, yaw, roll = (wander(*SWAY_TURN[name]) for name in ("pitch", "yaw", "roll"))
    pitch += NOD * prominence(rhythm.stress, rate) + BREATH.down * breath
    pitch += SETTLE.down * swells(rhythm.phrases[:, 1], SETTLE, n, rate)
    pitch += BEAT.down * swells(rhythm.beats, BEAT, n, rate, weak=WEAK_BEAT)
    return Head(
        turn=np.stack([pitch, yaw, roll], axis=1),
        shift=np.stack([wander(*SWAY_SHIFT["x"]), wander(*SWAY_SHIFT["y"])], axis=1),
        zoom=np.ones(n),
        blink=blinks(rng, n, rate, rests=list(rhythm.phrases[:, 1] + BLINK_AFTER)),
        brows=np.clip(BROWS * prominence(rhythm.stress, rate) + BREATH_LIFTS * breath, 0, 1),
        breath=breath,
    )


def with_breaths(lips: Lips, phrases: np.ndarray, rate: float) -> Lips:
    """Return the lips, parted for a breath before each phrase."""
    breath = BREATH_OPENS * swells(phrases[:, 0], BREATH, len(lips), rate)
    return replace(lips, opening=np.maximum(lips.opening, breath))


def liveliness(phrases: np.ndarray, n: int, rate: float) -> np.ndarray:
    """Return (n,) AT_REST between phrases to 1 within."""
    times = np.arange(n) / rate
    within = np.searchsorted(phrases.ravel(), times, side="right") % 2
    return AT_REST + (1 - AT_REST) * gaussian_filter1d(within.astype(float), WAKES * rate)


def prominence(stress: np.ndarray, rate: float) -> np.ndarray:
    """Return (n,) 0..1: how much louder it is than usual near by."""
    usual = gaussian_filter1d(stress, USUAL * rate)
    return np.clip(gaussian_filter1d(stress, STRESS * rate) - usual, 0, 1)


def swells(times: np.ndarray, shape: Swell, n: int, rate: float, *, weak: float = 1.0) -> np.ndarray:
    """Return (n,) 0..1 that swells at each time, at every other one only to `weak`."""
    track, frames = np.zeros(n), np.arange(n) / rate
    for index, time in enumerate(times + shape.delay):
        near = slice(*np.searchsorted(frames, (time - shape.rise, time + shape.fall)))
        away = frames[near] - time
        swell = np.cos(np.pi / 2 * away / np.where(away < 0, shape.rise, shape.fall)) ** 2
        track[near] = np.maximum(track[near], swell * (weak if index % 2 else 1))
    return track


def unit_noise(rng: np.random.Generator, n: int, smoothness: float) -> np.ndarray:
    """Return (n,) smooth noise with mean square 1 over a long run."""
    reach = int(4 * smoothness) + 1
    smooth = gaussian_filter1d(rng.normal(size=n + 2 * reach), smoothness)[reach : reach + n]
    # White noise under a Gaussian of that width keeps 1 / (2 sqrt(pi) width) of its variance.
    return smooth * np.sqrt(2 * np.sqrt(np.pi) * smoothness)


def blinks(rng: np.random.Generator, n: int, rate: float, rests: Sequence[float] = ()) -> np.ndarray:
    """Return (n,) how far the lids are shut, at irregular times; at `rests`, in seconds, where one is due."""
    shut = np.zeros(n)
    times = np.arange(n) / rate
    at = 1.1
    while at < n / rate:
        steps = np.arange(len(BLINK) + 2) * BLINK_STEP + at
        nearby = slice(int(at * rate), int((at + 0.4) * rate) + 2)
        one = np.interp(times[nearby], steps, np.concatenate([[0], BLINK, [0]]))
        shut[nearby] = np.maximum(shut[nearby], one)
        due = (rest for rest in rests if at + BLINK_EVERY[0] < rest < at + BLINK_EVERY[1])
        at = next(due, at + rng.uniform(*BLINK_EVERY))
    return shut
