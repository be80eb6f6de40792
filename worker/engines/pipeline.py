"""Let the steps of a stream work at the same time, each in a thread of its own.

Video work is done by FFmpeg, OpenCV and ONNX Runtime, which all let go of Python's lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from threading import Condition, Thread
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")

DEPTH = 2  # frames that wait between two steps: enough to even out, few enough for 4K pictures


class _Stopped(Exception):
    """Ends a step's thread once nobody wants its items any more."""


class Pipeline:
    """Steps that run ahead of whoever reads them. Use it in a `with`: leaving ends and joins every thread.

    An error in any step is raised at once in the thread that reads the last one, ahead of what still waits.
    """

    def __init__(self, *, depth: int = DEPTH) -> None:
        self.depth = depth
        self.changed = Condition()
        self.failure: BaseException | None = None
        self.stopped = False
        self.steps: list[Step] = []

    def ahead(self, items: Iterable[T], *, name: str) -> Iterator[T]:
        """Return the same items, made by a thread of their own before they are asked for."""
        step = Step(self, items, name)
        self.steps.append(step)
        step.thread.start()
        return step

    def stop(self, failure: BaseException | None = None) -> None:
        with self.changed:
            self.failure = self.failure or failure
            self.stopped = True
            self.changed.notify_all()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for step in self.steps:
            step.thread.join()


class Step(Generic[T]):
    def __init__(self, pipeline: Pipeline, items: Iterable[T], name: str) -> None:
        self.pipeline = pipeline
        self.items = items
        self.waiting: deque[T] = deque()
        self.is_over = False
        self.thread = Thread(target=self.work, name=name, daemon=True)

    def work(self) -> None:
        try:
            for item in self.items:
                self.put(item)
        except _Stopped:
            return
        except BaseException as error:  # handed to the reader, whatever it is
            self.pipeline.stop(error)
        with self.pipeline.changed:
            self.is_over = True
            self.pipeline.changed.notify_all()

    def put(self, item: T) -> None:
        pipeline = self.pipeline
        with pipeline.changed:
            pipeline.changed.wait_for(lambda: pipeline.stopped or len(self.waiting) < pipeline.depth)
            if pipeline.stopped:
                raise _Stopped
            self.waiting.append(item)
            pipeline.changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        pipeline = self.pipeline
        with pipeline.changed:
            pipeline.changed.wait_for(lambda: pipeline.stopped or self.waiting or self.is_over)
            if pipeline.stopped:
                raise pipeline.failure or _Stopped
            if not self.waiting:
                raise StopIteration
            item = self.waiting.popleft()
            pipeline.changed.notify_all()
            return item
