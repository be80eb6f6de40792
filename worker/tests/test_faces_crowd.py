from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
import pytest

from worker.faces import topology
from worker.faces.crowd import MOST, REST, RETRY_EVERY, Crowd, Track
from worker.faces.track import face_size
from worker.faces.views import RgbView
from worker.tests.faceclips import ASTRONAUT, plain_grey, portrait
from worker.tests.peopleclips import PAIR, astronaut, crossing, hopper, scene, side_by_side, sway

RATE = 25.0


def follow(draw: Callable, pictures: int, crowd: Crowd | None = None) -> list[dict[int, tuple[float, float]]]:
    """Return for each picture where the nose tip of each track is."""
    crowd = crowd or Crowd(rate=RATE)
    return [noses(crowd.follow(RgbView(draw(index, *PAIR)))) for index in range(pictures)]


def noses(people: dict[int, np.ndarray]) -> dict[int, tuple[float, float]]:
    return {track: tuple(points[topology.NOSE_TIP, :2]) for track, points in people.items()}


@pytest.fixture
def counted(monkeypatch):
    """Count what a crowd asks of the networks."""
    counts = {"read": 0, "find_near": 0, "find_all": 0}

    def count(crowd: Crowd) -> Crowd:
        for name in counts:
            real = getattr(crowd.looker, name)

            def wrapped(*given, _real=real, _name=name):
                counts[_name] += 1
                return _real(*given)

            monkeypatch.setattr(crowd.looker, name, wrapped)
        return crowd

    count.counts = counts
    return count


def test_two_people_keep_a_track_each():
    seen = follow(side_by_side, 12)

    assert all(set(people) == {0, 1} for people in seen)
    for index, people in enumerate(seen):
        left, right = sorted(people.values())
        assert left[0] == pytest.approx(120 + sway(index), abs=6)
        assert right[0] == pytest.approx(350 - sway(index), abs=6)


def test_one_person_costs_one_look_of_the_mesh_a_picture_and_a_search_every_half_second(counted):
    crowd = counted(Crowd(rate=RATE))
    alone = scene([astronaut(200)], *PAIR)

    crowd.follow(RgbView(alone))
    counted.counts.update(read=0, find_near=0, find_all=0)
    for _ in range(50):
        crowd.follow(RgbView(alone))

    assert counted.counts["read"] == 50
    assert counted.counts["find_near"] + counted.counts["find_all"] in (3, 4)


def test_a_newcomer_is_seen_within_half_a_second():
    def second_comes(index: int, width: int, height: int) -> np.ndarray:
        return scene([astronaut(120)] + ([hopper(350)] if index >= 3 else []), width, height)

    seen = follow(second_comes, 18)

    assert [len(people) for people in seen[:3]] == [1, 1, 1]
    assert len(seen[-1]) == 2


def test_a_face_that_is_lost_and_found_keeps_its_track():
    def hidden_for_a_while(index: int, width: int, height: int) -> np.ndarray:
        return scene([] if 5 <= index < 10 else [astronaut(120 + 3 * index)], width, height)

    seen = follow(hidden_for_a_while, 14)

    assert [set(people) for people in seen] == [{0}] * 5 + [set()] * 5 + [{0}] * 4


@pytest.mark.parametrize(
    "after", [astronaut(400), astronaut(120, size=45)], ids=["elsewhere", "of another size"]
)
def test_a_face_that_comes_back_unlike_itself_is_a_new_track(after):
    def hidden_for_a_while(index: int, width: int, height: int) -> np.ndarray:
        return scene([astronaut(120)] if index < 3 else [] if index < 6 else [after], width, height)

    seen = follow(hidden_for_a_while, 8)

    assert [set(people) for people in seen] == [{0}] * 3 + [set()] * 3 + [{1}] * 2


def test_a_face_that_comes_back_late_is_a_new_track():
    crowd = Crowd(rate=4)
    first = crowd.follow(RgbView(scene([astronaut(120)], *PAIR)))
    for _ in range(6):
        crowd.follow(RgbView(plain_grey(0, *PAIR)))

    assert set(first) == {0}
    assert set(crowd.follow(RgbView(scene([astronaut(120)], *PAIR)))) == {1}


def test_after_a_cut_nobody_is_who_was_there_before():
    crowd = Crowd(rate=RATE)
    before = follow(side_by_side, 2, crowd)
    crowd.forget()

    assert set(before[-1]) == {0, 1}
    assert set(follow(side_by_side, 1, crowd)[0]) == {2, 3}


def test_two_who_cross_never_share_a_face_and_the_one_in_front_keeps_its_track():
    seen = follow(crossing, 30)

    for people in seen:
        places = sorted(x for x, _ in people.values())
        assert all(right - left > 30 for left, right in pairwise(places))
    front = next(track for track, (x, _) in seen[0].items() if x < 240)
    assert all(front in people for people in seen)
    assert seen[-1][front][0] == pytest.approx(135 + 7 * 29, abs=8)


@pytest.mark.parametrize("steady", [0, 1])
def test_of_two_tracks_on_one_face_the_one_that_strayed_lets_go(steady):
    view = RgbView(scene([astronaut(200)], *PAIR))
    crowd = Crowd(rate=RATE)
    here = crowd.follow(view)[0]
    strayed = here + np.float32([0.3 * face_size(here), 0, 0])
    places = [here, strayed] if steady == 0 else [strayed, here]
    crowd.state.tracks = {track: Track(landmarks=place) for track, place in enumerate(places)}

    assert set(crowd.follow(view)) == {steady}


def test_one_who_is_missed_is_looked_for_again_soon():
    def second_hides(index: int, width: int, height: int) -> np.ndarray:
        return scene([astronaut(120)] + ([] if 3 <= index < 6 else [hopper(350)]), width, height)

    seen = follow(second_hides, 6 + RETRY_EVERY)

    assert len(seen[4]) == 1
    assert len(seen[-1]) == 2


def test_of_a_crowd_the_largest_are_followed():
    face = portrait(ASTRONAUT)[30:220, 130:320]
    large, small = (np.hstack([cv2.resize(face, (side, side))] * 4) for side in (180, 130))
    canvas = plain_grey(0, 720, 360)
    canvas[:180], canvas[200:330, :520] = large, small

    people = Crowd(rate=RATE).follow(RgbView(canvas))

    heights = sorted(face_size(points) for points in people.values())
    assert heights == pytest.approx([76] * (MOST - 4) + [104] * 4, rel=0.1)


def test_a_resting_track_is_looked_at_every_fourth_picture_and_kept(counted):
    crowd = counted(Crowd(rate=RATE))
    crowd.follow(RgbView(side_by_side(0, *PAIR)))
    counted.counts.update(read=0)
    crowd.state.since_search = -100  # no searches meanwhile

    seen = [noses(crowd.follow(RgbView(side_by_side(index, *PAIR)), resting={1})) for index in range(1, 13)]

    assert counted.counts["read"] == 12 + 12 // REST
    assert all(set(people) == {0, 1} for people in seen)


def test_a_resting_track_does_not_take_the_face_of_one_who_comes_there():
    view = RgbView(scene([astronaut(200)], *PAIR))
    crowd = Crowd(rate=RATE)
    here = crowd.follow(view)[0]
    came = here - np.float32([0.1 * face_size(here), 0, 0])
    crowd.state.tracks = {0: Track(landmarks=came), 1: Track(landmarks=here)}

    assert set(crowd.follow(view, resting={1})) == {0}
