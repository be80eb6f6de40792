from __future__ import annotations

import errno
import shutil
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.utils.timezone import now

from assets.remote import NoBytes
from jobs import outcomes, outputs, sweep
from jobs.compute import Report, State
from jobs.models import Attempt, Job

pytestmark = pytest.mark.django_db


def deliver(attempt, data: bytes) -> None:
    attempt.output.keep(ContentFile(data), size=len(data), sha256="0" * 64)


def report(attempt, output_url: str = "") -> None:
    outcomes.apply(attempt, Report(state=State.COMPLETED, cause="callback", output_url=output_url))


@pytest.fixture
def store(clip_bytes):
    """A little web server that a worker may have put its result on."""

    class Store(BaseHTTPRequestHandler):
        answers = {
            "/result.mp4": (200, clip_bytes),
            "/text": (200, b"no video at all"),
            "/gone": (404, b""),
            "/short": (200, clip_bytes),
        }

        def do_GET(self) -> None:
            if self.path == "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "http://127.0.0.1:9/private")
                self.end_headers()
                return
            status, body = self.answers[self.path]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) + (100 if self.path == "/short" else 0)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_delivered_result_ends_the_job_done_with_its_facts(attempt, clip_bytes):
    deliver(attempt, clip_bytes)
    report(attempt)

    outputs.collect(attempt.pk)

    job = Job.objects.select_related("output").get()
    assert (job.status, job.output) == (Job.Status.DONE, attempt.output)
    assert job.output.width > 0
    assert job.output.thumbnail


def test_a_collection_that_runs_twice_ends_the_job_once(attempt, clip_bytes):
    deliver(attempt, clip_bytes)
    report(attempt)

    outputs.collect(attempt.pk)
    outputs.collect(attempt.pk)

    assert Job.objects.get().events.filter(new=Job.Status.DONE).count() == 1


def test_a_result_that_is_no_video_fails_the_job_and_goes(attempt):
    deliver(attempt, b"this is no video")
    path = Path(attempt.output.file.path)
    report(attempt)

    outputs.collect(attempt.pk)

    job = Job.objects.get()
    assert (job.status, job.error_code) == (Job.Status.FAILED, "bad_output")
    attempt.output.refresh_from_db()
    assert attempt.output.deleted_at
    assert not path.exists()


def test_a_result_cut_short_fails_the_job(attempt, clip_bytes):
    deliver(attempt, clip_bytes[: len(clip_bytes) // 2])
    report(attempt)

    outputs.collect(attempt.pk)

    assert Job.objects.get().status == Job.Status.FAILED


def test_finished_without_a_result_is_a_failure(attempt):
    report(attempt)

    outputs.collect(attempt.pk)

    assert "no result" in Job.objects.get().error_message


def test_a_result_on_a_listed_store_is_fetched(attempt, store, settings):
    settings.OUTPUT_URL_ALLOWED_HOSTS = [store]
    report(attempt, f"http://{store}/result.mp4")

    outputs.collect(attempt.pk)

    assert Job.objects.get().status == Job.Status.DONE


@pytest.mark.parametrize("path", ["/text", "/gone", "/short", "/elsewhere"])
def test_a_bad_answer_of_a_listed_store_fails_the_job(attempt, store, settings, path):
    settings.OUTPUT_URL_ALLOWED_HOSTS = [store]
    report(attempt, f"http://{store}{path}")

    outputs.collect(attempt.pk)

    assert Job.objects.get().error_code == "bad_output"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/result.mp4",
        "https://127.0.0.1/result.mp4",
        "https://localhost/result.mp4",
        "https://2130706433/result.mp4",
        "https://[::ffff:127.0.0.1]/result.mp4",
        "file:///etc/passwd",
        "https://",
        "https://example.com:99999/result.mp4",
        "https://[::1/result.mp4",
        "nonsense",
    ],
)
def test_an_address_that_is_private_or_not_https_is_never_asked(attempt, url):
    report(attempt, url)

    outputs.collect(attempt.pk)

    assert Job.objects.get().error_code == "bad_output"


def test_a_result_over_the_cap_is_refused(attempt, store, settings):
    settings.OUTPUT_URL_ALLOWED_HOSTS = [store]
    settings.MAX_UPLOAD_BYTES = 100
    report(attempt, f"http://{store}/result.mp4")

    outputs.collect(attempt.pk)

    assert "larger than" in Job.objects.get().error_message


