"""Tells the service how a job goes on, from a thread of its own: a slow service never stalls a frame."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime
from typing import Any

from worker.deliver import say
from worker.errors import Cancelled, DeliveryFailed
from worker.retries import Backoff
from worker.wire import Callback, Message, MessageStatus, Stage

logger = logging.getLogger(__name__)

ONCE = Backoff(tries=1)  # The next progress message says it better than a repeat of this one.
TIMEOUT = (3, 5)
EVERY = 1.0  # seconds between two messages
AT_LEAST_EVERY = 10.0  # Without news the last is said again: that one lives, and to hear of a cancellation.

# Where in the whole, in percent, a stage begins and ends.
SHARES = {
    Stage.PREPROCESSING: (0, 5),
    Stage.GENERATING: (5, 95),
    Stage.ENHANCING: (5, 95),
    Stage.PACKAGING: (95, 99),
}
COUNTED = {Stage.GENERATING, Stage.ENHANCING, Stage.PACKAGING}  # Their frames are the result's.


class Progress:
    """The progress of one job. Called from the engine for each frame, so it must cost nothing.

    Only the newest state is kept and sent; what a slow service missed is never sent late.
    """

    def __init__(self, callback: Callback, job_id: str, cancelled: threading.Event) -> None:
        self.callback = callback
        self.job_id = job_id
        self.cancelled = cancelled
        self.timings: dict[Stage, dict[str, str]] = {}
        self._stage: Stage | None = None
        self._percent = 0.0
        self._newest: dict[str, Any] = {}
        self._changed = threading.Event()
        self._over = threading.Event()
        self._speaker = threading.Thread(target=self._speak, name="progress", daemon=True)
        self._speaker.start()

    def __call__(self, stage: str, frames_done: int, frames_total: int | None) -> None:
        """Note where the engine is, or raise Cancelled, which ends it between two frames."""
        if self.cancelled.is_set():
            raise Cancelled
        stage = Stage(stage)
        if stage is not self._stage:
            self._enter(stage)
        self._percent = max(self._percent, percent(stage, frames_done, frames_total))
        counts = {"frames_done": frames_done, "frames_total": frames_total} if stage in COUNTED else {}
        self._newest = {"stage": stage.value, "percent": round(self._percent, 1), **counts}
        self._changed.set()

    def end(self) -> None:
        """Stop speaking. When this returns, no progress message is on its way any more."""
        self._over.set()
        self._changed.set()
        self._speaker.join()
        if self._stage:
            self.timings[self._stage]["end"] = _now()

    def _enter(self, stage: Stage) -> None:
        now = _now()
        if self._stage:
            self.timings[self._stage]["end"] = now
        self.timings.setdefault(stage, {"start": now})
        self._stage = stage

    def _speak(self) -> None:
        while not self._over.is_set():
            self._changed.wait(AT_LEAST_EVERY)
            self._changed.clear()
            began = time.monotonic()
            if self._over.is_set():
                return
            if self._newest and not self._say(self._newest):
                return
            self._over.wait(EVERY - (time.monotonic() - began))

    def _say(self, metadata: dict[str, Any]) -> bool:
        """Return whether it makes sense to go on speaking."""
        message = Message(job_id=self.job_id, status=MessageStatus.PROCESSING, metadata=metadata)
        try:
            if say(message, self.callback, stop=self._over, backoff=ONCE, timeout=TIMEOUT):
                self.cancelled.set()
        except DeliveryFailed as exc:
            logger.warning("Job %s: progress was not heard. %s", self.job_id, exc)
            return exc.retry
        return True


def percent(stage: Stage, frames_done: int, frames_total: int | None) -> float:
    """Return how much of the whole is done, 0 to 99; the service itself says 100."""
    begin, end = SHARES[stage]
    part = min(1.0, frames_done / frames_total) if frames_total else 0.0
    return begin + (end - begin) * part


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
