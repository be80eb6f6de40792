"""What is held for a short time is renewed while its holder lives: a dead one does not hold it for long."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import DatabaseError, connection

log = logging.getLogger(__name__)


def repeat(act: Callable[[], object], every: timedelta, over: threading.Event) -> None:
    """Do it every so often, in a thread of its own, until something is over."""
    while not over.wait(every.total_seconds()):
        try:
            act()
        except DatabaseError as exc:  # The next time it may do.
            log.warning("Could not say that the work goes on: %s", exc)
    connection.close()  # This thread's own.


@contextmanager
def meanwhile(act: Callable[[], object], every: timedelta) -> Iterator[None]:
    """Do it every so often while the block is at work."""
    over = threading.Event()
    threading.Thread(target=repeat, args=[act, every, over], name="renewal", daemon=True).start()
    try:
        yield
    finally:
        over.set()
