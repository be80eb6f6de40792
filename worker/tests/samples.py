"""The sample files, for tests."""

from __future__ import annotations

from pathlib import Path

SAMPLES = Path(__file__).parent.parent / "samples"
ASTRONAUT = SAMPLES / "astronaut.png"
HOPPER = SAMPLES / "grace_hopper.jpg"
TINY = SAMPLES / "tiny.mp4"
