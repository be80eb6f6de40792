"""Bad input in callbacks that are signed as they should be: nothing moves, and nothing breaks."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from jobs.models import Job

pytestmark = pytest.mark.django_db(transaction=True)

NONSENSE = [
    {"status": "processing", "metadata": {"percent": -1}},
    {"status": "processing", "metadata": {"frames_done": -5, "frames_total": -1}},
    {"status": "processing", "metadata": {"percent": float("nan")}},
    {"status": "processing", "metadata": {"percent": [50], "stage": {"a": 1}}},
    {"status": "processing", "metadata": ["generating"]},
    {"status": ["completed"], "output_url": {"a": 1}},
    {"status": "completed", "output_url": 7},
    {"status": "failed", "error": ["x"]},
]


@pytest.mark.parametrize("said", NONSENSE)
def test_a_message_that_makes_no_sense_moves_nothing(scene, said):
    worker = scene.dispatch()
    before = Job.objects.values().get(), scene.job.attempts.values().get()

    answer = worker.post(json.dumps({"job_id": worker.payload.job_id, **said}).encode())

    assert answer.status_code == 422
    assert (Job.objects.values().get(), scene.job.attempts.values().get()) == before


@pytest.mark.parametrize("off", [timedelta(hours=-1), timedelta(hours=1)])
def test_a_worker_whose_clock_is_an_hour_off_changes_none_of_ours(scene, off):
    worker, theirs = scene.dispatch(), (scene.job.created_at + off).isoformat()
    timings = {"generating": {"start": theirs, "end": theirs}}
    worker.say("processing", metadata={"stage": "generating", "percent": 10, "stage_timings": timings})
    worker.deliver(scene.clip)

    worker.say(
        "completed", output_url=worker.payload.output_target.output_url, metadata={"stage_timings": timings}
    )
    scene.let_it_end()

    times = [span[edge] for span in scene.job.stage_timings.values() for edge in ("start", "end")]
    assert times == sorted(times)
    assert all(scene.job.created_at.isoformat() < time < scene.job.finished_at.isoformat() for time in times)


def test_ten_megabytes_signed_by_the_worker_itself_move_nothing(scene):
    worker = scene.dispatch()

    answer = worker.post(b'{"job_id": "%s", "junk": [%s]}' % (str(scene.pk).encode(), b"[]," * 3_500_000))

    assert answer.status_code == 401
    assert scene.job.status == Job.Status.PROCESSING
