"""Every kind of footage goes through the whole worker and keeps its times, shape, colours and sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from worker.engines import Result, Task, make
from worker.media.source import open_video
from worker.tests.clipmaking import RATE
from worker.tests.corpus import BEEP_SECONDS, CORNER, CORPUS, FLASH, LAMP_OFF, LAMP_ON, Clip, write
from worker.tests.faceclips import HOPPER

INSIDE = slice(6, CORNER - 6)  # of a corner: where neither the encoder nor the scaler smears
AAC_FRAME = 1024 / RATE


@dataclass(frozen=True, kw_only=True)
class Made:
    """A result, read without the code that made it. Times are seconds; images RGB; `tags` with the range."""

    result: Result
    times: list[float]
    images: list[np.ndarray]
    seconds: float
    tags: tuple[int, int, int, int]
    voices: list[tuple[str, str, bool]]
    beeps: list[tuple[float, float]]  # (time, pitch) of each track
    sound_ends: list[float]


@pytest.fixture(scope="session")
def footage(tmp_path_factory):
    """Write a clip of the corpus, once."""
    folder, written = tmp_path_factory.mktemp("footage"), {}

    def clip_at(name: str) -> Path:
        if name not in written:
            clip = CORPUS[name]
            written[name] = write(clip, folder / f"{len(written)}.{clip.suffix}")
        return written[name]

    return clip_at


def swapped(video: Path, output: Path) -> Made:
    task = Task(
        mode="video_swap",
        quality="fast",
        enable_4k=False,
        aspect_ratio="original",
        reference_video=video,
        source_image=HOPPER,
        driving_audio=None,
        output=output,
    )
    result = make(task, lambda *told: None)
    with av.open(str(output)) as container:
        track = container.streams.video[0]
        seconds = float(track.duration * track.time_base)
        sounds = container.streams.audio
        voices = [(each.language, each.metadata.get("name", ""), is_default(each)) for each in sounds]
        frames = list(container.decode(track))
    heard = [samples_of(output, place) for place in range(len(voices))]
    first = frames[0]
    return Made(
        result=result,
        times=[frame.time for frame in frames],
        images=[image_of(frame) for frame in frames],
        seconds=seconds,
        tags=(first.colorspace, first.color_primaries, first.color_trc, first.color_range),
        voices=voices,
        beeps=[beep_in(*each) for each in heard],
        sound_ends=[begin + len(samples) / RATE for begin, samples in heard],
    )


def is_default(stream: av.AudioStream) -> bool:
    return bool(stream.disposition & Disposition.default)


def image_of(frame: av.VideoFrame) -> np.ndarray:
    space = "ITU709" if frame.colorspace == 1 else "ITU601"
    return frame.reformat(
        format="rgb24", src_colorspace=space, src_color_range=1, dst_color_range=2
    ).to_ndarray()


def samples_of(path: Path, place: int) -> tuple[float, np.ndarray]:
    """Return when the track begins, and its samples."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=place))
    return frames[0].time, np.concatenate([frame.to_ndarray()[0] for frame in frames])


def beep_in(begin: float, samples: np.ndarray) -> tuple[float, float]:
    """Return when the sound gets loud, and its pitch there in Hz."""
    start = int(np.argmax(np.abs(samples) > 0.25))
    beep = samples[start : start + round(BEEP_SECONDS * 0.8 * RATE)]
    pitch = np.argmax(np.abs(np.fft.rfft(beep, RATE)))
    return begin + start / RATE, float(pitch)


def lamp(image: np.ndarray) -> float:
    return float(image[INSIDE, -CORNER + 6 : -6].mean())


def mark(image: np.ndarray) -> np.ndarray:
    return image[INSIDE, INSIDE].mean(axis=(0, 1))


@pytest.fixture(params=CORPUS, scope="module")
def case(request, footage, tmp_path_factory) -> tuple[Clip, Made]:
    video = footage(request.param)
    return CORPUS[request.param], swapped(video, tmp_path_factory.mktemp("made") / "out.mp4")


def test_footage_comes_through(case):
    clip, made = case

    # Every picture, at its time.
    count = len(made.times)
    assert count == made.result.frames
    assert (clip.at_least or len(clip.seen)) <= count <= len(clip.seen)
    expected = [float(time) for time in clip.seen][:count]
    assert made.times == pytest.approx(expected, abs=0.001)
    if count == len(clip.seen):
        assert made.seconds == pytest.approx(
            expected[-1] - expected[0] + float(clip.last_ticks * clip.tick), abs=0.002
        )

    # Upright, whole, in its colours, with another face.
    width, height = clip.size[0] & ~1, clip.size[1] & ~1
    assert {image.shape for image in made.images} == {(height, width, 3)}
    assert (made.result.width, made.result.height) == (width, height)
    assert made.result.swapped == count
    assert made.tags == (*clip.colour, 1)
    for image in made.images:
        assert mark(image) == pytest.approx(clip.mark, abs=4)

    # The lamp flashes in one picture, and each track beeps with it.
    lit = [index for index, image in enumerate(made.images) if lamp(image) > (LAMP_OFF + LAMP_ON) / 2]
    assert lit == [FLASH - clip.first]
    assert made.voices == [(voice.language, voice.title, voice.default) for voice in clip.voices]
    for (time, pitch), end, voice in zip(made.beeps, made.sound_ends, clip.voices, strict=True):
        expected_end = voice.end - float(clip.origin * clip.tick)
        assert time == pytest.approx(made.times[lit[0]], abs=0.005)
        assert pitch == pytest.approx(voice.pitch, abs=20)
        assert end <= expected_end + 1.5 * AAC_FRAME
        assert clip.harm or end >= expected_end - 1.5 * AAC_FRAME


ANYWHERE = [
    "plain",
    "turned left",
    "variable rate",
    "HEVC of 10 bits",
    "AV1 of 10 bits",
    "VP9",
    "interlaced",
    "sound begins first",
    "edit list",
    "open GOP",
    "fragments",
    "recorded by a browser",
    "torn end",
]


@pytest.mark.parametrize("name", ANYWHERE)
def test_reading_can_begin_at_any_picture(name, footage):
    with open_video(footage(name)) as source:
        pictures = list(source)

    for index in {1, 6, 7, 9} & set(range(len(pictures))):  # after a key frame, at one, right after it, later
        wanted = pictures[index]
        with open_video(footage(name)) as source:
            source.begin_at(wanted.pts)
            rest = list(source)
        assert [each.pts for each in rest] == [each.pts for each in pictures[index:]]
        for one, other in zip(rest, pictures[index:], strict=True):
            for plane, same in zip(one.planes, other.planes, strict=True):
                assert np.array_equal(plane, same)
