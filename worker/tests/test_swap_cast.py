"""Who gets which face, at the level of pictures before they are encoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from worker.engines import Result, Task, make
from worker.engines.swap import job
from worker.errors import BadPayload, NoFaceInSource, NoFaceInVideo
from worker.faces.identity import Identifier, distance
from worker.faces.moment import Moment
from worker.faces.smooth import Face
from worker.faces.track import landmarks_of_photo
from worker.faces.views import RgbView
from worker.media.picture import to_rgb
from worker.media.source import open_video
from worker.tests.clipmaking import write_clip
from worker.tests.faceclips import ASTRONAUT, FRAME_TIMES, HOPPER, plain_grey, portrait
from worker.tests.peopleclips import (
    PAIR,
    astronaut,
    hopper,
    places_swapped_over_a_cut,
    scene,
    side_by_side,
    sway,
)
from worker.wire import Casting

LEFT, RIGHT = (0.05, 0.2, 0.45, 0.9), (0.55, 0.2, 0.95, 0.9)
CHANGED = 2  # levels: what a face differs by from another, glasses that stay and all, and no face from itself


def quiet(stage: str, done: int, total: int | None) -> None:
    pass


@dataclass
class Made:
    """What went into the encoder, and what came out of the decoder for it."""

    result: Result
    before: list[np.ndarray]
    after: list[np.ndarray]

    def change_at(self, index: int, x: float, y: float = 140, reach: int = 18) -> float:
        """Return by how many levels the face at (x, y) was changed."""
        place = np.s_[int(y) - reach : int(y) + reach, int(x) - reach : int(x) + reach]
        return float(np.abs(self.before[index][place].astype(int) - self.after[index][place]).mean())


@pytest.fixture
def swap(tmp_path, monkeypatch) -> Callable[..., Made]:
    """Return a function that swaps a clip drawn by `draw` and keeps what goes into the encoder."""

    def swapped(draw: Callable, *, times=FRAME_TIMES, **changes) -> Made:
        clip = write_clip(tmp_path / "in.mp4", times=times, size=PAIR, draw=draw)
        moments: list[Moment[Face]] = []
        real = job.boxes_of
        monkeypatch.setattr(job, "boxes_of", lambda moment: moments.append(moment) or real(moment))
        result = make(task(clip, **changes), quiet)
        with open_video(clip) as source:
            before = [to_rgb(picture, source.colour) for picture in source]
            after = [to_rgb(moment.picture, source.colour) for moment in moments]
        return Made(result, before, after)

    return swapped


def task(clip: Path, **changes) -> Task:
    given = {
        "mode": "video_swap",
        "quality": "fast",
        "enable_4k": False,
        "aspect_ratio": "original",
        "reference_video": clip,
        "source_image": HOPPER,
        "driving_audio": None,
        "output": clip.with_name("out.mp4"),
    }
    return Task(**given | changes)


def named(box: tuple[float, float, float, float], source: int | None, time: float = 0.1) -> Casting:
    return Casting(time=time, box=box, source=source)


def test_only_the_main_person_is_swapped(swap):
    made = swap(side_by_side)

    for index in range(0, 25, 4):
        assert made.change_at(index, 120 + sway(index)) > CHANGED
        assert made.change_at(index, 350 - sway(index)) == 0


def test_the_main_person_is_followed_over_a_cut_to_another_place(swap):
    made = swap(places_swapped_over_a_cut)

    assert made.change_at(11, 120 + sway(11)) > CHANGED
    assert made.change_at(11, 350 - sway(11)) == 0
    for index in (12, 18, 24):
        assert made.change_at(index, 120 + sway(index)) == 0
        assert made.change_at(index, 350 - sway(index)) > CHANGED


def smaller_after_a_cut(index: int, width: int, height: int) -> np.ndarray:
    """Return the astronaut in front; from picture 16 on she is smaller than the admiral."""
    if index < 16:
        return scene(
            [hopper(350 - sway(index), size=60), astronaut(150 + sway(index), size=110)], width, height
        )
    return scene([astronaut(110 + sway(index), size=62), hopper(340, size=100)], width, height)


def test_the_main_person_is_swapped_also_when_smaller_than_another(swap):
    made = swap(smaller_after_a_cut)

    for index in (16, 20, 24):
        assert made.change_at(index, 110 + sway(index), reach=12) > CHANGED
        assert made.change_at(index, 340) == 0


def main_then_another(index: int, width: int, height: int) -> np.ndarray:
    """Return the astronaut, and from picture 16 on the admiral where she was."""
    return scene([astronaut(200) if index < 16 else hopper(200)], width, height)


def test_whoever_stands_in_the_main_persons_place_after_a_cut_is_left_alone(swap):
    made = swap(main_then_another)

    assert made.result.swapped == 16
    assert all((one == other).all() for one, other in zip(made.before[16:], made.after[16:], strict=True))


def test_two_people_get_each_others_face_in_one_pass(swap):
    made = swap(side_by_side, more_source_images=(ASTRONAUT,), faces=(named(LEFT, 0), named(RIGHT, 1)))

    for index in range(0, 25, 4):
        assert made.change_at(index, 120 + sway(index)) > CHANGED
        assert made.change_at(index, 350 - sway(index)) > CHANGED
    for left, portrait_of in ((0, HOPPER), (240, ASTRONAUT)):
        before, after = (pictures[12][:, left : left + 240] for pictures in (made.before, made.after))
        # Not which of the two it is like most: the admiral's glasses stay, and tell.
        assert unlikeness(after, portrait_of) < 0.85 * unlikeness(before, portrait_of)


def unlikeness(image: np.ndarray, path: Path) -> float:
    """Return how far the person of an image is from a portrait's."""
    return distance(embedding_of(image), embedding_of(portrait(path)))


