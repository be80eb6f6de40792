"""Pages of a person's jobs, newest first.

A page is found by its neighbour, not by counting, so that the last one is as fast as the first.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models import Q

from jobs.models import Job, JobQuerySet

SIZE = 24
NEWEST_FIRST = ("-created_at", "-id")


@dataclass(frozen=True, kw_only=True)
class Page:
    jobs: list[Job]
    has_newer: bool
    has_older: bool


def page_of(jobs: JobQuerySet, *, before: str = "", after: str = "", size: int = SIZE) -> Page:
    """Return the page that follows the job `before`, or precedes the job `after`; by default the first.

    Both are ids out of an address, so one that is unknown, or a stranger's, means the first page.
    """
    jobs = jobs.order_by(*NEWEST_FIRST)
    if anchor := _find(jobs, before):
        found = _shown(jobs.filter(_older_than(anchor))[: size + 1])
        return Page(jobs=found[:size], has_newer=True, has_older=len(found) > size)
    if anchor := _find(jobs, after):
        found = _shown(jobs.filter(_newer_than(anchor)).reverse()[: size + 1])
        if len(found) > size:
            return Page(jobs=found[1:], has_newer=True, has_older=True)
    found = _shown(jobs[: size + 1])
    return Page(jobs=found[:size], has_newer=False, has_older=len(found) > size)


def _shown(jobs: JobQuerySet) -> list[Job]:
    # Chosen before they are joined: PostgreSQL expects little of a search, and would join all that it finds.
    chosen = Job.objects.filter(pk__in=jobs.values("pk"))
    return list(chosen.with_parts().order_by(*NEWEST_FIRST))


def _find(jobs: JobQuerySet, key: str) -> Job | None:
    try:
        return jobs.filter(pk=key).first() if key else None
    except ValidationError:
        return None  # no UUID


def _older_than(job: Job) -> Q:
    # The first condition follows from the second; it is what an index can be entered with.
    return Q(created_at__lte=job.created_at) & (Q(created_at__lt=job.created_at) | Q(id__lt=job.pk))


def _newer_than(job: Job) -> Q:
    return Q(created_at__gte=job.created_at) & (Q(created_at__gt=job.created_at) | Q(id__gt=job.pk))
