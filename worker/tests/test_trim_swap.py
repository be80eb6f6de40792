"""A swap of a part of a clip is that part of the whole clip's swap, with its sound."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from worker.engines import MARKS, PREVIEW_MARK, Result, Task, make
from worker.media import segments
from worker.media.audio import mono_chunks
from worker.media.picture import to_rgb
from worker.media.source import open_video
from worker.tests.clipmaking import RATE, write_clip
from worker.tests.corpus import CORPUS, FLASH, LAMP_OFF, LAMP_ON, write
from worker.tests.faceclips import (
    ASTRONAUT,
    FRAME_TIMES,
    HOPPER,
    SIZE,
    box_of_face,
    cut_to_another,
    moving_face,
)
from worker.tests.test_corpus import AAC_FRAME, beep_in, lamp, samples_of
from worker.wire import Casting, Trim


def swap(clip: Path, output: Path, *, told=lambda *said: None, **asked) -> Result:
    given = {"quality": "fast", "enable_4k": False, "aspect_ratio": "original", "source_image": HOPPER}
    task = Task(mode="video_swap", reference_video=clip, driving_audio=None, output=output, **(given | asked))
    return make(task, told)


def images_of(path: Path) -> list[np.ndarray]:
    with open_video(path) as source:
        return [to_rgb(picture, source.colour).astype(int) for picture in source]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """A sound that gets higher all the time, so that each moment is known by its pitch."""
    times = np.arange(RATE) / RATE
    rising = (0.5 * np.sin(2 * np.pi * (400 * times + 400 * times**2))).astype(np.float32)
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return write_clip(path, times=FRAME_TIMES, size=SIZE, draw=moving_face, sound=rising, options={"g": "10"})


@pytest.mark.parametrize("aspect_ratio", ["original", "1:1"])
def test_the_part_is_what_the_whole_shows_there(clip, tmp_path, aspect_ratio):
    stages = []
    swap(clip, tmp_path / "whole.mp4", aspect_ratio=aspect_ratio)

    result = swap(
        clip,
        tmp_path / "part.mp4",
        aspect_ratio=aspect_ratio,
        trim=Trim(start=0.25, end=0.78),  # begins with the picture at 0.28 s, and so does the sound
        told=lambda *said: stages.append(said),
    )

    whole, part = images_of(tmp_path / "whole.mp4"), images_of(tmp_path / "part.mp4")
    assert (result.frames, result.swapped, result.seconds) == (13, 13, pytest.approx(0.52))
    assert {total for stage, _, total in stages if stage == "generating"} == {13}
    nearest = [min(range(25), key=lambda at: np.abs(whole[at] - image).mean()) for image in part]
    if aspect_ratio == "original":
        assert nearest == list(range(7, 20))
        # The next picture is 9 levels away.
        assert max(np.abs(image - whole[7 + at]).mean() for at, image in enumerate(part)) < 4.5
    heard = np.concatenate(list(mono_chunks(tmp_path / "part.mp4", RATE)))
    there = np.concatenate(list(mono_chunks(clip, RATE)))[round(0.28 * RATE) :][: len(heard)]
    assert len(heard) == pytest.approx(0.52 * RATE, abs=1100)
    assert np.corrcoef(heard[1000:24000], there[1000:24000])[0, 1] > 0.99


def test_only_a_preview_says_that_it_is_one(clip, tmp_path):
    trim = Trim(start=0.2, end=0.4)
    marks = []
    for is_preview in (True, False):
        swap(clip, tmp_path / "out.mp4", trim=trim, is_preview=is_preview)
        with av.open(str(tmp_path / "out.mp4")) as made:
            marks.append(made.metadata["comment"])

    assert marks == [f"{MARKS['video_swap']} {PREVIEW_MARK}", MARKS["video_swap"]]


@pytest.fixture(scope="module")
def two_people(tmp_path_factory) -> Path:
    """The astronaut until 0.48 s, then the admiral for as long."""
    path = tmp_path_factory.mktemp("clips") / "two.mp4"
    return write_clip(path, size=SIZE, times=range(0, 960, 40), draw=cut_to_another, options={"g": "12"})


def test_the_main_person_is_the_one_of_the_part(two_people, tmp_path):
    part = Trim(start=0.52, end=0.92)

    result = swap(two_people, tmp_path / "out.mp4", source_image=ASTRONAUT, trim=part)

    assert (result.frames, result.swapped) == (10, 10)


def test_somebody_named_outside_the_part_is_known_within_it(two_people, tmp_path):
    box = box_of_face(cut_to_another(0, *SIZE))
    shares = tuple(float(side / whole) for side, whole in zip(box, SIZE * 2, strict=True))
    named = (Casting(time=0.0, box=shares, source=0),)

    result = swap(two_people, tmp_path / "out.mp4", faces=named, trim=Trim(start=0.28, end=0.72))

    assert (result.frames, result.swapped) == (11, 5)  # the astronaut is gone from picture 12 on
    assert result.told["missed"] == [[0.2, 0.44]]


def test_a_part_that_was_interrupted_goes_on(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "SECONDS", 0.4)
    part = Trim(start=0.2, end=None)
    swap(clip, tmp_path / "whole.mp4", trim=part)
    (tmp_path / "parts").mkdir()

    def killed(stage: str, done: int, total: int | None) -> None:
        if (stage, done) == ("generating", 14):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swap(clip, tmp_path / "never.mp4", trim=part, parts=tmp_path / "parts", told=killed)
    told = []
    swap(
        clip, tmp_path / "out.mp4", trim=part, parts=tmp_path / "parts", told=lambda *said: told.append(said)
    )

    assert ("generating", 10, 20) in told
    assert ("generating", 9, 20) not in told
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


@pytest.mark.parametrize(
    "name", ["plain", "variable rate", "VP9", "interlaced", "three sounds", "sound begins first", "open GOP"]
)
def test_lamp_and_beep_stay_together(name, tmp_path):
    clip = CORPUS[name]
    video = write(clip, tmp_path / f"clip.{clip.suffix}")
    start, end = float(clip.seen[5]), float(clip.seen[10])

    result = swap(video, tmp_path / "out.mp4", trim=Trim(start=start, end=end))

    images = images_of(tmp_path / "out.mp4")
    assert result.frames == len(images) == 5
    lit = [index for index, image in enumerate(images) if lamp(image) > (LAMP_OFF + LAMP_ON) / 2]
    assert lit == [FLASH - 5]
    for place, voice in enumerate(clip.voices):
        begin, samples = samples_of(tmp_path / "out.mp4", place)
        time, pitch = beep_in(begin, samples)
        assert time == pytest.approx(float(clip.flash) - start, abs=0.006)
        assert pitch == pytest.approx(voice.pitch, abs=20)
        assert begin + len(samples) / RATE == pytest.approx(end - start, abs=1.5 * AAC_FRAME)


def test_a_silent_clip_can_be_trimmed(tmp_path):
    video = write_clip(tmp_path / "clip.mp4", size=SIZE, draw=moving_face)

    result = swap(video, tmp_path / "out.mp4", trim=Trim(start=0.4))

    assert (result.frames, result.seconds) == (15, pytest.approx(0.6))
