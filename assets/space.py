"""Room on the disk: asked for before bytes are taken, and a refusal in words when it ends all the same."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from assets.errors import StorageFull

MIB = 1024 * 1024
POSTGRES_DISK_FULL = "53100"
RAN_FULL = gettext_noop("The disk ran full meanwhile; nothing of this was kept.")


def free_bytes() -> int:
    """How much may still be written where the files, and by default the database, are kept."""
    return shutil.disk_usage(settings.MEDIA_ROOT).free


def shortage(size: int = 0) -> str:
    """Say why so many bytes cannot be taken; nothing if they can. Some room is kept for the database."""
    free = free_bytes()
    if free >= size + settings.MIN_FREE_BYTES:
        return ""
    said = _("The disk has %(free)d MB left: %(kept)d MB are kept free.")
    if size:
        said = _("The disk has %(free)d MB left: %(needed)d MB are needed and %(kept)d MB are kept free.")
    figures = {"free": free, "needed": -(-size // MIB) * MIB, "kept": settings.MIN_FREE_BYTES}
    return said % {name: count // MIB for name, count in figures.items()}


def require(size: int) -> None:
    """Raise StorageFull if there is no room for so many bytes."""
    if sentence := shortage(size):
        raise StorageFull(sentence)


@contextmanager
def full_disk_refused() -> Iterator[None]:
    """Turn the error of a file or of the database that finds the disk full into StorageFull."""
    try:
        yield
    except (OSError, DatabaseError) as exc:
        if not is_full(exc):
            raise
        raise StorageFull(_(RAN_FULL)) from exc


def is_full(exc: BaseException) -> bool:
    if isinstance(exc, OSError):
        return exc.errno in StorageFull.ERRNOS
    cause = exc.__cause__
    if isinstance(cause, sqlite3.OperationalError):
        kind = cause.sqlite_errorcode & 0xFF  # the rest says at which step
        # Where there is no room for its files beside the database, SQLite only says that it cannot write.
        return kind == sqlite3.SQLITE_FULL or (kind == sqlite3.SQLITE_IOERR and free_bytes() < MIB)
    return getattr(cause, "sqlstate", None) == POSTGRES_DISK_FULL
