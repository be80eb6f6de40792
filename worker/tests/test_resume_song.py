"""A photo_sing that is killed in a later segment, and the rest of it made by another."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.engines import Task, make
from worker.engines.sing import plan
from worker.media import segments
from worker.tests.clipmaking import tone, write_voice
from worker.tests.samples import ASTRONAUT, TINY

LEAST = 10  # frames of a segment


class Killed(BaseException):
    pass


@pytest.fixture
def song(tmp_path: Path, monkeypatch):
    """Return a function that makes a song in `parts`, killed at a frame or whole, and returns its path."""
    monkeypatch.setattr(segments, "SECONDS", 0.2)
    voice = write_voice(tmp_path / "voice.wav", tone(1.3), codec="pcm_s16le")

    def sing(name: str, *, killed_at: int | None = None, parts: Path | None = None) -> tuple[list, Path]:
        told = []

        def progress(stage: str, done: int, total: int | None) -> None:
            told.append((stage, done))
            if (stage, done) == ("generating", killed_at):
                raise Killed

        task = Task(
            mode="photo_sing",
            quality="fast",
            enable_4k=False,
            aspect_ratio="1:1",
            reference_video=TINY,
            source_image=ASTRONAUT,
            driving_audio=voice,
            output=tmp_path / name,
            parts=parts,
        )
        make(task, progress)
        return told, task.output

    return sing


def test_a_killed_song_goes_on_where_it_was(tmp_path, song, monkeypatch):
    _, whole = song("whole.mp4")
    parts = tmp_path / "parts"
    parts.mkdir()
    with pytest.raises(Killed):
        song("never.mp4", killed_at=2 * LEAST + 7, parts=parts)
    monkeypatch.setattr(plan, "follow_reference", None)  # it was followed; that can take minutes

    told, resumed = song("resumed.mp4", parts=parts)

    generating = [done for stage, done in told if stage == "generating"]
    assert generating == list(range(2 * LEAST, 33))
    assert resumed.read_bytes() == whole.read_bytes()
