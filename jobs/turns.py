"""Whose turn it is at the workers: many jobs of one owner shall not hold up another's first.

Next comes the owner with the fewest attempts in work, of several the one who was served longest ago, then
the one who waits longest. Of one owner's jobs previews come first, for somebody is waiting to see them.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Max, Q

from jobs.compute import current_provider
from jobs.models import Attempt, Job

NEVER = datetime.min.replace(tzinfo=UTC)


class Waiting(NamedTuple):
    attempt: UUID
    job: UUID


def in_turn(provider: str) -> list[Waiting]:
    """Return what waits for this provider's workers, in the order in which they get it when they ask.

    It is the order of a moment: an owner whose work ends meanwhile comes earlier.
    """
    queues = defaultdict(list)
    columns = ("pk", "job_id", "job__owner_id", "job__preview_seconds", "created_at")
    for attempt, job, owner, preview, at in Attempt.objects.waiting(provider).values_list(*columns):
        queues[owner].append((preview is None, at, Waiting(attempt, job)))
    served = served_so_far(provider, list(queues))
    turns = []
    for owner, queue in queues.items():
        in_work, last = served.get(owner, (0, NEVER))
        queue.sort()
        first = queue[0][1]
        for number, (_, _, waiting) in enumerate(queue, in_work):
            # Whoever would have the same number after being served for it first is served after the others.
            turns.append(((number, -in_work, last, first, waiting), waiting))
    return [waiting for _, waiting in sorted(turns)]


def served_so_far(provider: str, owners: list[int]) -> dict[int, tuple[int, datetime]]:
    """Return for each owner how many attempts workers are at, and when one was last taken."""
    taken = Attempt.objects.filter(provider=provider, job__owner__in=owners, lease_until__isnull=False)
    in_work = Count("pk", filter=Q(closed_at=None, collecting_at=None))
    rows = taken.values_list("job__owner").annotate(in_work=in_work, last=Max("started_at"))
    return {owner: (in_work, last) for owner, in_work, last in rows}


def queue_positions() -> dict[UUID, int]:
    """Return the place, 1 for the next, of every job that waits for a worker of ours; two queries.

    A provider that is polled has a queue of its own, which it keeps to itself.
    """
    if current_provider().is_polled:
        return {}
    return {waiting.job: place for place, waiting in enumerate(in_turn(settings.COMPUTE_PROVIDER), 1)}


def queue_position(job: Job) -> int | None:
    """Return the job's place, or None if it does not wait."""
    return queue_positions().get(job.pk) if job.is_open else None
