"""Clear away what nobody owns: temp files of dead processes, rows whose bytes never came, old tokens."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from django.conf import settings

from assets.models import Asset, Token

KEEP_TOKENS = timedelta(days=7)


def clear(at: datetime) -> dict[str, int]:
    """Delete what is past its time, and return how many of each. Safe to run twice at once."""
    before = at - settings.UNFINISHED_UPLOAD_TTL
    return {
        "temp_files": clear_temp_files(before),
        "assets": Asset.objects.abandoned(before).delete()[0],
        "tokens": Token.objects.stale(at, after=KEEP_TOKENS).delete()[0],
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
