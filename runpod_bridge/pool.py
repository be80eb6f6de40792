"""The pool: workers that ask us for work. An attempt waits until one takes it; nothing is sent out."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from jobs import outcomes
from jobs.attempts import AttemptQuerySet, execution_timeout
from jobs.compute import Health, Report, State
from jobs.heartbeat import WORKER_BEAT
from jobs.models import Attempt, Heartbeat
from jobs.turns import in_turn
from runpod_bridge.models import LATELY, Worker, WorkerToken

PROVIDER = "runpod_bridge.pool.PoolProvider"
CLIPS = ("job__reference_video", "job__driving_audio")  # whose lengths decide how long a worker may take
AT_ONCE = 8  # waiting attempts looked at in one go; more workers than that seldom ask in the same instant
SILENCE = timedelta(seconds=15)  # A living worker pings at least every 10 s.


class PoolProvider:
    name = "pool"
    is_polled = False

    def send(self, attempt: Attempt) -> str:
        """It has been sent once its row says so: from then on a worker may take it."""
        return str(attempt.pk)

    def poll(self, attempt: Attempt) -> Report | None:
        return None

    def cancel(self, attempt: Attempt) -> bool:
        """Its worker is told when it next asks what to stop, or by the answer to its next message."""
        return attempt.lease_until is None  # Nobody took it, and nobody can any more.

    def health(self) -> Health:
        workers = Worker.objects.around(now()).count()
        seconds = LATELY.total_seconds()
        return Health(
            workers=workers, detail=f"{workers} pool workers were seen in the last {seconds:.0f} s."
        )


def notice(token: WorkerToken, name: str, address: str | None, at: datetime) -> Worker:
    """Return the worker who calls, and let it be known that there is one."""
    worker, is_news = Worker.objects.see(token, name, address, at)
    if is_news and settings.COMPUTE_PROVIDER == PROVIDER:
        Heartbeat.beat(WORKER_BEAT, at)
    return worker


def take(worker: Worker, at: datetime) -> Attempt | None:
    """Give the waiting attempt whose turn it is to this worker. Of several who ask, each gets another."""
    next_ones = [waiting.attempt for waiting in in_turn(PROVIDER)[:AT_ONCE]]
    attempts = Attempt.objects.select_related(*CLIPS).in_bulk(next_ones)
    for attempt in (attempts[pk] for pk in next_ones if pk in attempts):
        columns = {
            "worker": str(worker),
            "started_at": at,
            "lease_until": at + settings.LEASE,
            # The waiting is over, so the time for it is no longer part of the deadline.
            "deadline": min(attempt.deadline, at + execution_timeout(attempt.job)),
        }
        if Attempt.objects.waiting(PROVIDER).filter(pk=attempt.pk).update(**columns) == 1:
            attempt.job.note(f"taken by {worker}", attempt)
            return attempt
    return None


def give_again(worker: Worker, at: datetime) -> Attempt | None:
    """Give what this worker took and shows no sign of having received: our answer was lost on its way.

    Only to a worker that says it has no job, and after a silence: another process of that name may be at it.
    """
    for attempt in unreceived(worker, at).select_related(*CLIPS):
        columns = {"started_at": at, "lease_until": at + settings.LEASE}
        if unreceived(worker, at).filter(pk=attempt.pk).update(**columns) == 1:
            attempt.job.note(f"given to {worker} again, which had not received it", attempt)
            return attempt
    return None


def unreceived(worker: Worker, at: datetime) -> AttemptQuerySet:
    return held_by(worker).working().filter(heard_at=None, started_at__lt=at - SILENCE)


def held_by(worker: Worker) -> AttemptQuerySet:
    """Everything that this worker ever took."""
    return Attempt.objects.filter(provider=PROVIDER, worker=str(worker), lease_until__isnull=False)


def renew(worker: Worker, attempt_ids: list[UUID], at: datetime) -> int:
    """Believe a ping: the worker lives, and has received the job. Only the first is counted as hearing of it.

    The process that pings for Runpod's SDK outlives a killed worker, so of these two signs only
    the other shows that the work goes on.
    """
    held = held_by(worker).working().filter(pk__in=attempt_ids)
    return held.update(lease_until=at + settings.LEASE, heard_at=Coalesce("heard_at", at))


def give_up_abandoned(worker: Worker, at: datetime) -> int:
    """The worker asks for work and says that it has none: what it was at, and is silent about, is lost."""
    unpinged = Q(lease_until__lt=at + settings.LEASE - SILENCE)
    unheard = Q(heard_at__lt=at - settings.LEASE)
    report = Report(
        state=State.LOST,
        cause="job-take",
        error_code="worker_lost",
        error_message="The worker was started again and has forgotten the job.",
        is_transient=True,
    )
    abandoned = held_by(worker).working().filter(unpinged | unheard).exclude(heard_at=None)
    return sum(outcomes.apply(attempt, report) for attempt in abandoned)


def to_stop(worker: Worker) -> list[UUID]:
    """Return what this worker should stop: taken by it, ended by somebody else, and not known to rest.

    It is said again and again, since an answer may be lost.
    """
    return list(held_by(worker).unstopped().values_list("pk", flat=True))


def note_stopped(worker: Worker, still_at: list[UUID], at: datetime) -> int:
    """The worker says what it is at: everything else has stopped."""
    return held_by(worker).unstopped().exclude(pk__in=still_at).update(stopped_at=at)
