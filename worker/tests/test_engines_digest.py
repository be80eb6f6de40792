from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from worker.engines import Task
from worker.engines import digest as module
from worker.engines.digest import digest_of
from worker.media import segments


@pytest.fixture
def task(tmp_path: Path) -> Task:
    for name in ("video", "photo", "same video", "another video"):
        (tmp_path / name).write_bytes(name.removeprefix("same ").encode())
    return Task(
        mode="video_swap",
        quality="fast",
        enable_4k=False,
        aspect_ratio="1:1",
        reference_video=tmp_path / "video",
        source_image=tmp_path / "photo",
        driving_audio=None,
        output=tmp_path / "output",
    )


def test_where_files_lie_changes_nothing(task, tmp_path):
    elsewhere = replace(
        task, reference_video=tmp_path / "same video", output=tmp_path / "b", parts=tmp_path / "c"
    )

    assert digest_of(elsewhere) == digest_of(task)


@pytest.mark.parametrize(
    "changed",
    [{"mode": "photo_sing"}, {"quality": "max"}, {"enable_4k": True}, {"aspect_ratio": "9:16"}],
    ids=lambda changed: next(iter(changed)),
)
def test_every_wish_counts(task, changed):
    assert digest_of(replace(task, **changed)) != digest_of(task)


def test_so_does_what_is_in_the_files(task, tmp_path):
    assert digest_of(replace(task, reference_video=tmp_path / "another video")) != digest_of(task)
    assert digest_of(replace(task, driving_audio=tmp_path / "video")) != digest_of(task)


def test_so_does_the_engine(task, monkeypatch):
    before = digest_of(task)

    monkeypatch.setattr(module, "engine", lambda: ["another"])

    assert digest_of(task) != before


def test_so_does_the_length_of_a_segment(task, monkeypatch):
    before = digest_of(task)

    monkeypatch.setattr(segments, "SECONDS", 3.0)

    assert digest_of(task) != before


def test_the_engine_is_its_code_its_networks_and_its_libraries(monkeypatch):
    read, real = [], module.digest_of_file
    monkeypatch.setattr(module, "digest_of_file", lambda path: read.append(path.name) or real(path))

    said = module.engine.__wrapped__()

    assert {"render.py", "smooth.py", "encode.py", "SHA256SUMS"} <= set(read)
    assert not [name for name in read if name.startswith("test_")]
    assert any(word.startswith("av ") for word in said)
