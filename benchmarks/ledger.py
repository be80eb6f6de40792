"""What the database of a running copy says, read from outside while nobody of the copy is asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

ENDED = {"done", "failed", "cancelled"}
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Try:
    """A row of jobs_attempt."""

    id: str
    job: str
    number: int
    created_at: datetime
    sending_at: datetime | None
    started_at: datetime | None
    heard_at: datetime | None
    collecting_at: datetime | None
    closed_at: datetime | None
    outcome: str
    error_code: str

    @property
    def waits_for_a_worker(self) -> bool:
        return self.closed_at is None and self.sending_at is not None and self.started_at is None

    @property
    def is_with_a_worker(self) -> bool:
        return self.closed_at is None and self.started_at is not None and self.collecting_at is None


class Ledger:
    def __init__(self, url: str) -> None:
        """`url` as in DATABASE_URL: sqlite:///… or postgres://…"""
        self.url = url

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        if self.url.startswith("postgres"):
            import psycopg

            with psycopg.connect(self.url) as database:
                return database.execute(query).fetchall()
        path = Path(self.url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as file:
            return file.execute(query).fetchall()

    def states(self) -> dict[str, str]:
        """The status of every job, by its id."""
        return {_id(job): status for job, status in self.rows("SELECT id, status FROM jobs_job")}

    def tries(self) -> list[Try]:
        columns = (
            "id, job_id, number, created_at, sending_at, started_at, heard_at, collecting_at, closed_at,"
            " outcome, error_code"
        )
        return [
            Try(
                id=_id(row[0]),
                job=_id(row[1]),
                number=row[2],
                created_at=_time(row[3]) or LONG_AGO,
                sending_at=_time(row[4]),
                started_at=_time(row[5]),
                heard_at=_time(row[6]),
                collecting_at=_time(row[7]),
                closed_at=_time(row[8]),
                outcome=row[9],
                error_code=row[10],
            )
            for row in self.rows(f"SELECT {columns} FROM jobs_attempt ORDER BY job_id, number")
        ]

    def latest_tries(self) -> dict[str, Try]:
        return {attempt.job: attempt for attempt in self.tries()}

    def times_done(self) -> dict[str, int]:
        """How often each job came to its good end."""
        return {
            _id(job): count
            for job, count in self.rows(
                "SELECT job_id, count(*) FROM jobs_event WHERE new = 'done' AND old <> 'done' GROUP BY job_id"
            )
        }

    def signs_of_life(self) -> dict[str, datetime]:
        """When each part last was known to be alive."""
        beats = self.rows("SELECT name, at FROM jobs_heartbeat")
        seen = self.rows("SELECT 'pool worker', max(seen_at) FROM runpod_bridge_worker")
        return {name: _time(at) or LONG_AGO for name, at in [*beats, *seen]}


def overlapping(tries: Iterable[Try]) -> list[str]:
    """The tries, in order of job and number, that began before the one before them had ended."""
    found: list[str] = []
    before: Try | None = None
    for attempt in tries:
        is_next = before is not None and before.job == attempt.job
        if before and is_next and (before.closed_at is None or attempt.created_at < before.closed_at):
            found.append(attempt.id)
        before = attempt
    return found


def _id(value: Any) -> str:
    return str(value if isinstance(value, UUID) else UUID(value))


def _time(value: Any) -> datetime | None:
    """SQLite keeps UTC as text, and does not say so."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value).replace(tzinfo=UTC)
