"""The service describes every kind of footage as a player shows it."""

from __future__ import annotations

import pytest
from PIL import Image

from assets.errors import UnreadableMedia
from assets.probe import Question, probe
from worker.tests.corpus import CORNER, CORPUS, LAMP_OFF, MARK, write

PROBED = {name: clip for name, clip in CORPUS.items() if clip.harm is None}
GREYED = {"grey"}
NOT_SDR = {"HDR as HLG", "HDR as PQ", "BT.2020"}  # the thumbnail shows them paler than they are


def question(path, name) -> Question:
    return Question(
        path=str(path),
        kind="video",
        name=name,
        max_seconds=60,
        max_pixels=1_000_000,
        thumbnail=str(path.with_suffix(".jpg")),
    )


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Ask about all clips in one process: each needs a second to start."""
    folder = tmp_path_factory.mktemp("footage")
    paths = {name: folder / f"{number}.{clip.suffix}" for number, (name, clip) in enumerate(CORPUS.items())}
    questions = [question(write(CORPUS[name], path), name) for name, path in paths.items()]
    facts = probe(questions, timeout=120)
    pictures = [path.with_suffix(".jpg") for path in paths.values()]
    return dict(zip(paths, zip(facts, pictures, strict=True), strict=True))


@pytest.mark.parametrize("name", PROBED)
def test_footage_is_described_as_it_is_seen(answers, name):
    clip, (facts, _) = CORPUS[name], answers[name]

    assert (facts.width, facts.height) == clip.size
    end = float(clip.seen[-1] + clip.last_ticks * clip.tick)
    sound_end = max((voice.end for voice in clip.voices), default=0)
    assert end - 0.01 <= facts.seconds <= max(end, sound_end) + 0.03  # Matroska tells the longest track's
    assert facts.has_sound == bool(clip.voices)


@pytest.mark.parametrize("name", [name for name in PROBED if name not in NOT_SDR | GREYED])
def test_a_thumbnail_is_upright(answers, name):
    _, path = answers[name]

    with Image.open(path) as picture:
        inside = CORNER // 2
        mark = picture.getpixel((inside, inside))
        lamp = picture.getpixel((picture.width - inside, inside))
    assert mark == pytest.approx(MARK, abs=24)
    assert lamp == pytest.approx((LAMP_OFF,) * 3, abs=24)


def test_a_torn_end_is_told(answers):
    refusal, _ = answers["torn end"]

    assert isinstance(refusal, UnreadableMedia)
    assert "cut short" in str(refusal)
