"""Makes songs whose every lip is known: a voice of formants, alone or with a band of chords, bass and drums.

The voice is a sum of overtones under the formants of its vowels (a cascade of two-pole resonances, as in
Klatt, Software for a cascade/parallel formant synthesizer, 1980), with vibrato, and consonants between.
Sounds are (n,) or, in stereo, (n, 2) float32 at RATE; levels are root mean squares over what sounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfilt

RATE = 22_050
CONTROL = 200  # a second: how often pitch, formants and truth are told
OVERTONES = 40

# First three formants in Hz (Peterson and Barney, Control methods used in a study of the vowels, 1952), then
# how far the mouth is open and how wide: 0..1 and -1..1.
VOWELS = {
    "a": ((730, 1090, 2440), 1.0, 0.0),
    "e": ((530, 1840, 2480), 0.6, 0.6),
    "i": ((270, 2290, 3010), 0.35, 1.0),
    "o": ((570, 840, 2410), 0.65, -0.6),
    "u": ((300, 870, 2240), 0.3, -1.0),
    "m": ((250, 1000, 2200), 0.0, 0.0),
}
BANDWIDTHS = (80, 100, 140)  # Hz
# Seconds each consonant takes of its syllable, how far the lips are open, and its sound.
CONSONANTS = {
    "": (0.0, 0.0, ""),
    "p": (0.09, 0.0, "gap"),
    "b": (0.08, 0.0, "gap"),
    "m": (0.09, 0.0, "hum"),
    "s": (0.10, 0.2, "hiss"),
}
DRIFT, DRIFT_TAKES = 0.12, 0.06  # semitones and seconds, standard deviations: nobody holds a pitch dead still
LIPS_TAKE = 0.025  # seconds, standard deviation: how softly the truth goes from one to the next


@dataclass(frozen=True, kw_only=True)
class Syllable:
    """`start` and `seconds` include the consonant, which comes first."""

    start: float
    seconds: float
    pitch: float
    vowel: str
    consonant: str = ""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """At CONTROL: what the lips do; 0 or 1 where a voice sounds, holds a note, and where lips are pressed."""

    opening: np.ndarray
    width: np.ndarray
    sounding: np.ndarray
    held: np.ndarray
    pressed: np.ndarray


def sung(seed: int = 1) -> list[Syllable]:
    """Return 30 s: a rest of 4 s, a verse of half-second notes, a rest, a chorus of held notes, a rest."""
    rng = np.random.default_rng(seed)
    verse = [(4.0 + 4 * line + 0.5 * beat, 0.48) for line in range(3) for beat in range(7)]
    chorus = [(20.0, 1.4), (21.5, 1.4), (23.2, 3.6)]
    return [sung_note(rng, start, seconds, held=seconds > 1) for start, seconds in [*verse, *chorus]]


def sung_note(rng: np.random.Generator, start: float, seconds: float, *, held: bool) -> Syllable:
    pitch = 220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 12]) / 12)
    vowel = rng.choice(list("ao") if held else list("aeiou"))
    return Syllable(
        start=start, seconds=seconds, pitch=pitch, vowel=vowel, consonant=rng.choice(list("pbms"))
    )


def spoken(seed: int = 2) -> list[Syllable]:
    """Return 20 s of phrases of 2.4 s, five syllables a second, at falling pitch, with rests of 0.9 s."""
    rng = np.random.default_rng(seed)
    return [
        Syllable(
            start=0.8 + 3.3 * phrase + 0.2 * beat,
            seconds=0.19,
            pitch=130 - 3 * beat + rng.uniform(-6, 6),
            vowel=rng.choice(list("aeiou")),
            consonant=rng.choice(["p", "b", "m", "s", ""]),
        )
        for phrase in range(6)
        for beat in range(12)
    ]


def truth_of(syllables: list[Syllable], seconds: float) -> Truth:
    tracks = {name: np.zeros(round(seconds * CONTROL)) for name in Truth.__dataclass_fields__}
    for one in syllables:
        gap, gap_opening, sound = CONSONANTS[one.consonant]
        _, opening, width = VOWELS[one.vowel]
        whole, vowel = span(one.start, one.seconds), span(one.start + gap, one.seconds - gap)
        tracks["opening"][whole] = gap_opening
        tracks["opening"][vowel] = opening
        tracks["width"][whole] = width
        tracks["sounding"][whole if sound else vowel] = 1
        tracks["held"][vowel] = one.seconds >= 1
        tracks["pressed"][whole] = one.consonant in ("p", "b", "m")
        tracks["pressed"][vowel] = 0
    for name in ("opening", "width"):
        tracks[name] = gaussian_filter1d(tracks[name], LIPS_TAKE * CONTROL)
    return Truth(**tracks)


def span(start: float, seconds: float) -> slice:
    return slice(round(start * CONTROL), round((start + seconds) * CONTROL))


def voice(syllables: list[Syllable], seconds: float, *, vibrato: float = 0.5, seed: int = 3) -> np.ndarray:
    """Return the voice alone, mono, its vibrato in semitones either way; without it the pitch drifts."""
    rng = np.random.default_rng(seed)
    ticks, sound = round(seconds * CONTROL), np.zeros(round(seconds * RATE))
    pitch, level = np.full(ticks, syllables[0].pitch), np.zeros(ticks)
    formants, hiss = np.tile(np.array(VOWELS["a"][0], float), (ticks, 1)), np.zeros(ticks)
    for one in syllables:
        gap, _, kind = CONSONANTS[one.consonant]
        whole, vowel = span(one.start, one.seconds), span(one.start + gap, one.seconds - gap)
        pitch[whole.start :] = one.pitch
        formants[whole.start :] = VOWELS[one.vowel][0]
        level[vowel] = rng.uniform(0.7, 1)
        if kind == "hum":
            formants[whole.start : vowel.start], level[whole.start : vowel.start] = VOWELS["m"][0], 0.3
        if kind == "hiss":
            hiss[whole.start : vowel.start] = 0.25
        if kind == "gap":
            hiss[vowel.start - 3 : vowel.start] = 0.4  # the burst
    times = np.arange(ticks) / CONTROL
    drift = gaussian_filter1d(rng.normal(size=ticks), DRIFT_TAKES * CONTROL)
    bent = vibrato * np.sin(2 * np.pi * 5.5 * times) + DRIFT * drift / drift.std()
    pitch = gaussian_filter1d(pitch, 5) * 2 ** (bent / 12)
    formants, level = gaussian_filter1d(formants, 5, axis=0), gaussian_filter1d(level, 3)
    sound += overtones(pitch, formants, len(sound)) * at_samples(level, len(sound))
    noise = sosfilt(butter(2, 3500, "high", fs=RATE, output="sos"), rng.normal(size=len(sound)))
    return (sound / loudness(sound) + 0.7 * noise * at_samples(hiss, len(sound))).astype(np.float32)


def overtones(pitch: np.ndarray, formants: np.ndarray, samples: int) -> np.ndarray:
    phase = 2 * np.pi * np.cumsum(at_samples(pitch, samples)) / RATE
    sound = np.zeros(samples)
    for number in range(1, OVERTONES + 1):
        strength = resonance(number * pitch, formants) / number  # a glottis falls by 6 dB an octave
        strength *= number * pitch < 0.45 * RATE
        sound += at_samples(strength, samples) * np.sin(number * phase)
    return sound


def resonance(frequency: np.ndarray, formants: np.ndarray) -> np.ndarray:
    """Return how strongly the mouth lets through each tick's frequency."""
    passed = np.ones(len(frequency))
    for centre, bandwidth in zip(formants.T, BANDWIDTHS, strict=True):
        passed *= centre**2 / np.hypot(centre**2 - frequency**2, bandwidth * frequency)
    return passed


