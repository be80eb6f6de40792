from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from worker.media import source as source_module
from worker.media.picture import Picture
from worker.media.resume import pictures_from, place_of
from worker.media.source import open_video
from worker.tests.clipmaking import write_clip

UNEVEN = np.cumsum(np.random.default_rng(3).choice([7, 33, 40, 250], 300)).tolist()


def busy(index: int, width: int, height: int) -> np.ndarray:
    """Return a picture unlike all others, of which a decoder can predict a part."""
    noise = np.random.default_rng(2).integers(0, 255, (height, 2 * width, 3), np.uint8)
    noise[:8] = np.random.default_rng(index).integers(0, 255, (8, 2 * width, 3))
    return noise[:, index % width : index % width + width]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "a.mp4", times=UNEVEN, size=(64, 48), draw=busy)


def read(path: Path) -> list[Picture]:
    with open_video(path) as source:
        return [replace(p, y=p.y.copy(), u=p.u.copy(), v=p.v.copy()) for p in source]


def same(one: Picture, other: Picture) -> bool:
    return one.pts == other.pts and all(map(np.array_equal, one.planes, other.planes))


def assert_same_from(path: Path, at: int, pictures: list[Picture]) -> None:
    place = place_of(pictures[at], at)
    with open_video(path) as source:
        again = list(islice(pictures_from(source, place), 40))
    assert len(again) == min(40, len(pictures) - at)
    assert all(map(same, again, pictures[at:]))


@pytest.mark.parametrize("at", [0, 1, 100, 249, 250, 251, 299])
def test_the_pictures_are_the_same_from_any_place_on(clip, at):
    assert_same_from(clip, at, read(clip))


@pytest.mark.parametrize("at", [40, 251, 290])
def test_a_torn_file_is_come_back_to_as_well(clip, tmp_path, at):
    content = bytearray(clip.read_bytes())
    for place in np.linspace(0.3, 0.95, 5) * len(content):
        content[int(place) : int(place) + 300] = bytes(300)
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(content)

    pictures = read(torn)

    assert_same_from(torn, min(at, len(pictures) - 20), pictures)


def test_where_seeking_leads_elsewhere_all_before_is_read(clip, monkeypatch):
    pictures = read(clip)
    seek = source_module.VideoSource.begin_at
    monkeypatch.setattr(source_module.VideoSource, "begin_at", lambda self, pts: seek(self, pts + 90))

    assert_same_from(clip, 120, pictures)
