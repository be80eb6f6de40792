"""Sixteen at once write to the database, and none is told that it is locked."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils.timezone import now

from assets.models import Asset
from jobs import consent, outcomes
from jobs.compute import Report, State
from jobs.dispatch import dispatch
from jobs.models import Job, Stage

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS = 16
ROUNDS = 8


@pytest.fixture
def life(alice, provider):
    """Submit a job, send it, hear of it, cancel or end it, and read lists between: some ten transactions."""
    photo = Asset.objects.expect(owner=alice, kind=Asset.Kind.IMAGE, name="face.jpg")
    wanted = {"consent": consent.STATEMENT, "consent_via": "a test", "mode": "photo_sing"}

    def live(number: int) -> None:
        job = Job.objects.submit(owner=alice, source_image=photo, **wanted)
        dispatch(job.pk)
        job.refresh_from_db()
        for done in range(3):
            said = Report(
                state=State.RUNNING,
                cause="callback",
                stage=Stage.GENERATING,
                frames_done=done,
                frames_total=3,
            )
            outcomes.apply(job.latest, said)
        assert len(Job.objects.owned_by(alice).with_parts().order_by("-created_at")[:20]) > 0
        if number % 2:
            job.cancel("a test")
        else:
            failed = Report(
                state=State.FAILED, cause="callback", error_code="decode_error", error_message="No."
            )
            outcomes.apply(job.latest, failed)

    return live


def test_sixteen_writers_all_get_through(life):
    start = threading.Barrier(WRITERS)

    def write(number: int) -> None:
        start.wait()
        try:
            for _ in range(ROUNDS):
                life(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as threads:
        for ended in [threads.submit(write, number) for number in range(WRITERS)]:
            ended.result()  # raises what its thread raised

    counts = {status: Job.objects.filter(status=status).count() for status in ("cancelled", "failed")}
    assert counts == {"cancelled": WRITERS * ROUNDS / 2, "failed": WRITERS * ROUNDS / 2}
    assert not Job.objects.filter(finished_at__gt=now()).exists()


@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_a_transaction_takes_the_lock_when_it_begins():
    """One that reads first and writes later would be told at once that the database is locked."""
    assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert cursor.execute("PRAGMA busy_timeout").fetchone()[0] >= 20_000
