"""Which files are still needed, and the end of those that are not."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from assets.models import Asset
from jobs.analyses import Analysis
from jobs.kept_faces import KeptFace
from jobs.models import Job

INPUTS = ("reference_video", "source_image", "more_photos__asset", "driving_audio")


def release(asset: Asset, at: datetime) -> bool:
    """Erase a file unless a job that is not deleted, or the face library, needs it; say whether it was us."""
    with transaction.atomic():
        locked(asset.pk)
        if is_kept(asset) or Job.objects.needing(asset).exists() or not mark_deleted(asset, at):
            return False
    asset.delete_bytes()
    return True


def locked(asset_pk: UUID) -> Asset:
    """Return a file of which nobody can now make a job, or which a job was made of just now."""
    return Asset.objects.select_for_update(no_key=True).get(pk=asset_pk)


def is_kept(asset: Asset) -> bool:
    return KeptFace.objects.filter(asset=asset).exists()


def mark_deleted(asset: Asset, at: datetime, *, kept_days: int | None = None) -> bool:
    """Say that a file is gone; what was seen in it, with the pictures of faces, goes at once."""
    if not asset.mark_deleted(at, kept_days=kept_days):
        return False
    Analysis.objects.filter(asset=asset).delete()
    return True


def unused_inputs(before: datetime) -> QuerySet[Asset]:
    """Uploaded so long ago for a job that never came, and not kept for another."""
    inputs = Asset.objects.filter(created_at__lt=before, kept_face=None).exclude(kind=Asset.Kind.OUTPUT)
    for field in INPUTS:
        inputs = inputs.exclude(Exists(Job.objects.filter(**{field: OuterRef("pk")})))
    return inputs


def release_unused(before: datetime, at: datetime, most: int) -> int:
    """Erase the files that no job came for, then their rows, so many at most."""
    released = 0
    for asset in unused_inputs(before).order_by("created_at")[:most]:
        with transaction.atomic():
            locked(asset.pk)
            if not unused_inputs(before).filter(pk=asset.pk).exists():
                continue  # A job came for it this moment.
            mark_deleted(asset, at)
        asset.delete_bytes()
        released += unused_inputs(before).filter(pk=asset.pk).delete()[0] > 0
    return released
