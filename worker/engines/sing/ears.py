"""Hears a sound through, in blocks of four seconds, and keeps a few levels of every moment.

A voice is told from its accompaniment by two habits. It stands in the middle of a stereo picture, and its
pitch is never still: vibrato, glides and drift move its overtones, while those of keys and strings stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d, median_filter, minimum_filter1d, uniform_filter1d

RATE = 16_000
HOP = RATE // 100
HOPS_PER_SECOND = RATE // HOP
STRIDE = 512  # samples between two looks at the pitch
STRIDES_PER_SECOND = RATE / STRIDE

BLOCK = 400 * HOP  # samples heard at once: 125 strides
AROUND = 32 * HOP  # and as many on either side that its edges depend on: 10 strides

# Hz. The voice as a whole; then where close vowels, open vowels and front vowels have their energy, and "s".
BANDS = {
    "voice": (180, 3400),
    "close": (200, 480),
    "open": (550, 1100),
    "front": (1700, 3000),
    "hiss": (4000, 7600),
}
PITCHED = (200, 3400)  # Hz: overtones that are looked at for movement

SHORT, LONG = 512, 2048  # samples a look lasts: to tell syllables apart, and to tell overtones apart
MIDDLE = 1.0  # how strictly what stands aside is left out
STILL = 7  # strides, a little more than one swing of a vibrato: what is there all the while stays still
NOISE = 21  # frequencies: what stands no higher than its surroundings is no overtone
CLEARLY = 3.0  # in power, how far an overtone stands above noise or what was there anyway
NOTHING = 1e-10  # the power of silence: -100 dB


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A sound by the hop and by the stride; levels in dB below full scale.

    `level` (h, 5): per band of BANDS, what stands in the middle. `whole` and `moving` (g,): all of PITCHED,
    and those overtones that move. `onset` (h,) 0 or more: how much suddenly begins. `samples`: the length.
    """

    level: np.ndarray
    whole: np.ndarray
    moving: np.ndarray
    onset: np.ndarray
    samples: int

    @property
    def seconds(self) -> float:
        return self.samples / RATE


def listen(chunks: Iterable[np.ndarray]) -> Heard:
    """Hear a sound through: chunks of (n,) or (n, 2) float32 at RATE, of any lengths."""
    samples = 0
    parts: list[tuple[np.ndarray, ...]] = []
    for block, fresh in blocks(chunks):
        samples += fresh
        parts.append(heard_block(block, fresh))
    level, whole, moving, onset = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Heard(level=level, whole=whole, moving=moving, onset=onset, samples=samples)


def blocks(chunks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, int]]:
    """Yield (AROUND + BLOCK + AROUND, 2) middle and side, and how many samples of the BLOCK there are."""
    waiting = np.zeros((AROUND, 2), np.float32)
    for chunk in chunks:
        waiting = np.concatenate([waiting, middle_and_side(chunk)])
        while len(waiting) >= BLOCK + 2 * AROUND:
            yield waiting[: BLOCK + 2 * AROUND], BLOCK
            waiting = waiting[BLOCK:]
    while True:
        fresh = min(BLOCK, len(waiting) - AROUND)
        yield np.pad(waiting, ((0, max(0, BLOCK + 2 * AROUND - len(waiting))), (0, 0))), fresh
        if len(waiting) <= BLOCK + AROUND:
            return
        waiting = waiting[BLOCK:]


def middle_and_side(chunk: np.ndarray) -> np.ndarray:
    if chunk.ndim == 1:
        return np.stack([chunk, np.zeros_like(chunk)], axis=1)
    left, right = chunk.T
    return np.stack([(left + right) / 2, (left - right) / 2], axis=1)


def heard_block(block: np.ndarray, fresh: int) -> tuple[np.ndarray, ...]:
    """Return level, whole, moving and onset of the block's own hops and strides, as far as they are fresh."""
    level, onset = heard_short(block)
    whole, moving = heard_long(block)
    hops = slice(AROUND // HOP, AROUND // HOP - (-fresh // HOP))
    strides = slice(AROUND // STRIDE, AROUND // STRIDE - (-fresh // STRIDE))
    return level[hops], whole[strides], moving[strides], onset[hops]


def heard_short(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    everything, aside = (powers(block[:, side], SHORT, HOP) for side in (0, 1))
    centred = everything * in_the_middle(everything, aside)
    level = np.stack([centred[:, bins(band, SHORT)].sum(axis=1) for band in BANDS.values()], axis=1)
    loud = np.log10(everything + 1e-7)
    rise = np.maximum(np.diff(loud, axis=0, prepend=loud[:1]), 0).mean(axis=1)
    return decibels(level), rise.astype(np.float32)


def heard_long(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pitched = bins(PITCHED, LONG)
    power = powers(block[:, 0], LONG, STRIDE)[:, pitched]
    noise = median_filter(power, (1, NOISE))
    # A morphological opening: what lasts for STILL stays, from its very beginning to its end.
    still = maximum_filter1d(minimum_filter1d(power, STILL, axis=0), STILL, axis=0)
    moving = np.maximum(power - CLEARLY * np.maximum(noise, still), 0)
    return decibels(power.sum(axis=1)), decibels(moving.sum(axis=1))


def powers(sound: np.ndarray, window: int, step: int) -> np.ndarray:
    """Return (n, window // 2 + 1) power round the middle of every step; a sine adds up to its mean square."""
    edge = (window - step) // 2
    padded = np.pad(sound, (edge, window))
    shape = np.hanning(window + 1)[:-1].astype(np.float32)
    looks = np.lib.stride_tricks.sliding_window_view(padded, window)[::step][: len(sound) // step]
    spectrum = np.fft.rfft(looks * shape, axis=1)
    # Half of each amplitude is at the negative frequency, and a Hann window spreads 1.5 times its power.
    return (spectrum.real**2 + spectrum.imag**2) * (2 / 1.5 / (0.5 * window) ** 2)


def in_the_middle(middle: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Return 0..1 per look and frequency: 1 where all stands in the middle, 0 where it stands aside."""
    middle, side = (uniform_filter1d(uniform_filter1d(part, 5, axis=0), 3, axis=1) for part in (middle, side))
    # The filter's running sum leaves a trace of what was loud, which may be under 0.
    middle, side = np.maximum(middle, 0), np.maximum(side, 0)
    return np.clip(1 - MIDDLE * np.sqrt(side / (middle + NOTHING)), 0, 1) ** 2


def bins(band: tuple[int, int], window: int) -> slice:
    low, high = band
    return slice(-(-low * window // RATE), high * window // RATE + 1)


def decibels(power: np.ndarray) -> np.ndarray:
    return (10 * np.log10(power + NOTHING)).astype(np.float32)
