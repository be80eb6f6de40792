from __future__ import annotations

import threading
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from worker.engines import MARKS, Task, make
from worker.engines.swap import job
from worker.engines.swap.render import Renderer
from worker.errors import DecodeError, NoFaceInSource, NoFaceInVideo
from worker.faces.track import landmarks_of_photo
from worker.media.picture import Colour, Picture, to_rgb
from worker.media.source import open_video
from worker.tests.clipmaking import tone, write_clip
from worker.tests.faceclips import (
    ASTRONAUT,
    FRAME_TIMES,
    HOPPER,
    SIZE,
    box_of_face,
    cut_to_another,
    face_that_goes,
    moving_face,
    plain_grey,
)
from worker.wire import Casting


def quiet(stage: str, done: int, total: int | None) -> None:
    pass


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "astronaut.mp4"
    return write_clip(path, times=FRAME_TIMES, size=SIZE, draw=moving_face, sound=tone(1.0))


def task(video: Path, output: Path, **changes) -> Task:
    given = {
        "mode": "video_swap",
        "quality": "fast",
        "enable_4k": False,
        "aspect_ratio": "original",
        "reference_video": video,
        "source_image": HOPPER,
        "driving_audio": None,
        "output": output,
    }
    return Task(**given | changes)


def pictures_of(path: Path) -> list[np.ndarray]:
    with open_video(path) as source:
        return [to_rgb(picture, source.colour) for picture in source]


def colour_of(path: Path) -> Colour:
    with open_video(path) as source:
        return source.colour


