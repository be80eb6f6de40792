"""Measure how well the lips follow a voice: `python -m benchmarks.lips`.

Each row is a song or a speech made by `benchmarks.songs`, whose lips are known. `r` is the correlation of the
opening asked of the lips with the true one, at the lag in frames where it is best (positive: the lips are
late); then shares of frames: `shut` (opening under 0.15) where nobody sings, `open` (over 0.3) in notes held
for a second or more, `closed` (under half of the usual opening) where lips are pressed together. `width r` is
for the width what `r` is for the opening.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np

from benchmarks import songs
from benchmarks.songs import CONTROL, Truth
from worker.engines.sing.ears import listen
from worker.engines.sing.motion import Lips
from worker.engines.sing.voice import lips_of
from worker.media.audio import stereo_chunks

FRAME_RATE = 30
SETTLED = 0.25  # seconds after the last sound from which lips must be shut
LAGS = range(-6, 7)
SHUT, OPEN = 0.15, 0.3


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    sound: np.ndarray
    truth: Truth


def cases() -> Iterator[Case]:
    song, speech = songs.sung(), songs.spoken()
    singer, speaker = songs.voice(song, 30), songs.voice(speech, 20, vibrato=0.05)
    sung, spoken = songs.truth_of(song, 30), songs.truth_of(speech, 20)
    band = songs.band(30)
    yield Case(name="speech", sound=speaker * 0.15, truth=spoken)
    yield Case(
        name="speech over a band, +6 dB",
        sound=songs.mixed(speaker, band[: len(speaker)], voice_over_band=6),
        truth=spoken,
    )
    yield Case(name="song", sound=singer * 0.15, truth=sung)
    straight = songs.voice(song, 30, vibrato=0)
    for louder in (6, 3, 0, -3):
        yield Case(
            name=f"song with band, {louder:+d} dB",
            sound=songs.mixed(singer, band, voice_over_band=louder),
            truth=sung,
        )
    yield Case(
        name="the same at +3 dB without vibrato",
        sound=songs.mixed(straight, band, voice_over_band=3),
        truth=sung,
    )
    for louder in (6, 0):
        mix = songs.mixed(singer, band, voice_over_band=louder)
        yield Case(name=f"the same in mono, {louder:+d} dB", sound=mix.mean(axis=1), truth=sung)
    nobody = songs.truth_of([], 30)
    yield Case(name="band alone", sound=band * 0.15, truth=nobody)


def write(sound: np.ndarray, path: Path) -> Path:
    """Write (n,) or (n, 2) float32 as a wav file."""
    samples = np.rint(np.clip(sound.reshape(len(sound), -1), -1, 1) * 32767).astype(np.int16)
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    with av.open(str(path), "w") as output:
        track = output.add_stream("pcm_s16le", rate=songs.RATE, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = songs.RATE, 0, Fraction(1, songs.RATE)
        output.mux(track.encode(frame))
        output.mux(track.encode(None))
    return path


def heard_lips(path: Path) -> Lips:
    return lips_of(listen(stereo_chunks(path)), FRAME_RATE)


def scores(lips: Lips, truth: Truth) -> dict[str, float]:
    times = (np.arange(len(lips)) + 0.5) / FRAME_RATE

    def at_frames(track: np.ndarray) -> np.ndarray:
        return np.interp(times, (np.arange(len(track)) + 0.5) / CONTROL, track)

    opening, sounding = at_frames(truth.opening), at_frames(truth.sounding) > 0.5
    held, pressed = at_frames(truth.held) > 0.99, at_frames(truth.pressed) > 0.99
    alike = {lag: correlation(opening, np.roll(lips.opening, -lag)) for lag in LAGS}
    lag = max(alike, key=lambda lag: alike[lag])
    usual = np.median(lips.opening[sounding]) if sounding.any() else 1.0
    return {
        "r": alike[lag],
        "lag": lag if sounding.any() else float("nan"),
        "shut": share(lips.opening < SHUT, quiet(sounding)),
        "open": share(lips.opening > OPEN, held),
        "closed": share(np.minimum(lips.opening, np.roll(lips.opening, -1)) < usual / 2, pressed),
        "width r": correlation(at_frames(truth.width)[sounding], lips.width[sounding]),
    }


def quiet(sounding: np.ndarray) -> np.ndarray:
    """Return where nobody has sung for SETTLED seconds, and nobody will so soon."""
    reach = np.ones(2 * round(SETTLED * FRAME_RATE) + 1)
    return np.convolve(sounding, reach, "same") == 0


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    if not len(one) or one.std() == 0 or other.std() == 0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def share(is_so: np.ndarray, where: np.ndarray) -> float:
    return float(is_so[where].mean()) if where.any() else float("nan")


def row(name: str, seen: dict[str, float]) -> str:
    cells = [name] + [
        "" if np.isnan(value) else f"{value:.2f}" if isinstance(value, float) else f"{value:+d}"
        for value in seen.values()
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    with TemporaryDirectory() as folder:
        for index, case in enumerate(cases()):
            path = write(case.sound, Path(folder) / "song.wav")
            seen = scores(heard_lips(path), case.truth)
            if index == 0:
                print(f"| | {' | '.join(seen)} |\n" + "|---" * (len(seen) + 1) + "|")
            print(row(case.name, seen), flush=True)


if __name__ == "__main__":
    main()
