from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

MODELS = Path(__file__).parent.parent / "models"
SUMS = dict(reversed(line.split()) for line in (MODELS / "SHA256SUMS").read_text().splitlines())


@pytest.mark.parametrize("name", SUMS)
def test_a_shipped_file_is_the_one_that_was_recorded(name):
    assert hashlib.sha256((MODELS / name).read_bytes()).hexdigest() == SUMS[name]


def test_every_shipped_network_is_recorded():
    assert {path.name for path in MODELS.glob("*.onnx")} <= set(SUMS)
