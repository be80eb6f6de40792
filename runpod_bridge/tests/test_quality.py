from __future__ import annotations

import json

import pytest

from runpod_bridge.quality import PAIRS_MOST, metrics_of

GOOD = {
    "frames": 25,
    "swapped": 24,
    "flicker": 1.05,
    "missed": [[0.0, 0.04]],
    "identity": [[0.0, 0.41], [2.0, 0.43]],
    "models": {"mesh_attention": "ab12"},
}


def test_what_has_the_right_form_is_kept():
    assert metrics_of({"metrics": GOOD, "engine": "ours"}) == GOOD | {"engine": "ours"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frames", 1.5),
        ("swapped", -1),
        ("swapped", True),
        ("missed", 5),
        ("missed", [[1.0]]),
        ("missed", [[0.0, "1"]]),
        ("missed", [[0.0, float("nan")]]),
        ("identity", [[0.0, 0.4]] * (PAIRS_MOST + 1)),
        ("identity", {"0": 0.4}),
        ("models", [1, 2]),
        ("models", {"mesh": 5}),
        ("engine", 5),
        ("not a name", 1),
        ("flicker", float("inf")),
    ],
)
def test_what_has_not_is_left_out(name, value):
    assert metrics_of({"metrics": {name: value}}) == {}


@pytest.mark.parametrize("said", [None, [], "text", 5])
def test_metrics_of_another_shape_are_none(said):
    assert metrics_of({"metrics": said}) == {}


def test_texts_are_cut_and_cleaned():
    said = json.loads('{"engine": "a\\u0000b\\ud800' + 200 * "c" + '"}')

    engine = metrics_of(said)["engine"]

    assert engine.startswith("ab?c")
    assert len(engine) < 100
