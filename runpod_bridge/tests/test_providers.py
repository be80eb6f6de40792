"""What every provider must do, over all of them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import pytest

from jobs import sweep
from jobs.compute import ComputeProvider, current_provider
from jobs.dispatch import cancel
from jobs.models import Attempt, Job
from jobs.outputs import collect
from runpod_bridge.payload import payload_for
from runpod_bridge.tests.conftest import PUBLIC, PoolWorker, sent
from runpod_bridge.tests.fake_runpod import FakeRunpod

pytestmark = pytest.mark.django_db


@dataclass
class InThePool:
    worker: PoolWorker
    address = "http://testserver"
    job_id = ""

    def take(self) -> Any:
        given = self.worker.take().json()
        self.job_id = given["id"]
        return given["input"]

    def progress(self, output: Any) -> None:
        self.worker.done(self.job_id, {"status": "IN_PROGRESS", "output": output})

    def end(self, output: Any = None, error: str | None = None) -> None:
        self.worker.done(self.job_id, {"output": output} | ({"error": error} if error else {}))

    def is_told_to_stop(self) -> bool:
        return self.worker.jobs_to_stop().status_code == 200


@dataclass
class AtRunpod:
    fake: FakeRunpod
    address = PUBLIC

    def take(self) -> Any:
        return self.fake.start()

    def progress(self, output: Any) -> None:
        self.fake.job.output = output
        poll()

    def end(self, output: Any = None, error: str | None = None) -> None:
        self.fake.end("FAILED" if error else "COMPLETED", output=output, error=error)
        poll()

    def is_told_to_stop(self) -> bool:
        return self.fake.job.stopped.is_set()


@pytest.fixture(params=["pool", "runpod"])
def there(request) -> InThePool | AtRunpod:
    """Where the computing is done, seen from the worker's side."""
    if request.param == "runpod":
        return AtRunpod(request.getfixturevalue("fake_runpod"))
    worker = request.getfixturevalue("worker")
    worker.take()  # One that asks is one that could work.
    return InThePool(worker)


def poll() -> None:
    sweep.poll(Attempt.objects.get().pk)


def test_it_is_a_provider(there):
    provider = current_provider()

    for name in ("send", "poll", "cancel", "health"):
        asked, given = getattr(ComputeProvider, name), getattr(type(provider), name)
        assert inspect.signature(asked).parameters.keys() == inspect.signature(given).parameters.keys()
    assert isinstance(provider.is_polled, bool)


def test_the_worker_gets_exactly_the_contracts_input(there, job):
    attempt = sent(job)

    assert there.take() == payload_for(attempt, there.address).as_input()
    assert attempt.external_id


def test_progress_is_seen(there, job):
    attempt = sent(job)
    there.take()
    there.progress({"stage": "generating", "percent": 30, "frames_done": 3, "frames_total": 10})

    attempt.refresh_from_db()
    assert (attempt.stage, attempt.percent) == ("generating", 30)
    assert attempt.started_at


def test_progress_in_other_words_does_no_harm(there, job):
    sent(job)
    there.take()
    for words in ("4/10", {"percent": "half"}, [1], None):
        there.progress(words)

    job.refresh_from_db()
    assert job.status == Job.Status.PROCESSING


def test_a_job_whose_callback_was_lost_completes(there, job, deliver):
    attempt = sent(job)
    there.take()
    there.end({"status": "completed", "output_url": deliver(attempt)})
    collect(attempt.pk)

    job.refresh_from_db()
    assert job.status == Job.Status.DONE


def test_a_job_fails_with_the_workers_sentence_and_code(there, job):
    sent(job)
    there.take()
    there.end({"error_code": "no_face_in_video"}, "There is no face in the video.")

    job.refresh_from_db()
    assert (job.status, job.error_code) == (Job.Status.FAILED, "no_face_in_video")
    assert job.error_message == "There is no face in the video."


def test_finished_without_a_result_is_failed(there, job):
    sent(job)
    there.take()
    there.end()

    job.refresh_from_db()
    assert (job.status, job.error_code) == (Job.Status.FAILED, "result_lost")


def test_a_cancelled_jobs_worker_is_told_to_stop(there, job):
    attempt = sent(job)
    there.take()
    assert not there.is_told_to_stop()

    job.cancel(reason="its owner asked")
    cancel(attempt.pk)

    assert there.is_told_to_stop()


def test_cancelling_twice_does_no_harm(there, job):
    attempt = sent(job)
    job.cancel(reason="its owner asked")

    cancel(attempt.pk)
    cancel(attempt.pk)


def test_it_says_that_somebody_could_work(there):
    health = current_provider().health()

    assert health.workers >= 1
    assert health.detail.endswith(".")
