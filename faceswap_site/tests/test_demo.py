"""`make demo`, as somebody would type it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from faceswap_site.copies import BASE_DIR
from faceswap_site.demo import PARTS, SAMPLES, Bar, drawn

STAGES = ["queued", "preprocessing", "generating", "packaging", "done"]


def start_demo(data_dir: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "faceswap_site.demo", *arguments],
        cwd=BASE_DIR,
        env={**os.environ, "DATA_DIR": str(data_dir)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def seconds_of(path: Path) -> float:
    with av.open(str(path)) as clip:
        return clip.duration / av.time_base


def pictures(path: Path, indices: list[int]) -> list[np.ndarray]:
    with av.open(str(path)) as clip:
        every = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    return [every[index].astype(int) for index in indices]


def job_at(percent: float | None, *, status: str = "processing", left: float | None = None) -> dict:
    return {"status": status, "stage": "generating", "progress": {"percent": percent, "eta_seconds": left}}


@pytest.mark.slow
@pytest.mark.parametrize("mode", PARTS)
def test_the_demo_ends_with_the_path_of_a_video_that_is_as_long_as_its_sample(mode, tmp_path):
    out = tmp_path / "result.mp4"

    demo = start_demo(tmp_path / "data", "--mode", mode, "--out", str(out))
    said, told = demo.communicate(timeout=300)

    assert demo.returncode == 0, told
    assert said.splitlines()[-1] == str(out)
    stages = [stage for stage in told.splitlines() if stage in STAGES]
    assert stages == sorted(stages, key=STAGES.index)  # A short one may pass between two looks.
    assert {"generating", "done"} <= set(stages)
    with av.open(str(out)) as clip:
        kinds = {stream.type: stream.codec_context.name for stream in clip.streams}
        frame = 1 / clip.streams.video[0].average_rate
    assert kinds == {"video": "h264", "audio": "aac"}
    lead = next(name for field, name in PARTS[mode].items() if field != "source_image")
    assert seconds_of(out) == pytest.approx(seconds_of(SAMPLES / lead), abs=float(frame))


@pytest.mark.slow
def test_the_demos_swap_changes_the_face_and_nothing_else(tmp_path):
    out = tmp_path / "result.mp4"
    demo = start_demo(tmp_path / "data", "--quality", "fast", "--out", str(out))
    demo.communicate(timeout=300)

    before = pictures(SAMPLES / "hopper.mp4", [10, 90, 170])
    after = pictures(out, [10, 90, 170])

    for was, became in zip(before, after, strict=True):
        height, width, _ = was.shape
        face = slice(height * 3 // 10, height // 2), slice(width * 4 // 10, width * 6 // 10)
        floor = slice(height * 8 // 10, height)
        assert np.abs(became[face] - was[face]).mean() > 10
        assert np.abs(became[floor] - was[floor]).mean() < 3


def test_a_demo_that_cannot_start_says_why_and_fails(tmp_path):
    (tmp_path / "data").write_text("a file, not a folder")

    demo = start_demo(tmp_path / "data")
    said, told = demo.communicate(timeout=60)

    assert demo.returncode == 1
    assert said == ""
    assert "The demo failed." in told
    assert str(tmp_path / "data") in told


def test_a_demo_that_is_killed_takes_its_service_along(tmp_path):
    demo = start_demo(tmp_path / "data")
    us = psutil.Process(demo.pid)
    deadline = time.monotonic() + 30
    while len(us.children(recursive=True)) < 6 and time.monotonic() < deadline:
        time.sleep(0.1)
    service = us.children(recursive=True)
    assert len(service) >= 6

    demo.kill()
    demo.communicate()

    _, alive = psutil.wait_procs(service, timeout=10)
    assert not alive


@pytest.mark.parametrize(
    ("job", "full", "words"),
    [
        (job_at(None), 0, "  0 %"),
        (job_at(50.0, left=12.3), 15, "12 s left"),
        (job_at(99.0, status="done"), 30, "100 %"),
    ],
)
def test_the_bar_is_as_full_as_the_job_is_done(job, full, words):
    bar = drawn(job)

    assert bar.count("█") == full
    assert words in bar


def test_without_a_terminal_each_stage_is_told_once():
    out = io.StringIO()
    bar = Bar(out)

    for percent in (1.0, 50.0, 99.0):
        bar.show(job_at(percent))

    assert out.getvalue() == "generating\n"
