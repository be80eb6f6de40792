"""Who keeps the time: sweeps, asks the queue for signs of life, and ends a queue that gives none.

django-q2's own scheduler cannot: it looks every 30 s only, and a hung cluster runs nothing at all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from django.db import close_old_connections, connection
from django.utils.timezone import now

from faceswap_site.children import Child
from jobs import heartbeat
from jobs.models import Heartbeat
from jobs.sweep import sweep_if_due

log = logging.getLogger(__name__)

ROUND = 0.5  # seconds
# How long a cluster may be silent. Its workers say that they live while they are at a task, however long.
SILENCE = timedelta(seconds=20)
FIRST_SIGN = timedelta(seconds=40)  # after a start: a slow machine compiles every module first
ASLEEP = timedelta(seconds=5)  # between two rounds: the machine slept, or the database kept us waiting


class Timekeeper(threading.Thread):
    """A thread of its own, so that a slow database never keeps the supervisor from its children."""

    def __init__(self, clusters: Mapping[str, Child]) -> None:
        super().__init__(name="timekeeper", daemon=True)
        self.clusters = clusters
        self.ended = threading.Event()
        self.last_round = self.awake_since = now()

    def run(self) -> None:
        while not self.ended.wait(ROUND):
            self.round(now())
        connection.close()

    def round(self, at: datetime) -> None:
        if at - self.last_round > ASLEEP or at < self.last_round:
            self.awake_since = at
        self.last_round = at
        for act in (sweep_if_due, self.ask, self.end_the_silent):
            self._try(act, at)

    def _try(self, act: Callable[[datetime], object], at: datetime) -> None:
        try:
            act(at)
        except Exception:
            # Whatever it was, the next round must come: nobody else brings back what was lost.
            log.exception("The supervisor's round failed at %s; it goes on.", act.__name__)
            connection.close()
        finally:
            close_old_connections()

    def ask(self, at: datetime) -> None:
        for cluster in self.clusters:
            heartbeat.ask(cluster, at)

    def end_the_silent(self, at: datetime) -> None:
        for cluster, child in self.clusters.items():
            if self._is_silent(cluster, child, at):
                log.error("The queue %r has given no sign of life; it is killed and started again.", cluster)
                child.kill()

    def _is_silent(self, cluster: str, child: Child, at: datetime) -> bool:
        if child.started_at is None or not child.is_running:
            return False
        last = Heartbeat.last(heartbeat.QUEUE_BEAT[cluster])
        has_spoken = last is not None and last >= child.started_at
        since = max(child.started_at, self.awake_since)
        if at - since < (SILENCE if has_spoken else FIRST_SIGN):
            return False
        return not Heartbeat.is_fresh(heartbeat.QUEUE_BEAT[cluster], at, SILENCE)
