"""A consistent copy of the database while others write to it, and the way back: SQLite, PostgreSQL."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from django.db import connection, transaction

from faceswap_site.archive import BackupError

# What the copy says is stored. Asked of the copy itself: the live database goes on.
STORED = "SELECT file, thumbnail FROM assets_asset WHERE stored_at IS NOT NULL AND deleted_at IS NULL"


def copy_to(path: Path) -> list[str]:
    """Write a copy; return the names of the stored files that its rows speak of."""
    return copy_sqlite(path) if connection.vendor == "sqlite" else dump_postgres(path)


def refuse_unless_empty() -> None:
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        if Path(name).exists():
            raise BackupError(f"There is a database already: {name}. Restore into an empty DATA_DIR.")
    elif connection.introspection.table_names():
        raise BackupError(f"The database {name} holds tables already. Restore into an empty one.")


def restore_from(path: Path) -> None:
    """Put a copy in the place of the empty database."""
    if connection.vendor == "sqlite":
        prove_sqlite(path)
        path.rename(connection.settings_dict["NAME"])
    else:
        postgres_tool(
            "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", "--dbname", dbname(), path
        )


def prove_sqlite(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as copy:
            (found,) = copy.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.DatabaseError as exc:
        raise BackupError(f"The database of the backup is damaged: {exc}.") from exc
    if found != "ok":
        raise BackupError(f"The database of the backup is damaged: {found}")


def copy_sqlite(path: Path) -> list[str]:
    with (
        closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=20)) as live,
        closing(sqlite3.connect(path)) as copy,
    ):
        live.backup(copy)  # in one go: a reader stops nobody, and sees one moment
        copy.execute("PRAGMA journal_mode=DELETE")  # one file
        return [name for names in copy.execute(STORED) for name in names if name]


def dump_postgres(path: Path) -> list[str]:
    """The dump and the names are of one moment: pg_dump is lent the snapshot of our transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT pg_export_snapshot()")
        (snapshot,) = cursor.fetchone()
        postgres_tool("pg_dump", "--format=custom", f"--snapshot={snapshot}", "--file", path, dbname())
        cursor.execute(STORED)
        return [name for names in cursor.fetchall() for name in names if name]


def dbname() -> str:
    return str(connection.settings_dict["NAME"])


def postgres_tool(name: str, *arguments: str | Path) -> None:
    """Run a tool of PostgreSQL's on our database, or raise BackupError with what it said."""
    if shutil.which(name) is None:
        raise BackupError(f"{name} is not installed; it comes with PostgreSQL's client programs.")
    ours = connection.settings_dict
    named = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD"}
    environ = {variable: str(ours[key]) for variable, key in named.items() if ours[key]}
    done = subprocess.run(
        [name, *map(str, arguments)], env=os.environ | environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BackupError(f"{name} failed: {done.stderr.strip()}")
