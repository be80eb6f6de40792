"""What the supervisor does with one child, by a clock of the test's own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from faceswap_site.children import FIRST_PAUSE, LONGEST_PAUSE, STEADY_AFTER, Child, Program
from faceswap_site.undertaker import Undertaker


@pytest.fixture
def undertaker():
    undertaker = Undertaker()
    yield undertaker
    undertaker.dismiss()


@pytest.fixture
def child_of(undertaker, tmp_path):
    children = []

    def make(*command: str, **how) -> Child:
        child = Child(Program(name="child", command=list(command), **how), undertaker, folder=tmp_path)
        children.append(child)
        return child

    yield make
    for child in children:
        child.bury()


def dies(child: Child) -> None:
    child.process.wait(10)


def test_a_child_that_dies_at_once_is_started_again_ever_later(child_of):
    child, at = child_of("false"), now()
    child.start(at)
    pauses = []

    for _ in range(8):
        dies(child)
        child.tend(at)
        pauses.append(child.next_start - at)
        at = child.next_start
        child.tend(at)

    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE


def test_a_child_that_ran_for_a_while_is_started_again_soon(child_of):
    child, at = child_of("false"), now()
    child.pause = LONGEST_PAUSE
    child.start(at)
    dies(child)

    child.tend(at + STEADY_AFTER)

    assert child.next_start == at + STEADY_AFTER + FIRST_PAUSE


def test_a_dead_child_is_not_started_before_its_pause_is_over(child_of):
    child, at = child_of("false"), now()
    child.start(at)
    dies(child)

    child.tend(at)
    child.tend(at + FIRST_PAUSE / 2)

    assert not child.is_running


def test_a_clock_that_was_set_back_keeps_no_child_waiting(child_of):
    child, at = child_of("sleep", "60"), now()
    child.start(at)
    child.kill()
    dies(child)

    child.tend(at)
    child.tend(at - timedelta(hours=1))

    assert child.is_running


def test_a_child_that_says_it_cannot_run_here_is_left_alone(child_of):
    child, at = child_of("sh", "-c", "exit 3", hopeless_exits=frozenset({3})), now()
    child.start(at)
    dies(child)

    child.tend(at)
    child.tend(at + timedelta(days=1))

    assert child.process is None


def test_a_child_that_was_asked_to_stop_is_not_started_again(child_of):
    child, at = child_of("sleep", "60"), now()
    child.start(at)

    child.ask_to_stop()

    assert child.process.wait(10) == -15


def test_a_child_gets_what_its_program_says_in_the_environment(child_of, tmp_path):
    child = child_of("sh", "-c", 'echo "$WORKER_TOKEN" > said', environ={"WORKER_TOKEN": "abc"})

    child.start(now())
    dies(child)

    assert (tmp_path / "said").read_text() == "abc\n"


def test_a_programs_secrets_are_not_shown():
    program = Program(name="worker", command=["worker"], environ={"WORKER_TOKEN": "abc"})

    assert "abc" not in repr(program)
