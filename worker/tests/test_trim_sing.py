"""A song of a part: of its sound, or of the video whose sound it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from worker.engines import Task, make
from worker.engines.sing.plan import planned, voice_of
from worker.errors import NoAudio
from worker.media.audio import mono_chunks
from worker.tests.clipmaking import RATE, write_clip, write_voice
from worker.tests.faceclips import moving_face
from worker.tests.samples import ASTRONAUT, TINY
from worker.wire import Trim

TIMES = np.arange(2 * RATE) / RATE
RISING = (0.5 * np.sin(2 * np.pi * (300 * TIMES + 200 * TIMES**2))).astype(np.float32)


def task_of(folder: Path, **asked) -> Task:
    given = {"reference_video": None, "driving_audio": None, "trim": None}
    return Task(
        mode="photo_sing", quality="fast", enable_4k=False, aspect_ratio="1:1", source_image=ASTRONAUT,
        output=folder / "out.mp4", **(given | asked),
    )  # fmt: skip


def quiet(*told: object) -> None:
    pass


def heard_in(path: Path) -> np.ndarray:
    return np.concatenate(list(mono_chunks(path, RATE)))


def lag(made: np.ndarray, wanted: np.ndarray) -> float:
    """Return by how many seconds what was made is ahead."""
    piece = made[2000:17000]
    scores = {by: np.corrcoef(piece, wanted[2000 + by : 17000 + by])[0, 1] for by in range(-1500, 1500, 4)}
    return max(scores, key=scores.get) / RATE


def test_a_driving_sound_is_what_the_trim_is_of(tmp_path):
    song = write_voice(tmp_path / "song.wav", RISING, codec="pcm_s16le")

    result = make(
        task_of(tmp_path, driving_audio=song, reference_video=TINY, trim=Trim(start=0.6, end=1.4)), quiet
    )

    assert (result.frames, result.seconds) == (20, pytest.approx(0.8))
    made = heard_in(tmp_path / "out.mp4")
    assert len(made) == pytest.approx(0.8 * RATE, abs=1100)
    assert lag(made, RISING[round(0.6 * RATE) :]) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("delay", [0.0, 0.4])
def test_a_videos_own_sound_and_motion_are_cut_together(tmp_path, delay):
    video = write_clip(
        tmp_path / "clip.mp4", times=range(0, 2000, 40), size=(240, 200), draw=moving_face,
        sound=RISING, sound_delay=delay, options={"g": "12"},
    )  # fmt: skip
    whole, part = (
        task_of(tmp_path, reference_video=video, trim=trim) for trim in (None, Trim(start=0.8, end=1.6))
    )

    (all_lips, all_motion), (lips, motion) = (
        planned(task, voice_of(task), 25, quiet) for task in (whole, part)
    )

    assert len(lips) == 20
    # The face goes right at an even pace; the whole's head began when its sound did.
    there = round((0.8 - delay) * 25)
    pace, whole_pace = np.gradient(motion.shift[3:-3, 0]), np.gradient(all_motion.shift[there:, 0][3:17])
    assert len(all_lips) == pytest.approx(50, abs=1)
    assert np.sign(pace).tolist() == np.sign(whole_pace).tolist()
    make(part, quiet)
    made = heard_in(tmp_path / "out.mp4")
    assert lag(made, RISING[round((0.8 - delay) * RATE) :]) == pytest.approx(0, abs=1e-3)


def test_a_part_before_the_sound_begins_waits_for_it(tmp_path):
    video = write_clip(
        tmp_path / "clip.mp4", times=range(0, 2000, 40), size=(240, 200), draw=moving_face,
        sound=RISING[:RATE], sound_delay=0.8,
    )  # fmt: skip
    task = task_of(tmp_path, reference_video=video, trim=Trim(start=0.4, end=1.2))

    voice = voice_of(task)

    assert voice.delay == pytest.approx(0.4, abs=0.03)
    assert (float(voice.span.begin), float(voice.span.end)) == (0, pytest.approx(0.4, abs=0.03))


def test_a_silent_video_is_followed_through_the_part(tmp_path):
    video = write_clip(tmp_path / "clip.mp4", times=range(0, 2000, 40), size=(240, 200), draw=moving_face)

    result = make(task_of(tmp_path, reference_video=video, trim=Trim(start=1.0, end=1.6)), quiet)

    assert result.frames == 15


def test_a_part_without_any_sound_is_refused(tmp_path):
    song = write_voice(tmp_path / "song.wav", RISING, codec="pcm_s16le")

    with pytest.raises(NoAudio, match="from 7 s"):
        make(task_of(tmp_path, driving_audio=song, trim=Trim(start=7, end=8)), quiet)