def at_samples(track: np.ndarray, samples: int) -> np.ndarray:
    return np.interp(np.arange(samples) / RATE, np.arange(len(track)) / CONTROL, track)


def loudness(sound: np.ndarray) -> float:
    """Return the root mean square over the half seconds that sound."""
    blocks = sound[: len(sound) // (RATE // 2) * (RATE // 2)].reshape(-1, RATE // 2)
    power = (blocks**2).mean(axis=1)
    return float(np.sqrt(power[power > 0.05 * power.max()].mean()))


def band(seconds: float, *, beats_per_minute: float = 120, seed: int = 4) -> np.ndarray:
    """Return (n, 2): pads and plucked chords to the sides, bass and drums in the middle."""
    rng = np.random.default_rng(seed)
    sound = np.zeros((round(seconds * RATE), 2))
    beat = 60 / beats_per_minute
    for index in range(int(seconds / beat)):
        at = index * beat
        root = 110 * 2 ** ([0, 5, 7, 5][index // 4 % 4] / 12)
        chord = [root * 2 ** (step / 12) for step in (12, 16, 19, 24)]
        if index % 4 == 0:
            for number, pitch in enumerate(chord):
                lay(sound, at, 0.22 * note(pitch, 4 * beat, attack=0.15, decay=9), (-1) ** number * 0.7)
        for half in (0, 0.5):
            pluck = note(rng.choice(chord) * 2, beat, attack=0.004, decay=0.25)
            lay(sound, at + half * beat, 0.5 * pluck, rng.choice([-0.5, 0.5]))
        lay(sound, at, 0.8 * note(root / 2, beat, attack=0.01, decay=0.4), 0.0)
        for drum, when, aside in drums(rng, index, beat):
            lay(sound, at + when, drum, aside)
    return (sound / loudness(sound.mean(axis=1))).astype(np.float32)


def note(pitch: float, seconds: float, *, attack: float, decay: float) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * k * pitch * times) / k**1.3 for k in range(1, 13) if k * pitch < 8000)
    fade = np.clip((seconds - times) / 0.05, 0, 1)
    return wave * np.clip(times / attack, 0, 1) * np.exp(-times / decay) * fade


def drums(rng: np.random.Generator, index: int, beat: float) -> Iterator[tuple[np.ndarray, float, float]]:
    """Yield (sound, seconds after the beat, side): a kick or a snare, and two hats."""
    times = np.arange(RATE // 4) / RATE
    if index % 2 == 0:
        yield (
            1.6
            * np.sin(2 * np.pi * (50 * times + 2.5 * (1 - np.exp(-times / 0.03))))
            * np.exp(-times / 0.09),
            0,
            0,
        )
    else:
        snare = rng.normal(size=len(times)) * 0.7 + np.sin(2 * np.pi * 190 * times)
        yield 0.8 * snare * np.exp(-times / 0.06), 0, 0
    hat = sosfilt(butter(2, 6000, "high", fs=RATE, output="sos"), rng.normal(size=len(times)))
    for when in (0, 0.5 * beat):
        yield 0.4 * hat * np.exp(-times / 0.03), when, 0.3


def lay(sound: np.ndarray, start: float, part: np.ndarray, aside: float) -> None:
    """Add the part, in place, at equal power: `aside` is -1 for the left to 1 for the right."""
    first = round(start * RATE)
    part = part[: len(sound) - first]
    angle = (aside + 1) * np.pi / 4
    sound[first : first + len(part)] += part[:, None] * np.sqrt(2) * (np.cos(angle), np.sin(angle))


def mixed(voice: np.ndarray, band: np.ndarray, *, voice_over_band: float, peak: float = 0.8) -> np.ndarray:
    """Return the voice in the middle of the band, so many dB louder than it."""
    both = voice[:, None] * 10 ** (voice_over_band / 20) + band
    return (both * (peak / np.abs(both).max())).astype(np.float32)
