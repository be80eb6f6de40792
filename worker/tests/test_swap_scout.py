from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from worker.engines.swap import keyframes
from worker.engines.swap import scout as scout_module
from worker.engines.swap.keyframes import first_met
from worker.engines.swap.scout import EVERY, PLACES, RUN, Person, glimpses, scout, told_apart
from worker.errors import NoFaceInVideo
from worker.faces.identity import Identifier
from worker.faces.smooth import Sighting
from worker.faces.track import landmarks_of_photo
from worker.faces.views import rgb_of_yuv
from worker.media.span import Span
from worker.tests.clipmaking import write_clip
from worker.tests.faceclips import ASTRONAUT, FRAME_TIMES, SIZE, moving_face, plain_grey, portrait
from worker.tests.peopleclips import PAIR, astronaut, hopper, scene

TO_RGB = rgb_of_yuv("bt601", False)


def test_the_face_of_a_clip_is_found_and_measured(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times=FRAME_TIMES, size=SIZE, draw=moving_face)

    (person,) = told_apart(scout(clip, TO_RGB, Identifier(), lambda: None), [])
    findings = person.findings

    assert findings.size == pytest.approx(109, rel=0.06)
    assert findings.neutral.shape == (478, 3)


def test_a_clip_without_a_face_yields_nothing(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", size=SIZE, draw=plain_grey)

    assert scout(clip, TO_RGB, Identifier(), lambda: None) == []


def test_a_long_clip_is_looked_at_no_more_often(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times=range(0, 40_000, 40), size=(64, 48), draw=plain_grey)

    seen = list(glimpses(clip))

    assert PLACES / 2 <= len(seen) <= PLACES * RUN / EVERY


def test_places_with_one_key_frame_are_decoded_once(tmp_path, monkeypatch):
    clip = write_clip(tmp_path / "in.mp4", times=range(0, 4000, 40), size=(64, 48), draw=plain_grey)
    decoded = []

    def counted(*of_clip):
        for frame in all_frames(*of_clip):
            decoded.append(frame.pts)
            yield frame

    all_frames = scout_module.frames
    monkeypatch.setattr(scout_module, "frames", counted)

    assert len(list(glimpses(clip))) == RUN / EVERY
    assert len(decoded) < RUN + PLACES


def two_by_turns(index: int, width: int, height: int) -> np.ndarray:
    """Return the astronaut and, smaller, the admiral; every 40 pictures they swap places."""
    places = (120, 350) if index // 40 % 2 == 0 else (350, 120)
    return scene([astronaut(places[0]), hopper(places[1], size=70)], width, height)


def test_two_people_are_told_apart_wherever_they_are(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times=range(0, 6400, 40), size=PAIR, draw=two_by_turns)

    people = told_apart(scout(clip, TO_RGB, Identifier(), lambda: None), [])

    large, small = sorted((person.findings for person in people), key=lambda each: -each.size)
    assert large.size == pytest.approx(90, rel=0.06)
    assert small.size == pytest.approx(70, rel=0.06)
    shapes = [np.linalg.norm(each.neutral - Sighting.of(face).shape) for each in (large, small)
              for face in (landmarks_of_photo(portrait(ASTRONAUT)),)]  # fmt: skip
    assert shapes[0] < shapes[1] / 2


def test_a_stop_comes_through_between_two_looks(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times=FRAME_TIMES, size=SIZE, draw=moving_face)
    told = count()

    def tell() -> None:
        if next(told) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        scout(clip, TO_RGB, Identifier(), tell)


# The clips below are 24 s long: the scout's places are 3 s apart, and it reads 24 pictures from each.
SLOW = range(0, 24_000, 40)
SMALL = (160, 120)
BETWEEN_PLACES = range(45, 60)  # pictures that the scout passes by, at 25 a second


def passing_by(index: int, width: int, height: int) -> np.ndarray:
    """Return a wall that somebody passes by at a time when the scout is not looking."""
    return cv2.resize(moving_face(0, *SIZE), SMALL) if index in BETWEEN_PLACES else plain_grey(index, *SMALL)


def clip_with_keys(path: Path, every: int, draw: Callable) -> Path:
    """Write 24 s with a key frame every so many pictures."""
    options = {"g": str(every), "keyint_min": str(every), "sc_threshold": "0", "preset": "ultrafast"}
    return write_clip(path, times=SLOW, size=SMALL, draw=draw, options=options)


def met_at_keys(clip: Path, tell: Callable[[], None] = lambda: None) -> list[Person]:
    assert scout(clip, TO_RGB, Identifier(), lambda: None) == []
    return first_met(clip, TO_RGB, Identifier(), tell)


def test_a_long_clip_without_a_face_is_refused_by_its_key_frames(tmp_path):
    looks = count()

    with pytest.raises(NoFaceInVideo, match="any of 24 pictures"):
        met_at_keys(clip_with_keys(tmp_path / "in.mp4", 25, plain_grey), lambda: next(looks))

    assert next(looks) == 24


def test_where_key_frames_are_rare_it_is_not_said_that_there_is_nobody(tmp_path):
    assert met_at_keys(clip_with_keys(tmp_path / "in.mp4", 75, plain_grey)) == []


def test_somebody_whom_only_a_key_frame_shows_is_met(tmp_path):
    (person,) = met_at_keys(clip_with_keys(tmp_path / "in.mp4", 25, passing_by))

    assert person.findings.size == pytest.approx(109 * 120 / 200, rel=0.15)


def test_a_clip_of_key_frames_alone_is_looked_at_no_more_often(tmp_path, monkeypatch):
    monkeypatch.setattr(keyframes, "MOST", 12)
    looks = count()

    with pytest.raises(NoFaceInVideo, match="any of 12 pictures"):
        met_at_keys(clip_with_keys(tmp_path / "in.mp4", 1, plain_grey), lambda: next(looks))


def test_of_a_part_nothing_else_is_looked_at(tmp_path):
    clip, part = clip_with_keys(tmp_path / "in.mp4", 25, plain_grey), Span.of(4.5, 20)

    times = [time for _, time, _ in glimpses(clip, part)]

    assert len(times) >= PLACES
    assert all(4.5 <= time < 20 for time in times)
    with pytest.raises(NoFaceInVideo, match="any of 15 pictures"):
        first_met(clip, TO_RGB, Identifier(), lambda: None, part)
