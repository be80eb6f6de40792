"""The quick look at a file, as the service asks for it: a process, and JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from worker.engines.swap import people, sitters
from worker.engines.swap.people import people_in
from worker.engines.swap.roles import pointed_at
from worker.engines.swap.sitters import sitters_of
from worker.faces.identity import SAME, Identifier, distance
from worker.faces.track import landmarks_of_photo
from worker.faces.views import RgbView, rgb_of_yuv
from worker.tests.clipmaking import write_clip
from worker.tests.faceclips import SIZE, plain_grey, portrait
from worker.tests.peopleclips import PAIR, astronaut, hopper, places_swapped_over_a_cut, scene
from worker.tests.samples import ASTRONAUT, HOPPER
from worker.wire import Casting

ROOT = Path(__file__).parents[2]
TO_RGB = rgb_of_yuv("bt601", False)


def asked(kind: str, path: Path) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "worker", "analyse", kind, str(path)]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return child.returncode, json.loads(child.stdout)


def saved(path: Path, image: np.ndarray) -> Path:
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path


def who(landmarks: np.ndarray, image: np.ndarray) -> np.ndarray:
    return Identifier().embedding(RgbView(image), landmarks)


@pytest.fixture(scope="module")
def two_people(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "two.mp4"
    return write_clip(path, times=range(0, 1000, 40), size=PAIR, draw=places_swapped_over_a_cut)


def test_a_clip_of_two_is_told_as_two(two_people):
    code, answer = asked("video", two_people)

    assert code == 0
    assert [each["number"] for each in answer["people"]] == [1, 2]
    for each in answer["people"]:
        left, top, right, bottom = each["box"]
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
        assert 0 < each["seen"] <= 1
        picture = cv2.imdecode(np.frombuffer(b64decode(each["picture"]), np.uint8), cv2.IMREAD_COLOR)
        assert 48 <= min(picture.shape[:2]) <= max(picture.shape[:2]) <= 96


@pytest.mark.parametrize("start", [0, 7.3])
def test_time_and_box_lead_the_engine_to_the_same_person(two_people, tmp_path, start):
    clip = delayed(two_people, tmp_path / "in.mkv", seconds=start)
    identifier = Identifier()

    for number, shown in enumerate(people_in(clip)):
        casting = Casting(time=shown.time, box=tuple(shown.box), source=0)
        person = pointed_at(clip, TO_RGB, identifier, casting, lambda: None)

        expected, other = (ASTRONAUT, HOPPER) if number == 0 else (HOPPER, ASTRONAUT)
        near = distance(person.embedding, who(landmarks_of_photo(portrait(expected)), portrait(expected)))
        far = distance(person.embedding, who(landmarks_of_photo(portrait(other)), portrait(other)))
        assert near < SAME < far


def delayed(clip: Path, path: Path, *, seconds: float) -> Path:
    """Write the clip anew with its first picture at that second of the file's clock."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        shift = round(seconds / stream.time_base)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, copy
                output.mux(packet)
    return path


def largest_right_after_a_cut(index: int, width: int, height: int) -> np.ndarray:
    if index < 12:
        return plain_grey(index, width, height)
    return scene([astronaut(240, size=110 if index == 12 else 80)], width, height)


def test_of_somebody_seen_best_right_after_a_cut_the_time_is_not_before_it(tmp_path):
    times = [index * 100 // 3 for index in range(30)]
    clip = write_clip(
        tmp_path / "in.mp4", times=times, size=PAIR, draw=largest_right_after_a_cut, options={"g": "12"}
    )

    (shown,) = people_in(clip)

    assert shown.time == pytest.approx(times[12] / 1000, abs=0.001)
    casting = Casting(time=shown.time, box=tuple(shown.box), source=0)
    assert pointed_at(clip, TO_RGB, Identifier(), casting, lambda: None)


def main_one_comes_and_goes(index: int, width: int, height: int) -> np.ndarray:
    """Return the admiral all the time, and a large astronaut in the second half."""
    actors = [hopper(360)] + [astronaut(120, size=120)] * (index >= 50)
    return scene(actors, width, height)


@pytest.mark.parametrize("key_every", ["12", "250"])
def test_how_much_of_the_clip_shows_somebody(tmp_path, key_every):
    clip = write_clip(
        tmp_path / "in.mp4",
        times=range(0, 4000, 40),
        size=PAIR,
        draw=main_one_comes_and_goes,
        options={"g": key_every},
    )

    goer, stayer = sorted(people_in(clip), key=lambda shown: shown.seen)

    assert stayer.seen == 1
    assert 0.2 < goer.seen < 0.8
    times = [time for time, *_ in stayer.path]
    assert times == sorted(times)
    assert times[0] < 0.1
    assert times[-1] > 3.4
    assert min(time for time, *_ in goer.path) >= 2
    assert all(left < 0.3 for _, left, *_ in goer.path)


def test_a_face_that_has_left_the_picture_has_no_place_on_its_path(two_people, monkeypatch):
    monkeypatch.setattr(people, "shares_of", lambda view, landmarks: [1.0, 0.2, 1.0, 0.6])

    assert [shown.path for shown in people_in(two_people)] == [[], []]


def test_a_clip_in_which_surely_nobody_is_says_so(tmp_path):
    clip = write_clip(
        tmp_path / "in.mp4", times=range(0, 12_000, 40), size=SIZE, draw=plain_grey, options={"g": "25"}
    )

    code, answer = asked("video", clip)

    assert (code, answer["error"]["code"]) == (1, "no_face_in_video")
    assert answer["error"]["message"].startswith("No face was found in any of")


def test_a_look_that_takes_too_long_ends_with_what_it_has(two_people, monkeypatch):
    monkeypatch.setattr(people, "SECONDS", -1.0)

    assert people_in(two_people) == []


def test_a_photo_without_a_face_is_refused_as_the_engine_would(tmp_path):
    code, answer = asked("photo", saved(tmp_path / "in.jpg", plain_grey(0, 160, 120)))

    assert (code, answer["error"]["code"]) == (1, "no_face_in_source")
    assert "160x120" in answer["error"]["message"]


def test_the_face_of_a_good_photo_serves():
    code, answer = asked("photo", ASTRONAUT)

    (face,) = answer["people"]
    assert code == 0
    assert (face["usable"], face["taken"], face["reason"], face["sentence"]) == (True, True, "", "")


def test_of_several_faces_the_one_that_a_job_takes_comes_first(tmp_path):
    image = scene([astronaut(120, size=70), hopper(350, size=110)], *PAIR)

    first, second = sitters_of(saved(tmp_path / "in.png", image))

    assert (first.is_taken, second.is_taken) == (True, False)
    assert first.box[0] > 0.5 > second.box[2]


def test_a_face_too_small_to_be_made_out_is_told_with_its_size(tmp_path):
    image = cv2.resize(portrait(), None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)

    (face,) = sitters_of(saved(tmp_path / "in.png", image))

    assert face.reason == "too_small"
    assert "only 4" in face.sentence  # 43 or 44 pixels


def test_a_face_turned_too_far_is_told(monkeypatch):
    monkeypatch.setattr(sitters, "YAW", np.radians(1))  # the samples look almost straight ahead

    (face,) = sitters_of(ASTRONAUT)

    assert face.reason == "turned_away"


@pytest.mark.parametrize("kind", ["photo", "video"])
def test_what_is_neither_is_an_error_with_a_code(tmp_path, kind):
    path = tmp_path / "in.mp4"
    path.write_bytes(b"no media at all" * 100)

    code, answer = asked(kind, path)

    assert (code, answer["error"]["code"]) == (1, "decode_error")
