from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from django.utils.timezone import now

from assets.models import Asset
from jobs import sweep
from jobs.compute import ProviderError
from jobs.models import Attempt, Event, Job
from jobs.outputs import collect
from runpod_bridge import client
from runpod_bridge.runpod import RunpodProvider, policy
from runpod_bridge.tests.conftest import sent
from runpod_bridge.tests.fake_runpod import FakeRunpod

pytestmark = pytest.mark.django_db

ABSENT = "http://127.0.0.1:1/v2"  # nothing listens there


@pytest.fixture(autouse=True)
def hurried(monkeypatch) -> None:
    """Repeats come at once, and patience ends soon."""
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(client, "PATIENCE", 0.4)
    monkeypatch.setattr(client, "TIMEOUT", (1, 1))


def poll(job: Job) -> Job:
    sweep.poll(job.latest.pk)
    job.refresh_from_db()
    return job


@pytest.fixture
def running(fake_runpod, job) -> Job:
    sent(job)
    fake_runpod.start()
    return job


# --- Sending


def test_beside_the_input_goes_nothing_but_the_policy(fake_runpod, job):
    sent(job)

    operation, body = fake_runpod.requests[0]
    assert operation == "run"
    assert set(body) == {"input", "policy"}
    assert body["policy"] == {"executionTimeout": 600_000, "ttl": 600_000 + 6 * 3600_000}


def test_the_time_that_runpod_gives_grows_with_the_clip_up_to_a_week(fake_runpod, job):
    attempt = sent(job)
    job.reference_video.seconds = 60.0
    attempt.job = job

    assert policy(attempt)["executionTimeout"] == 3600_000

    job.reference_video.seconds = 1e9
    assert set(policy(attempt).values()) == {7 * 24 * 3600_000}


def test_without_a_public_address_nothing_is_sent_and_the_job_says_why(fake_runpod, job, settings):
    settings.PUBLIC_BASE_URL = ""

    sent(job)

    assert (job.status, job.error_code) == (Job.Status.FAILED, "provider_refused")
    assert "PUBLIC_BASE_URL is not set" in job.error_message
    assert not fake_runpod.jobs


def test_a_wrong_key_is_named_and_not_tried_again(fake_runpod, job, settings):
    settings.RUNPOD_API_KEY = "rpa_wrong"

    sent(job)

    assert (job.status, job.error_code) == (Job.Status.FAILED, "provider_refused")
    assert job.error_message == "Runpod refused the API key (401). Check RUNPOD_API_KEY."
    assert len(fake_runpod.requests) == 1


def test_an_unknown_endpoint_is_named_and_not_tried_again(fake_runpod, job, settings):
    settings.RUNPOD_ENDPOINT_ID = "gone"

    sent(job)

    assert job.status == Job.Status.FAILED
    assert "no endpoint 'gone'" in job.error_message


def test_what_runpod_is_too_busy_for_is_sent_again(fake_runpod, job):
    fake_runpod.go_wrong("run", 429, times=2, headers={"Retry-After": "0"})

    sent(job)

    assert len(fake_runpod.jobs) == 1
    assert job.latest.external_id == fake_runpod.job.id


def test_a_pause_longer_than_our_patience_is_left_to_the_sweep(fake_runpod, job):
    fake_runpod.go_wrong("run", 429, headers={"Retry-After": "3600"})

    sent(job)

    assert job.status == Job.Status.QUEUED
    assert len(fake_runpod.requests) == 1


def test_an_address_that_nobody_listens_at_was_certainly_not_reached(fake_runpod, job, settings):
    settings.RUNPOD_API_BASE = ABSENT

    sent(job)

    assert job.status == Job.Status.QUEUED  # to be tried again in a while


@pytest.mark.parametrize("status", [None, 500, 502])
@pytest.mark.parametrize("is_taken", [True, False])
def test_a_job_whose_answer_was_lost_is_not_sent_again_blindly(fake_runpod, job, status, is_taken):
    fake_runpod.go_wrong("run", status, is_acted_on=is_taken)

    sent(job)

    assert job.status == Job.Status.PROCESSING
    assert job.latest.external_id == ""
    assert [operation for operation, _ in fake_runpod.requests] == ["run"]
    assert Event.objects.filter(reason__startswith="the answer to the dispatch was lost").exists()


def test_a_result_without_a_word_waits_for_its_callback_as_long_as_for_any_sign(fake_runpod, job, deliver):
    fake_runpod.go_wrong("run", None, is_acted_on=True)
    deliver(sent(job))

    assert poll(job).latest.collecting_at is None

    Asset.objects.filter(pk=job.latest.output_id).update(stored_at=now() - timedelta(minutes=11))
    assert poll(job).latest.collecting_at


def test_a_name_that_is_not_told_may_hide_a_started_job(fake_runpod, job, monkeypatch):
    monkeypatch.setattr(fake_runpod, "run", lambda body: (200, {"status": "IN_QUEUE"}))

    with pytest.raises(ProviderError) as caught:
        RunpodProvider().client.run({"input": {}})

    assert caught.value.maybe_started


# --- Asking


def test_asking_is_repeated_through_trouble(running, fake_runpod):
    fake_runpod.go_wrong("status", None)
    fake_runpod.go_wrong("status", 503)
    fake_runpod.go_wrong("status", 429, headers={"Retry-After": "0"})
    fake_runpod.end("FAILED", error="Bad luck.")

    assert poll(running).status == Job.Status.FAILED


