"""What a look at each track costs and decides."""

from __future__ import annotations

import numpy as np
import pytest

from worker.engines.swap.cast import Cast, Role
from worker.engines.swap.scout import Findings
from worker.faces.views import RgbView
from worker.tests.faceclips import plain_grey

RATE = 25
VIEW = RgbView(plain_grey(0, 64, 48))
ANNE, BERT = np.eye(128, dtype=np.float32)[:2]


class ByWidth:
    """Tells people by how wide their landmarks are, in place of the network."""

    def __init__(self) -> None:
        self.looks = 0
        self.looks_like = {10: ANNE, 20: BERT}

    def embedding(self, view: RgbView, landmarks: np.ndarray) -> np.ndarray:
        self.looks += 1
        return self.looks_like[round(float(np.ptp(landmarks[:, 0])))]


def face(width: float) -> np.ndarray:
    points = np.zeros((478, 3), np.float32)
    points[:, 0] = np.linspace(0, width, 478)
    return points


@pytest.fixture
def eyes() -> ByWidth:
    return ByWidth()


@pytest.fixture
def cast(eyes) -> Cast:
    cast = Cast(identifier=eyes, rate=RATE, keep=RATE)
    findings = Findings(size=100.0, neutral=np.zeros((478, 3)))
    cast.set_roles(
        Role(findings=findings, embedding=who, source=source) for who, source in ((ANNE, 0), (BERT, None))
    )
    return cast


def test_one_person_is_looked_at_once(cast, eyes):
    roles = [cast.cast(VIEW, {0: face(10)}, index) for index in range(5 * RATE)]

    assert roles == [{0: 0}] * len(roles)
    assert eyes.looks == 1


def test_of_two_each_is_looked_at_once_a_second(cast, eyes):
    for index in range(5 * RATE):
        assert cast.cast(VIEW, {0: face(10), 1: face(20)}, index) == {0: 0}

    assert eyes.looks == 10
    assert cast.left_alone() == {1}


def test_a_stranger_is_looked_at_again_though_alone(cast, eyes):
    eyes.looks_like[30] = -ANNE
    assert cast.cast(VIEW, {0: face(30)}, 0) == {}

    for index in range(1, 4 * RATE):
        last = cast.cast(VIEW, {0: face(10)}, index)

    assert last == {0: 0}


def test_whoever_came_half_hidden_is_known_soon(cast, eyes):
    eyes.looks_like[30] = 0.7 * ANNE + 0.7 * np.eye(128)[2]  # distance 0.76
    cast.cast(VIEW, {0: face(30)}, 0)

    roles = [cast.cast(VIEW, {0: face(30 if index < 3 else 10)}, index) for index in range(1, RATE // 2)]

    assert roles[0] == {}
    assert roles[-1] == {0: 0}


def test_a_stranger_is_looked_at_a_few_times_and_then_once_a_second(cast, eyes):
    eyes.looks_like[30] = -ANNE

    for index in range(5 * RATE):
        assert cast.cast(VIEW, {0: face(30)}, index) == {}

    assert eyes.looks == 5 + 4


def test_one_look_that_sees_somebody_else_changes_nothing(cast, eyes):
    company = {1: face(20)}
    for index in range(RATE):
        cast.cast(VIEW, {0: face(10)} | company, index)
    eyes.looks_like[11] = 0.6 * ANNE + 0.3 * BERT - 0.5 * np.eye(128)[2]

    roles = [cast.cast(VIEW, {0: face(11)} | company, RATE + index) for index in range(RATE // 2)]

    assert roles == [{0: 0}] * len(roles)


@pytest.mark.parametrize(("widths", "likest"), [((11, 12), 1), ((12, 11), 0)])
def test_of_two_who_look_like_one_the_likest_is_taken(cast, eyes, widths, likest):
    eyes.looks_like |= {11: 0.8 * ANNE, 12: 0.95 * ANNE}
    people = {track: face(width) for track, width in enumerate(widths)}

    assert [cast.cast(VIEW, people, index) for index in (0, 1)] == [{likest: 0}] * 2


def test_a_track_that_comes_back_as_another_is_looked_at_at_once(cast):
    for index in range(10):
        cast.cast(VIEW, {0: face(10)}, index)
    cast.cast(VIEW, {}, 10)

    assert cast.cast(VIEW, {0: face(20)}, 11) == {}


def test_a_track_that_flickers_is_not_looked_at_each_time(cast, eyes):
    for index in range(2 * RATE):
        cast.cast(VIEW, {0: face(10)} if index % 2 else {}, index)

    assert eyes.looks <= 2 * 5


def test_after_a_cut_everybody_is_looked_at(cast):
    cast.cast(VIEW, {0: face(10)}, 0)
    cast.forget()

    assert cast.cast(VIEW, {0: face(20)}, 1) == {}


def test_those_long_gone_are_forgotten(cast):
    cast.cast(VIEW, {0: face(10)}, 0)
    for index in range(1, RATE + 2):
        cast.cast(VIEW, {}, index)

    assert not cast.state.known


def test_where_nobody_was_met_before_the_largest_of_the_first_picture_is_taken(eyes):
    cast = Cast(identifier=eyes, rate=RATE, keep=RATE, source=3)
    assert cast.cast(VIEW, {}, 0) == {}

    assert cast.cast(VIEW, {0: face(10), 1: face(20)}, 1) == {1: 0}
    assert cast.state.roles[0].source == 3


def test_all_that_was_decided_is_taken_up(cast, eyes):
    people = {0: face(10), 1: face(20)}
    for index in range(10):
        cast.cast(VIEW, people, index)
    other = Cast(identifier=ByWidth(), rate=RATE, keep=RATE)
    other.take_up(cast.put_aside())

    assert other.cast(VIEW, people, 10) == {0: 0}
    assert other.identifier.looks == 0
