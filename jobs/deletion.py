"""The end of a job's files, for good: only a tombstone stays."""

from __future__ import annotations

from django.utils.timezone import now

from assets.models import Asset
from jobs.models import Job
from jobs.needs import release


def delete_files(job: Job, reason: str) -> None:
    """Cancel if need be, erase every file that nobody else needs, and leave a tombstone."""
    if job.is_open:
        job.cancel(reason)
    at = now()
    if Job.objects.filter(pk=job.pk, deleted_at=None).update(deleted_at=at) != 1:
        return
    job.deleted_at = at
    job.events.create(old=job.status, new=job.status, reason=reason)
    made = Asset.objects.filter(made_by__job=job)
    for asset in {*job.inputs, job.output, *made}:
        if asset:
            release(asset, at)
