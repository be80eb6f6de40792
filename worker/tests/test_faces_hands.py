from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from benchmarks.props import Scene, drawn_hand
from worker.faces import topology
from worker.faces.hands import (
    BELIEVED,
    MISSED_EVERY,
    MISSED_FOR,
    POINTS,
    REACHES,
    REST,
    SEARCH_EVERY,
    Hand,
    Hands,
    region_of_hand,
    turn_of,
)
from worker.faces.track import landmarks_of_photo
from worker.faces.views import RgbView
from worker.tests.faceclips import ASTRONAUT, HOPPER, portrait

RATE = 30.0
CHEEK = (0.35, 0.5)  # in eye distances right of the face's middle, and below it
SEARCH = round(SEARCH_EVERY * RATE)  # frames


@cache
def face() -> np.ndarray:
    return landmarks_of_photo(portrait())


def held_up(x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the astronaut with a hand there, and where in the picture that is."""
    points, photo = face(), portrait()
    eyes = points[[topology.LEFT_EYE_CORNER, topology.RIGHT_EYE_CORNER], :2]
    scene = Scene(
        index=0,
        size=photo.shape[:2],
        points=points,
        home=points[: topology.FACE_POINTS, :2].mean(axis=0),
        unit=float(np.linalg.norm(eyes[1] - eyes[0])),
        skin=photo[points[50, 1].astype(int), points[50, 0].astype(int)].astype(float),
    )
    layer = drawn_hand(scene, x, y)
    mixed = photo * (1 - layer[..., 3:]) + layer[..., :3] * layer[..., 3:]
    return np.rint(mixed.clip(0, 255)).astype(np.uint8), layer[..., 3] > 0.5


def follow(hands: Hands, images: list[np.ndarray]) -> list[list[np.ndarray]]:
    return [hands.follow(RgbView(image), [face()]) for image in images]


@pytest.fixture
def looks(monkeypatch):
    """Count what the two networks are asked."""
    counts = {"palms": 0, "hand": 0}

    def counted(hands: Hands) -> Hands:
        for name, network, method in (("palms", hands.palms, "find"), ("hand", hands.network, "read")):
            real = getattr(network, method)

            def wrapped(*given, _real=real, _name=name):
                counts[_name] += 1
                return _real(*given)

            monkeypatch.setattr(network, method, wrapped)
        return hands

    counted.counts = counts
    return counted


def test_a_hand_before_a_face_is_found_at_once_and_its_points_lie_on_it():
    image, where = held_up(*CHEEK)

    ((points,),) = follow(Hands(rate=RATE), [image])

    assert points.shape == (POINTS, 2)
    x, y = np.rint(points).astype(int).T
    assert where[y, x].mean() > 0.9


@pytest.mark.parametrize("path", [ASTRONAUT, HOPPER], ids=["astronaut", "hopper"])
def test_a_bare_face_is_no_hand(path):
    photo = portrait(path)
    points, hands = landmarks_of_photo(photo), Hands(rate=RATE)

    for _ in range(len(REACHES) * SEARCH + 1):
        assert hands.follow(RgbView(photo), [points]) == []


def test_a_hand_is_followed_by_one_look_a_picture(looks):
    hands = looks(Hands(rate=RATE))
    places = [(CHEEK[0] + 0.02 * step, CHEEK[1]) for step in range(12)]

    seen = follow(hands, [held_up(*place)[0] for place in places])

    assert all(len(found) == 1 for found in seen)
    moved = seen[-1][0].mean(axis=0) - seen[0][0].mean(axis=0)
    eyes = face()[[topology.LEFT_EYE_CORNER, topology.RIGHT_EYE_CORNER], :2]
    assert moved[0] == pytest.approx(0.22 * np.linalg.norm(eyes[1] - eyes[0]), rel=0.3)
    assert looks.counts["palms"] == 2  # there may be another hand
    assert looks.counts["hand"] <= 12 + 2 * 2


def test_without_a_hand_a_search_is_all_there_is_and_only_now_and_then(looks):
    hands = looks(Hands(rate=RATE))

    follow(hands, [portrait()] * (2 * SEARCH + 1))

    assert looks.counts["palms"] == 3


def test_a_hand_that_is_gone_is_believed_for_a_moment_and_then_given_up(looks):
    hands = looks(Hands(rate=RATE))
    image, _ = held_up(*CHEEK)
    follow(hands, [image] * 3)

    seen = [len(found) for found in follow(hands, [portrait()] * 60)]

    believed, given_up = int(BELIEVED * RATE), int(MISSED_FOR * RATE)
    assert believed > 0
    assert seen == [1] * believed + [0] * (60 - believed)
    assert hands.state.hands == []
    looks.counts["hand"] = looks.counts["palms"] = 0
    follow(hands, [portrait()] * given_up)
    assert looks.counts["palms"] <= given_up / SEARCH + 1


def test_a_hand_that_is_missed_is_soon_found_elsewhere():
    hands = Hands(rate=RATE)
    follow(hands, [held_up(*CHEEK)[0]] * 2)
    follow(hands, [portrait()] * (SEARCH // 2))

    seen = follow(hands, [held_up(-0.3, 0.9)[0]] * (len(REACHES) * round(MISSED_EVERY * RATE)))

    assert len(seen[-1]) == 1


def test_one_hand_is_not_held_twice():
    image, _ = held_up(*CHEEK)
    hands = Hands(rate=RATE)
    ((points,),) = follow(hands, [image])

    hands.state.hands.append(Hand(points=points + 2))
    (seen,) = follow(hands, [image])

    assert len(seen) == 1


def test_after_a_cut_nothing_of_a_hand_is_left():
    hands = Hands(rate=RATE)
    follow(hands, [held_up(*CHEEK)[0]])

    hands.forget()

    assert follow(hands, [portrait()]) == [[]]


def test_a_hand_far_from_the_face_rests(looks):
    hands = looks(Hands(rate=RATE))
    image, _ = held_up(*CHEEK)
    follow(hands, [image])
    away = face() + np.array([900, 0, 0], np.float32)
    looks.counts["hand"] = looks.counts["palms"] = 0

    seen = [hands.follow(RgbView(image), [away]) for _ in range(2 * REST)]

    assert seen == [[]] * (2 * REST)
    assert looks.counts["hand"] == 2 < 2 * REST


def test_round_a_face_outside_the_picture_nothing_is_looked_for():
    outside = face() + np.array([4000, 0, 0], np.float32)

    assert Hands(rate=RATE).follow(RgbView(portrait()), [outside]) == []


def test_where_nobody_is_no_hand_is_looked_for(looks):
    hands = looks(Hands(rate=RATE))

    assert hands.follow(RgbView(held_up(*CHEEK)[0]), []) == []
    assert looks.counts == {"palms": 0, "hand": 0}


def test_whoever_goes_on_sees_the_same():
    whole, first, second = (Hands(rate=RATE) for _ in range(3))
    images = [held_up(CHEEK[0] + 0.03 * step, CHEEK[1])[0] for step in range(6)]
    expected = follow(whole, images)

    follow(first, images[:3])
    second.take_up(first.put_aside())
    went_on = follow(second, images[3:])

    for (one,), (other,) in zip(expected[3:], went_on, strict=True):
        assert np.array_equal(one, other)


def test_a_hand_that_points_up_is_not_turned():
    assert turn_of(np.array([0.0, -1.0])) == 0
    assert turn_of(np.array([1.0, 0.0])) == pytest.approx(np.pi / 2)
    assert turn_of(np.array([-1.0, 0.0])) == pytest.approx(-np.pi / 2)


def test_the_region_of_a_turned_hand_is_the_hands_own_turned_with_it():
    rng = np.random.default_rng(2)
    points = rng.uniform((100, 60), (140, 100), (POINTS, 2))
    points[0], points[[5, 9, 13]] = [120, 120], [[110, 70], [120, 66], [130, 70]]
    upright = region_of_hand(points)
    quarter = np.array([[0.0, 1.0], [-1.0, 0.0]])  # x to y: a turn to the right by 90 degrees

    turned = region_of_hand(points @ quarter)

    assert turned.angle == pytest.approx(upright.angle + np.pi / 2)
    assert turned.side == pytest.approx(upright.side)
    assert (turned.x, turned.y) == pytest.approx(tuple(np.array([upright.x, upright.y]) @ quarter))