def likest(image: np.ndarray) -> Path:
    """Return the portrait whose person the image shows."""
    here = embedding_of(image)
    return min((ASTRONAUT, HOPPER), key=lambda path: distance(here, embedding_of(portrait(path))))


identifier = cache(Identifier)


def embedding_of(image: np.ndarray) -> np.ndarray:
    return identifier().embedding(RgbView(image), landmarks_of_photo(image))


def test_whoever_is_named_with_no_photo_or_not_named_is_left_alone(swap):
    made = swap(side_by_side, faces=(named(RIGHT, 0),))
    other = swap(side_by_side, faces=(named(LEFT, None), named(RIGHT, 0)))

    for each in (made, other):
        assert each.change_at(10, 120 + sway(10)) == 0
        assert each.change_at(10, 350 - sway(10)) > CHANGED


def test_a_named_face_where_nobody_is_is_refused_with_its_time_and_box(swap):
    with pytest.raises(NoFaceInVideo, match=r"at 0.4 s in the box \[0, 0, 0.1, 0.1\]"):
        swap(side_by_side, faces=(named((0.0, 0.0, 0.1, 0.1), 0, time=0.4),))


def test_a_face_named_past_the_end_is_refused(swap):
    with pytest.raises(NoFaceInVideo, match=r"no picture at 7\.5 s"):
        swap(side_by_side, faces=(named(LEFT, 0, time=7.5),))


@pytest.mark.parametrize(("time", "swapped_x"), [(0.47, 120), (0.48, 350)])
def test_the_picture_that_is_shown_at_a_time_says_who_is_meant(swap, time, swapped_x):
    """The two swap places at 0.48 s."""
    made = swap(places_swapped_over_a_cut, times=range(0, 720, 40), faces=(named(LEFT, 0, time=time),))

    assert made.change_at(5, swapped_x + (sway(5) if swapped_x == 120 else -sway(5))) > CHANGED
    assert made.change_at(5, 470 - swapped_x - (sway(5) if swapped_x == 120 else -sway(5))) == 0


def test_when_everybody_is_to_be_left_alone_there_is_no_work(swap):
    with pytest.raises(BadPayload, match="All 1 faces"):
        swap(side_by_side, faces=(named(LEFT, None),))


@pytest.fixture
def sky(tmp_path) -> Path:
    path = tmp_path / "sky.png"
    cv2.imwrite(str(path), np.full((160, 240, 3), 200, np.uint8))
    return path


def test_of_several_photos_the_first_that_shows_a_face_is_taken(swap, sky):
    made = swap(alone, times=range(0, 200, 40), source_image=sky, more_source_images=(HOPPER, ASTRONAUT))

    assert likest(made.after[2]) == HOPPER


def test_several_photos_without_a_face_are_refused(swap, sky):
    with pytest.raises(NoFaceInSource, match="any of the 2 source photos"):
        swap(alone, times=range(0, 80, 40), source_image=sky, more_source_images=(sky,))


def test_a_photo_that_somebody_gets_must_show_a_face(swap, sky):
    with pytest.raises(NoFaceInSource, match="photo number 1 of 240x160"):
        swap(
            alone, times=range(0, 80, 40), more_source_images=(sky,), faces=(named((0, 0, 1, 1), 1, time=0),)
        )


def alone(index: int, width: int, height: int) -> np.ndarray:
    return scene([astronaut(200 + sway(index))], width, height)


def seen_now_and_then(index: int, width: int, height: int) -> np.ndarray:
    """Return the astronaut, who is away in pictures 8 to 13."""
    return plain_grey(0, width, height) if 8 <= index < 14 else scene([astronaut(200)], width, height)


def test_pictures_without_a_face_pass_bit_for_bit_and_it_fades_on_both_sides(swap, monkeypatch):
    monkeypatch.setattr("worker.engines.swap.cuts.CHANGE", 1e9)
    made = swap(seen_now_and_then)

    change = [made.change_at(index, 200) for index in range(25)]
    assert change[8:14] == [0] * 6
    assert change[5] > change[6] > change[7] > 0
    assert 0 < change[14] < change[15] < change[16]
    assert change[7] < change[4] / 2
    assert change[14] < change[18] / 2
    for index in range(8, 14):
        assert (made.before[index] == made.after[index]).all()
