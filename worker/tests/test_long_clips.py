"""What a long clip takes: no more memory than a short one, little disk, and little again after a kill."""

from __future__ import annotations

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
    assert long.whole.peak_mib <= 1.05 * short.peak_mib
    assert 0 < long.again <= SECONDS * RATE
    assert long.is_same
    assert long.disk < long.disk_limit
