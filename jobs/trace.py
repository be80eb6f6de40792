"""Whose work a log line is about: the request that came in, the job, the attempt.

What is noted holds until the request or the queued task that is being worked on ends.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

NAMES = ("request", "job", "attempt")
# What the first argument of a queued task names.
TASKS = {
    "jobs.dispatch.dispatch": "job",
    "jobs.dispatch.send": "attempt",
    "jobs.dispatch.cancel": "attempt",
    "jobs.outputs.collect": "attempt",
    "jobs.sweep.poll": "attempt",
}
_subject: ContextVar[Mapping[str, str]] = ContextVar("subject", default=MappingProxyType({}))


@contextmanager
def about(**names: Any) -> Iterator[None]:
    """Everything logged inside is about these; what was noted inside is forgotten afterwards."""
    outer = _subject.set({**_subject.get(), **_texts(names)})
    try:
        yield
    finally:
        _subject.reset(outer)


def note(**names: Any) -> None:
    """From here on it is about these, too."""
    _subject.set({**_subject.get(), **_texts(names)})


def _texts(names: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in names.items() if value}


class SubjectFilter(logging.Filter):
    """Give every record the attributes `request`, `job` and `attempt`: empty where there is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        subject = _subject.get()
        for name in NAMES:
            if not isinstance(getattr(record, name, None), str):  # Django puts whole requests there
                setattr(record, name, subject.get(name, ""))
        return True


def task_begins(sender: Any, task: dict[str, Any], **kwargs: Any) -> None:
    """The queue's workers do one task after another: what this one logs is about its job or attempt."""
    _subject.set({})
    if (name := TASKS.get(task["func"])) and task["args"]:
        note(**{name: task["args"][0]})


def task_ended(sender: Any, task: dict[str, Any], **kwargs: Any) -> None:
    _subject.set({})
