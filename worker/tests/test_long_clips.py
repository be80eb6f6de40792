"""What a long clip takes: no more memory than a short one, little disk, and little again after a kill."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.length import killed_run, whole_run
from benchmarks.loops import RATE
from worker.media.segments import SECONDS


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_long_clip_takes_no_more_memory_little_disk_and_little_again_after_a_kill(tmp_path):
    for name in ("short", "long"):
        (tmp_path / name).mkdir()

    short = whole_run("video_swap", 0.5, tmp_path / "short")
    long = killed_run("video_swap", 3, tmp_path / "long")

    print(short, long)
    assert long.whole.frames == 6 * short.frames
    assert long.whole.peak_mib == pytest.approx(short.peak_mib, rel=0.05)
    assert 0 < long.again <= SECONDS * RATE
    assert long.is_same
    assert long.disk < long.disk_limit


PLANNING = """
import numpy as np
from benchmarks.engine import peak_mib
from worker.engines.sing.ears import HOPS_PER_SECOND, STRIDES_PER_SECOND, Heard
from worker.engines.sing.rhythm import rhythm_of
from worker.engines.sing.voice import lips_of

def plan(minutes):
    hops, strides = (round(60 * minutes * rate) + 1 for rate in (HOPS_PER_SECOND, STRIDES_PER_SECOND))
    rng = np.random.default_rng(1)
    level, onset = rng.uniform(-60, -10, (hops, 5)), rng.uniform(0, 1, hops)
    whole, moving = rng.uniform(-60, -10, (2, strides))
    heard = Heard(
        level=level.astype(np.float32),
        whole=whole.astype(np.float32),
        moving=moving.astype(np.float32),
        onset=onset.astype(np.float32),
        samples=round(60 * minutes * 16_000),
    )
    rhythm_of(heard, lips_of(heard, 25).stress, 25)

plan(1)
before = peak_mib()
plan(40)
print(peak_mib() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_the_plan_of_a_long_song_takes_little_more_memory_than_that_of_a_short_one():
    """In a process of its own: what a Fourier transform takes is seen by no Python tool."""
    done = subprocess.run([sys.executable, "-c", PLANNING], capture_output=True, text=True, check=True)

    assert int(done.stdout) < 50  # MiB, of which the song itself is 17
