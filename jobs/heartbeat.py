"""Is the queue alive? Every task that is taken is a sign of life; where there is none, one is queued."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django_q.models import OrmQ
from django_q.tasks import async_task

from jobs.renewal import repeat

QUEUE_BEAT = {"dispatch": "queue:dispatch", "outputs": "queue:outputs"}
ASK_EVERY = timedelta(seconds=5)
BEAT_EVERY = timedelta(seconds=4)
FRESH = timedelta(seconds=30)
SWEEP_BEAT, WORKER_BEAT = "sweep", "worker"

# Of this process's one task at a time: set when it is over.
_over = threading.Event()


class Heartbeat(models.Model):
    """When something was last known to be alive, or last did its round."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name, verbose_name_plural = _("heartbeat"), _("heartbeats")

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%H:%M:%S}"

    @classmethod
    def beat(cls, name: str, at: datetime) -> None:
        cls.objects.update_or_create(name=name, defaults={"at": at})

    @classmethod
    def take_turn(cls, name: str, at: datetime, every: timedelta) -> bool:
        """Of many processes that come round, let one in per `every`."""
        cls.objects.get_or_create(name=name, defaults={"at": at - 2 * every})
        # A turn far ahead was taken before the clock was set back.
        is_due = Q(at__lte=at - every) | Q(at__gt=at + every)
        return cls.objects.filter(is_due, name=name).update(at=at) == 1

    @classmethod
    def last(cls, name: str) -> datetime | None:
        return cls.objects.filter(name=name).values_list("at", flat=True).first()

    @classmethod
    def is_fresh(cls, name: str, at: datetime, within: timedelta) -> bool:
        return cls.objects.filter(name=name, at__range=(at - within, at + within)).exists()


def ask(cluster: str, at: datetime) -> None:
    """Queue a sign of life, unless one was asked for a moment ago or anything waits to be taken anyway.

    So a cluster that is down, or hangs, finds one row of ours when it comes back, not hundreds.
    """
    if OrmQ.objects.filter(key=cluster, lock__lte=at).exists():
        return
    if Heartbeat.take_turn(f"asked:{cluster}", at, ASK_EVERY):
        async_task(
            "jobs.heartbeat.answer", cluster, cluster=cluster, task_name=f"heartbeat-{cluster}", save=False
        )


def answer(cluster: str) -> None:
    Heartbeat.beat(QUEUE_BEAT[cluster], now())


def task_begins(sender: Any, task: dict[str, Any], **kwargs: Any) -> None:
    """A worker took a task: a sign of life at once, and again for as long as it is at it.

    Else two slow answers of a provider, or one large result, would look like a cluster that hangs.
    """
    global _over
    _over.set()
    if (cluster := task.get("cluster")) not in QUEUE_BEAT:
        return

    def beat() -> None:
        Heartbeat.take_turn(QUEUE_BEAT[cluster], now(), BEAT_EVERY)

    with suppress(DatabaseError):  # It must not end the worker: the task is worth more than the sign.
        beat()
    _over = threading.Event()
    threading.Thread(target=repeat, args=[beat, BEAT_EVERY, _over], name="pulse", daemon=True).start()


def task_ended(sender: Any, task: dict[str, Any], **kwargs: Any) -> None:
    _over.set()