def test_trouble_that_lasts_changes_nothing(running, fake_runpod):
    fake_runpod.go_wrong("status", 503, times=1000)

    assert poll(running).status == Job.Status.PROCESSING


def test_a_waiting_job_stays_as_it_is(fake_runpod, job):
    sent(job)

    assert poll(job).latest.started_at is None


def test_a_state_that_nobody_knows_is_no_end(running, fake_runpod):
    fake_runpod.job.status = "PONDERING"

    assert poll(running).status == Job.Status.PROCESSING


def test_the_worker_at_runpod_is_noted(running):
    assert poll(running).latest.worker == "fake-worker"


def test_a_crash_shows_its_sentence_and_keeps_the_traceback_for_the_operator(running, fake_runpod):
    crash = {"error_type": "<class 'E'>", "error_message": "bad luck", "error_traceback": "Traceback (most…"}
    fake_runpod.end("FAILED", error=json.dumps(crash))

    poll(running)

    assert (running.status, running.error_code) == (Job.Status.FAILED, "worker_failed")
    assert running.error_message == "bad luck"
    assert running.latest.error_detail == "Traceback (most…"


@pytest.mark.parametrize("error", ["", "{}", "[1]", '{"error_message": 3}', "7"])
def test_an_error_without_words_is_still_a_sentence(running, fake_runpod, error):
    fake_runpod.end("FAILED", error=error)

    assert poll(running).status == Job.Status.FAILED
    assert running.error_message


def test_a_job_out_of_time_has_failed(running, fake_runpod):
    fake_runpod.end("TIMED_OUT")

    assert poll(running).error_code == "timed_out"


def test_a_job_cancelled_at_runpod_is_cancelled_here(running, fake_runpod):
    fake_runpod.end("CANCELLED")

    assert poll(running).status == Job.Status.CANCELLED


def test_a_result_in_base64_is_kept(running, fake_runpod, clip_bytes):
    fake_runpod.end("COMPLETED", output={"output_base64": base64.b64encode(clip_bytes).decode()})

    poll(running)
    collect(running.latest.pk)
    running.refresh_from_db()

    assert running.status == Job.Status.DONE
    assert running.output.file.read() == clip_bytes


def test_a_result_too_large_for_runpod_is_lost(running, fake_runpod):
    fake_runpod.end("COMPLETED", output={"output_base64": "A" * 21 * 1024**2})

    assert poll(running).error_code == "result_lost"


def test_what_the_callback_brought_is_not_replaced(running, fake_runpod, deliver, monkeypatch):
    deliver(running.latest)
    fake_runpod.end("COMPLETED", output={"output_base64": "AAAA"})
    asked = RunpodProvider.poll

    def callback_meanwhile(self, attempt):
        Attempt.objects.update(collecting_at=now())
        return asked(self, attempt)

    monkeypatch.setattr(RunpodProvider, "poll", callback_meanwhile)
    kept = running.latest.output
    kept.refresh_from_db()

    poll(running)

    assert type(kept).objects.get(pk=kept.pk).file.name == kept.file.name


def test_a_forgotten_job_is_lost_and_tried_again_once_it_is_old_enough_to_be_known(running, fake_runpod):
    fake_runpod.forget()
    assert poll(running).status == Job.Status.PROCESSING

    Attempt.objects.update(sending_at=now() - timedelta(minutes=2))
    assert poll(running).status == Job.Status.QUEUED


# --- Cancelling and health


def test_a_job_that_runpod_has_forgotten_need_not_be_cancelled(running, fake_runpod):
    fake_runpod.forget()

    RunpodProvider().cancel(running.latest)


def test_an_endpoint_scaled_to_zero_can_still_work(fake_runpod):
    health = RunpodProvider().health()

    assert health.workers == 1
    assert health.detail == "Runpod answers: 0 workers are up, 0 jobs wait."


def test_an_endpoint_with_nothing_but_sick_workers_cannot(fake_runpod, monkeypatch):
    monkeypatch.setattr(fake_runpod, "health", lambda: (200, {"workers": {"idle": 0, "unhealthy": 2}}))

    assert RunpodProvider().health().workers == 0


@pytest.mark.parametrize("said", [{"workers": 3}, {"workers": {"idle": "many"}, "jobs": None}])
def test_odd_counts_are_passed_over(fake_runpod, monkeypatch, said):
    monkeypatch.setattr(fake_runpod, "health", lambda: (200, said))

    assert RunpodProvider().health().workers == 1


@pytest.mark.parametrize("said", [[], "ok", None])
def test_an_answer_that_is_no_object_is_an_error_with_a_sentence(fake_runpod, monkeypatch, said):
    monkeypatch.setattr(fake_runpod, "health", lambda: (200, said))

    with pytest.raises(ProviderError, match="no JSON object"):
        RunpodProvider().health()


# --- With a worker of its own


def test_a_job_goes_there_and_back_over_http(settings, job, clip_bytes):
    with FakeRunpod(handler=lambda given, stopped: {"output_base64": encoded(clip_bytes)}) as fake:
        settings.COMPUTE_PROVIDER = "runpod_bridge.runpod.RunpodProvider"
        settings.PUBLIC_BASE_URL, settings.RUNPOD_API_BASE = "http://127.0.0.1:1", fake.base
        settings.RUNPOD_ENDPOINT_ID, settings.RUNPOD_API_KEY = fake.endpoint, fake.key
        sent(job)
        fake.wait_for_the_end()
        poll(job)
    collect(job.latest.pk)

    job.refresh_from_db()
    assert job.status == Job.Status.DONE


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()
