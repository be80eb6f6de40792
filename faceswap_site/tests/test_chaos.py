"""A few deaths at work, each found and mended; `make chaos` knows all of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from faceswap_site.copies import BASE_DIR

pytestmark = pytest.mark.slow


def test_jobs_survive_a_hung_queue_a_dead_supervisor_and_a_machine_without_power():
    kinds = ["outputs: idle worker", "supervisor", "machine"]
    command = [sys.executable, "-m", "benchmarks.chaos", "--jobs", "9", "--seed", "1", "--only", *kinds]

    ended = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, timeout=400)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert all(f"| {kind} | 1 |" in ended.stdout for kind in kinds)
