"""Is the queue alive? Each cluster is given a small task now and then; running it is the sign of life."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.timezone import now
from django_q.tasks import async_task

from jobs.models import Heartbeat

QUEUE_BEAT = {"dispatch": "queue:dispatch", "outputs": "queue:outputs"}
ASK_EVERY = timedelta(seconds=5)
FRESH = timedelta(seconds=30)
SWEEP_BEAT, WORKER_BEAT = "sweep", "worker"


def ask(cluster: str, at: datetime) -> None:
    """Queue one sign of life, if none was asked for in the last seconds."""
    if Heartbeat.take_turn(f"asked:{cluster}", at, ASK_EVERY):
        async_task(
            "jobs.heartbeat.answer", cluster, cluster=cluster, task_name=f"heartbeat-{cluster}", save=False
        )


def answer(cluster: str) -> None:
    Heartbeat.beat(QUEUE_BEAT[cluster], now())
