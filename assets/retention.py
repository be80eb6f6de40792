"""Clear away what nobody owns: temp files of dead processes, rows whose bytes never came, old tokens.

In small transactions, and so much a round; the next round goes on. Safe to run twice at once.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from assets.models import Asset, Token

KEEP_TOKENS = timedelta(days=7)
BATCH = 200
BATCHES = 10  # a round


def clear(at: datetime) -> dict[str, int]:
    """Delete what is past its time, and return how many of each."""
    before = at - settings.UNFINISHED_UPLOAD_TTL
    return {
        "temp_files": clear_temp_files(before),
        "assets": forget(Asset.objects.abandoned(before)),
        "half_erased": finish_erasing(),
        "tokens": delete_in_batches(Token.objects.stale(at, after=KEEP_TOKENS)),
    }


def clear_temp_files(older_than: datetime) -> int:
    """A file still being written to has a fresh modification time."""
    cleared = 0
    for entry in os.scandir(settings.FILE_UPLOAD_TEMP_DIR):
        try:
            if entry.stat().st_mtime < older_than.timestamp():
                os.unlink(entry.path)
                cleared += 1
        except FileNotFoundError:
            continue  # its own process was faster
    return cleared


def forget(assets: QuerySet[Asset]) -> int:
    """Delete rows that mean nothing, and what bytes there are of them; those first, to be found again."""
    forgotten = 0
    for asset in assets.order_by("created_at")[:BATCH]:
        asset.delete_bytes()
        forgotten += assets.filter(pk=asset.pk).delete()[0] > 0
    return forgotten


def finish_erasing() -> int:
    unfinished = list(Asset.objects.half_erased()[:BATCH])
    for asset in unfinished:
        asset.delete_bytes()
    return len(unfinished)


def delete_in_batches(rows: QuerySet) -> int:
    """Delete these rows, as many as a round may, and return how many there were."""
    deleted = 0
    for _ in range(BATCHES):
        keys = list(rows.values_list("pk", flat=True)[:BATCH])
        if not keys:
            break
        deleted += rows.filter(pk__in=keys).delete()[1].get(rows.model._meta.label, 0)
    return deleted
