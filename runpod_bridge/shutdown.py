"""Whether the web server has been told to end, for requests that would otherwise be held for seconds."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any]

_signalled = False  # Not an Event: a signal handler must take no lock.


def has_begun() -> bool:
    return _signalled


def watch() -> None:
    """Notice the signals that end a server before it acts on them itself. Call it in its main thread."""
    if threading.current_thread() is not threading.main_thread():
        return  # the development server, which ends its threads the hard way
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        theirs = signal.getsignal(number)
        if callable(theirs):
            signal.signal(number, _before(theirs))


def _before(theirs: Handler) -> Handler:
    def note(number: int, frame: FrameType | None) -> None:
        global _signalled
        _signalled = True
        theirs(number, frame)

    return note
