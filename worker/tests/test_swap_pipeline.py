from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

import pytest

from worker.engines.pipeline import Pipeline


def doubled(numbers: Iterable[int]) -> Iterator[int]:
    return (2 * number for number in numbers)


def failing_at(numbers: Iterable[int], last: int) -> Iterator[int]:
    for number in numbers:
        if number == last:
            raise LookupError(f"step failed at {number}")
        yield number


def test_items_come_through_in_order():
    with Pipeline() as pipeline:
        steps = pipeline.ahead(doubled(pipeline.ahead(range(100), name="count")), name="double")

        assert list(steps) == list(range(0, 200, 2))


def test_each_step_runs_in_a_thread_of_its_own():
    def named(items: Iterable[str]) -> Iterator[str]:
        for item in items:
            yield f"{item} {threading.current_thread().name}"

    with Pipeline() as pipeline:
        steps = pipeline.ahead(named(pipeline.ahead(named(["by"]), name="first")), name="second")

        assert list(steps) == ["by first second"]


def test_a_step_runs_ahead_by_no_more_than_the_depth():
    made = []

    def counted() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    with Pipeline(depth=3) as pipeline:
        step = pipeline.ahead(counted(), name="count")
        for _ in range(5):
            next(step)

        assert len(made) <= 5 + 3 + 1


def test_an_error_in_the_first_step_reaches_the_reader_of_the_last():
    with Pipeline() as pipeline:
        steps = pipeline.ahead(doubled(pipeline.ahead(failing_at(range(50), 7), name="fail")), name="double")

        with pytest.raises(LookupError, match="step failed at 7"):
            list(steps)


def test_an_error_does_not_wait_behind_items_nobody_reads():
    failed = threading.Event()

    def fails() -> Iterator[int]:
        yield from (1, 2)
        failed.set()
        raise LookupError("at once")

    with Pipeline(depth=4) as pipeline:
        step = pipeline.ahead(fails(), name="fail")
        failed.wait(5)
        pipeline.steps[0].thread.join(5)

        with pytest.raises(LookupError, match="at once"):
            next(step)


def test_leaving_early_ends_every_thread():
    with Pipeline() as pipeline:
        steps = pipeline.ahead(doubled(pipeline.ahead(iter(int, 1), name="endless")), name="double")
        next(steps)

    assert not any(step.thread.is_alive() for step in pipeline.steps)