def test_a_result_that_finds_no_room_waits_until_there_is_some(attempt, store, settings, monkeypatch):
    settings.OUTPUT_URL_ALLOWED_HOSTS = [store]
    usage = shutil.disk_usage(settings.MEDIA_ROOT)
    report(attempt, f"http://{store}/result.mp4")
    later = now()
    with monkeypatch.context() as disk:
        disk.setattr(shutil, "disk_usage", lambda path: usage._replace(free=settings.MIN_FREE_BYTES - 1))
        for _ in range(settings.MAX_COLLECTS + 1):
            outputs.collect(attempt.pk)
            Attempt.objects.update(collecting_at=later)
    attempt.job.refresh_from_db()
    assert attempt.job.status == Job.Status.PROCESSING

    outputs.collect(attempt.pk)

    attempt.job.refresh_from_db()
    assert attempt.job.status == Job.Status.DONE


def test_a_disk_that_fills_while_a_result_is_proved_is_not_the_results_fault(
    attempt, clip_bytes, monkeypatch
):
    deliver(attempt, clip_bytes)
    report(attempt)

    def fail(*args):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr("jobs.outputs.describe", fail)
    outputs.collect(attempt.pk)

    attempt.job.refresh_from_db()
    assert attempt.job.status == Job.Status.PROCESSING


# --- Two who collect at once, and those who die at it


def test_who_lost_the_lease_cannot_undo_what_the_other_made_of_the_result(attempt, clip_bytes, monkeypatch):
    deliver(attempt, clip_bytes)
    report(attempt)
    prove = outputs._prove

    def prove_while_the_other_is_faster(asset) -> None:
        monkeypatch.setattr(outputs, "_prove", prove)
        Attempt.objects.update(collecting_at=now() - timedelta(minutes=1))  # this one slept for too long
        outputs.collect(attempt.pk)
        raise NoBytes("The disk was asleep.")

    monkeypatch.setattr(outputs, "_prove", prove_while_the_other_is_faster)
    outputs.collect(attempt.pk)

    job = Job.objects.get()
    assert job.status == Job.Status.DONE
    assert job.output.file.read() == clip_bytes


def test_what_is_delivered_while_the_first_is_proved_is_proved_too(attempt, clip_bytes, monkeypatch):
    deliver(attempt, clip_bytes)
    report(attempt)
    prove = outputs._prove

    def prove_and_be_replaced(asset) -> None:
        prove(asset)
        deliver(Attempt.objects.get(), b"no video at all")

    monkeypatch.setattr(outputs, "_prove", prove_and_be_replaced)
    outputs.collect(attempt.pk)
    assert Job.objects.get().status == Job.Status.PROCESSING

    monkeypatch.setattr(outputs, "_prove", prove)
    Attempt.objects.update(collecting_at=now())
    outputs.collect(attempt.pk)
    assert Job.objects.get().error_code == "bad_output"


def test_a_second_collector_waits_for_the_lease_of_the_first(attempt, clip_bytes, monkeypatch):
    deliver(attempt, clip_bytes)
    report(attempt)
    prove, proofs = outputs._prove, []

    def prove_while_another_comes(asset) -> None:
        proofs.append(asset)
        if len(proofs) == 1:
            outputs.collect(attempt.pk)
        prove(asset)

    monkeypatch.setattr(outputs, "_prove", prove_while_another_comes)
    outputs.collect(attempt.pk)

    assert len(proofs) == 1


def test_a_result_that_kills_whoever_looks_at_it_ends_its_job(attempt, clip_bytes, monkeypatch, settings):
    deliver(attempt, clip_bytes)
    report(attempt)
    deaths = []

    def die(asset) -> None:
        deaths.append(asset)
        raise SystemExit

    monkeypatch.setattr(outputs, "_prove", die)
    for _ in range(settings.MAX_COLLECTS + 2):
        Attempt.objects.open().update(collecting_at=now() - timedelta(minutes=1))
        try:
            outputs.collect(attempt.pk)
        except SystemExit:
            continue
    found = sweep.reconcile(now())

    job = Job.objects.get()
    assert len(deaths) == settings.MAX_COLLECTS
    assert (found["uncollectable"], found["collecting"]) == (1, 0)
    assert (job.status, job.error_code) == (Job.Status.FAILED, "uncollectable")


def test_a_result_that_nobody_ever_collects_ends_its_job_after_a_day(attempt, clip_bytes):
    deliver(attempt, clip_bytes)
    report(attempt)

    assert sweep.reconcile(now() + timedelta(hours=23))["uncollectable"] == 0
    assert sweep.reconcile(now() + timedelta(hours=25))["uncollectable"] == 1

    assert Job.objects.get().error_code == "uncollectable"


def test_a_result_in_somebodys_hands_is_not_given_up(attempt, clip_bytes, settings):
    deliver(attempt, clip_bytes)
    report(attempt)
    Attempt.objects.update(collects=settings.MAX_COLLECTS, collecting_at=now() + settings.COLLECT_LEASE)

    assert sweep.reconcile(now())["uncollectable"] == 0