def sound_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def cheek(image: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the mean colour of the left cheek of the face with those landmarks."""
    x, y = at[205, :2].astype(int)
    return image[y - 6 : y + 6, x - 6 : x + 6].mean(axis=(0, 1))


@pytest.fixture
def rendered(monkeypatch) -> list[Picture]:
    """The pictures as they go into the encoder, whose own loss says nothing of the swap."""
    pictures: list[Picture] = []
    real = job.boxes_of
    monkeypatch.setattr(job, "boxes_of", lambda moment: pictures.append(moment.picture) or real(moment))
    return pictures


def test_the_face_is_replaced_in_every_picture_and_nothing_else_is(clip, tmp_path, rendered):
    result = make(task(clip, tmp_path / "out.mp4"), quiet)

    before, colour = pictures_of(clip), colour_of(clip)
    after = [to_rgb(picture, colour) for picture in rendered]
    assert result.frames == result.swapped == len(after) == len(FRAME_TIMES)
    assert (result.width, result.height) == SIZE
    assert result.seconds == pytest.approx(1.0, abs=0.01)
    for old, new in zip(before[::6], after[::6], strict=True):
        left, top, right, bottom = box_of_face(old)
        face = np.s_[top:bottom, left:right]
        assert apart(old[face], new[face]) > 8
        assert (old[:, :40] == new[:, :40]).all()


def test_the_result_says_of_itself_that_it_was_altered(clip, tmp_path):
    make(task(clip, tmp_path / "out.mp4"), quiet)

    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.metadata["comment"] == MARKS["video_swap"]


def test_the_sound_comes_along_packet_for_packet(clip, tmp_path):
    make(task(clip, tmp_path / "out.mp4"), quiet)

    assert sound_packets(tmp_path / "out.mp4") == sound_packets(clip)


@pytest.mark.parametrize("quality", ["fast", "balanced", "max"])
def test_the_new_face_has_the_light_of_the_clip(clip, tmp_path, quality):
    make(task(clip, tmp_path / "out.mp4", quality=quality), quiet)

    old, new = pictures_of(clip)[12], pictures_of(tmp_path / "out.mp4")[12]
    landmarks = landmarks_of_photo(old)
    assert apart(cheek(new, landmarks), cheek(old, landmarks)) < 14


def test_after_a_cut_the_light_is_the_new_scenes_at_once(tmp_path, rendered):
    clip = write_clip(tmp_path / "in.mp4", times=FRAME_TIMES, size=SIZE, draw=cut_to_another)

    whole = (0.0, 0.0, 1.0, 1.0)
    both = tuple(Casting(time=time, box=whole, source=0) for time in (0.2, 0.8))
    result = make(task(clip, tmp_path / "out.mp4", source_image=ASTRONAUT, faces=both), quiet)

    before, after = pictures_of(clip)[12], to_rgb(rendered[12], colour_of(clip))
    landmarks = landmarks_of_photo(before)
    assert result.swapped == 25
    assert apart(before, after) > 2
    assert apart(cheek(after, landmarks), cheek(before, landmarks)) < 14


@pytest.mark.parametrize(("aspect", "size"), [("9:16", (112, 200)), ("1:1", (200, 200))])
def test_the_aspect_is_cut_round_the_face(clip, tmp_path, aspect, size):
    result = make(task(clip, tmp_path / "out.mp4", aspect_ratio=aspect), quiet)

    last = pictures_of(tmp_path / "out.mp4")[-1]
    assert (result.width, result.height) == last.shape[1::-1] == size
    assert landmarks_of_photo(last) is not None


def test_a_4k_result_has_a_short_side_of_2160(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times=range(0, 120, 40), size=SIZE, draw=moving_face)

    result = make(task(clip, tmp_path / "out.mp4", enable_4k=True), quiet)

    assert (result.width, result.height) == pictures_of(tmp_path / "out.mp4")[0].shape[1::-1] == (2592, 2160)


def test_pictures_without_a_face_pass_untouched(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times=FRAME_TIMES, size=SIZE, draw=face_that_goes)

    result = make(task(clip, tmp_path / "out.mp4"), quiet)

    after = pictures_of(tmp_path / "out.mp4")
    assert (result.frames, result.swapped) == (25, 10)
    assert apart(after[20], plain_grey(20, *SIZE)) < 2


def test_a_clip_that_is_held_upright_by_its_tag_is_swapped(tmp_path):
    def sideways(index: int, width: int, height: int) -> np.ndarray:
        return np.ascontiguousarray(np.rot90(moving_face(index, height, width)))

    clip = write_clip(tmp_path / "in.mp4", times=range(0, 400, 40), size=SIZE, rotation=-90, draw=sideways)

    result = make(task(clip, tmp_path / "out.mp4"), quiet)

    assert (result.swapped, result.width, result.height) == (10, SIZE[1], SIZE[0])


def test_a_clip_without_a_face_is_refused(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", size=SIZE, draw=plain_grey)

    with pytest.raises(NoFaceInVideo, match="any of the 25 pictures"):
        make(task(clip, tmp_path / "out.mp4"), quiet)


def test_a_photo_without_a_face_is_refused_before_the_clip_is_touched(tmp_path):
    sky = np.linspace(250, 90, 160, dtype=np.uint8)[:, None, None].repeat(240, axis=1).repeat(3, axis=2)
    cv2.imwrite(str(tmp_path / "landscape.png"), sky)

    with pytest.raises(NoFaceInSource, match="240x160"):
        make(
            task(tmp_path / "none.mp4", tmp_path / "out.mp4", source_image=tmp_path / "landscape.png"), quiet
        )


def test_a_file_that_is_no_video_is_refused(tmp_path):
    (tmp_path / "in.mp4").write_bytes(b"not a video at all" * 100)

    with pytest.raises(DecodeError):
        make(task(tmp_path / "in.mp4", tmp_path / "out.mp4"), quiet)


def test_progress_counts_every_picture(clip, tmp_path):
    told = []

    make(task(clip, tmp_path / "out.mp4"), lambda *said: told.append(said))

    assert told[0] == ("preprocessing", 0, None)
    assert [done for stage, done, _ in told if stage == "generating"] == list(range(26))
    assert [done for stage, done, _ in told if stage == "packaging"][:25] == list(range(1, 26))
    assert told[-1] == ("packaging", 25, 25)


class Stop(Exception):
    pass


def steps_at_work() -> set[str]:
    return {"decode", "track", "render"} & {thread.name for thread in threading.enumerate()}


def test_raising_in_progress_ends_the_work_and_its_threads(clip, tmp_path):
    def stop(stage: str, done: int, total: int | None) -> None:
        if done == 3:
            raise Stop

    with pytest.raises(Stop):
        make(task(clip, tmp_path / "out.mp4"), stop)

    assert not steps_at_work()


def test_an_error_in_a_step_reaches_the_caller_and_ends_the_threads(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(Renderer, "render", lambda *given: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        make(task(clip, tmp_path / "out.mp4"), quiet)

    assert not steps_at_work()


def test_the_result_is_told_of_frame_by_frame(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", times=FRAME_TIMES, size=SIZE, draw=face_that_goes)

    told = make(task(clip, tmp_path / "out.mp4", source_image=HOPPER), quiet).told

    assert told["missed"] == [[pytest.approx(0.4), pytest.approx(1.0)]]
    assert [at for at, _ in told["identity"]] == [0.0]
    assert 0.2 < told["identity"][0][1] < 0.7
    assert 0.3 < told["flicker"] < 3
    assert {"identity", "mesh_attention"} <= told["models"].keys()
