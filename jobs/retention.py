"""Give back what jobs no longer need: files past their time, inputs of no job, old answers and queue rows.

In small transactions, and so much a round; the next round goes on. Safe to run twice at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django_q.models import Task

from assets.models import Asset
from assets.retention import BATCH, delete_in_batches
from jobs import needs
from jobs.idempotency import IdempotencyKey
from jobs.models import Job, JobQuerySet

# By which of a job's fields files of this kind are reached, and what people call one.
ROLES = {
    Asset.Kind.VIDEO: (["reference_video"], "the clip"),
    Asset.Kind.IMAGE: (["source_image", "more_photos__asset"], "the photo"),
    Asset.Kind.AUDIO: (["driving_audio"], "the sound"),
    Asset.Kind.OUTPUT: (["attempts__output"], "the result"),
}


def clear(at: datetime) -> dict[str, int]:
    """Delete what is past its time, and return how many of each."""
    return {
        **{f"{kind}_files": expire(kind, at) for kind in ROLES},
        "unused_inputs": needs.release_unused(at - settings.STAGED_UPLOAD_TTL, at, BATCH),
        "idempotency_keys": delete_in_batches(IdempotencyKey.objects.past(at)),
        "queue_rows": delete_in_batches(Task.objects.filter(stopped__lt=at - settings.QUEUE_HISTORY)),
    }


def expire(kind: Asset.Kind, at: datetime) -> int:
    """Delete the files of this kind whose jobs ended so many days ago; the rows stay and say so."""
    days = settings.RETENTION_DAYS[kind]
    if not days:
        return 0
    past = ended_before(at - timedelta(days=days)).order_by("finished_at")
    found: list[tuple[UUID, UUID]] = []
    for role in ROLES[kind][0]:
        here = {f"{role}__stored_at__isnull": False, f"{role}__deleted_at": None, f"{role}__kept_face": None}
        found += past.filter(**here).values_list("pk", role)[:BATCH]
    return sum(expire_file(job_pk, asset_pk, at, days) for job_pk, asset_pk in found)


def ended_before(before: datetime) -> JobQuerySet:
    return Job.objects.filter(finished_at__lt=before).exclude(status__in=Job.OPEN)


def expire_file(job_pk: UUID, asset_pk: UUID, at: datetime, days: int) -> bool:
    """Delete one file, unless its job was retried or the file gone meanwhile, or another job needs it."""
    ended = ended_before(at - timedelta(days=days))
    with transaction.atomic():
        job = ended.select_for_update(no_key=True).filter(pk=job_pk).first()
        asset = needs.locked(asset_pk)
        others = Job.objects.needing(asset).exclude(pk__in=ended.values("pk")).exclude(pk=job_pk)
        if job is None or others.exists() or needs.is_kept(asset):
            return False
        if not needs.mark_deleted(asset, at, kept_days=days):
            return False
        _, name = ROLES[Asset.Kind(asset.kind)]
        reason = f"{name} was deleted after {days} days (retention)"
        job.events.create(old=job.status, new=job.status, reason=reason)
    asset.delete_bytes()
    return True
