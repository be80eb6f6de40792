from __future__ import annotations

import base64
import json
import shutil
import threading
from uuid import uuid4

import pytest
from django.test import Client
from django.utils.timezone import now

from jobs import outcomes
from jobs.deletion import delete_files
from jobs.models import Attempt, Job
from jobs.outputs import collect
from runpod_bridge import bodies
from runpod_bridge.payload import callback_secret
from runpod_bridge.reports import report_of
from runpod_bridge.tests.conftest import post, say, sent
from worker.wire import Message, sign

pytestmark = pytest.mark.django_db

MIB = 1024 * 1024
FAILED = {"status": "failed", "error": "There is no face.", "metadata": {"error_code": "no_face_in_video"}}


def progress(frames: int, **metadata: object) -> dict:
    said = {"stage": "generating", "percent": frames, "frames_done": frames, "frames_total": 100}
    return {"status": "processing", "metadata": said | metadata}


def in_base64(clip: bytes) -> dict:
    return {"status": "completed", "output_base64": base64.b64encode(clip).decode(), "error": None}


# --- Who is believed


@pytest.mark.parametrize("signature", [None, "", "0" * 64, "no hex", "é", "a" * 5000])
def test_without_the_right_signature_nothing_is_believed(taken, job, signature):
    body = json.dumps({"job_id": str(job.pk), **FAILED}).encode()

    response = post(body, signature)

    job.refresh_from_db()
    assert response.status_code == 401
    assert job.status == Job.Status.PROCESSING


def test_an_unknown_job_an_unreadable_body_and_a_wrong_signature_get_the_same_answer(taken):
    secret = callback_secret(taken)
    bodies_sent = [
        json.dumps({"job_id": str(taken.job_id), **FAILED}).encode(),  # signed wrongly below
        json.dumps({"job_id": str(uuid4()), **FAILED}).encode(),
        json.dumps({"job_id": 7}).encode(),
        json.dumps(["job_id"]).encode(),
        b"no json",
        b"",
        b"\xff",
        b"[" * 200_000,
    ]

    answers = {post(body, sign(body, secret + "x")).content for body in bodies_sent}
    answers |= {post(body, sign(body, secret)).content for body in bodies_sent[1:]}

    assert len(answers) == 1
    assert json.loads(answers.pop())["status"] == 401


def test_another_jobs_secret_is_not_believed(taken, make_job, job):
    other = sent(make_job())

    response = say(taken, FAILED, secret=callback_secret(other))

    assert response.status_code == 401


def test_messages_that_are_not_believed_are_counted(taken):
    say(taken, FAILED, secret="wrong")
    say(taken, FAILED, secret="wrong")

    taken.refresh_from_db()
    assert taken.refusals == 2


def test_a_body_changed_on_the_way_is_not_believed(taken):
    body = json.dumps({"job_id": str(taken.job_id), **FAILED}).encode()

    assert post(body + b" ", sign(body, callback_secret(taken))).status_code == 401


def test_the_jobs_id_is_read_from_the_top_and_nowhere_else(taken, make_job):
    other = make_job()
    body = json.dumps({"metadata": {"job_id": str(other.pk)}, **progress(3), "job_id": str(taken.job_id)})

    assert say(taken, body.encode()).json()["job_id"] == str(taken.job_id)


def test_workers_that_share_one_secret_speak_for_the_newest_attempt(taken, settings, job):
    settings.CALLBACK_SECRET_SHARED = True

    assert say(taken, FAILED, secret=settings.CALLBACK_SECRET).status_code == 200

    job.refresh_from_db()
    assert job.status == Job.Status.FAILED


# --- What it does


def test_progress_moves_the_job_on(taken, job):
    response = say(taken, progress(25))

    taken.refresh_from_db()
    assert response.json() == {"status": "processing", "job_id": str(job.pk), "cancel": False}
    assert (taken.stage, taken.percent, taken.frames_done) == ("generating", 25, 25)


def test_a_failure_ends_the_job_with_the_workers_sentence_and_code(taken, job):
    say(taken, FAILED)

    job.refresh_from_db()
    assert (job.status, job.error_code) == (Job.Status.FAILED, "no_face_in_video")
    assert job.error_message == "There is no face."


def test_a_failure_that_may_be_bad_luck_is_tried_again(taken, job):
    say(taken, {"status": "failed", "error": "No luck.", "metadata": {"error_code": "fetch_failed"}})

    job.refresh_from_db()
    assert job.status == Job.Status.QUEUED


def test_an_uploaded_result_is_proved_and_the_job_done(taken, job, deliver, clip_bytes):
    metadata = {"metrics": {"frames": 25, "fps": 12.5, "odd": "text", "worse": True}, "engine": "test"}

    response = say(taken, {"status": "completed", "output_url": deliver(taken), "metadata": metadata})
    collect(taken.pk)

    job.refresh_from_db()
    assert response.json()["cancel"] is False
    assert job.status == Job.Status.DONE
    assert job.output.file.read() == clip_bytes
    assert job.latest.metrics == {"frames": 25, "fps": 12.5, "engine": "test"}


def test_a_result_elsewhere_is_left_to_the_queue(taken):
    say(taken, {"status": "completed", "output_url": "https://store.example/result.mp4"})

    taken.refresh_from_db()
    assert taken.collect_url == "https://store.example/result.mp4"


def test_a_result_in_base64_that_finds_no_room_is_made_again(taken, job, clip_bytes, settings, monkeypatch):
    usage = shutil.disk_usage(settings.MEDIA_ROOT)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=settings.MIN_FREE_BYTES - 1))

    say(taken, in_base64(clip_bytes))

    job.refresh_from_db()
    taken.refresh_from_db()
    assert (job.status, taken.error_code) == (Job.Status.QUEUED, "storage_full")


def test_a_result_in_base64_is_kept(taken, job, clip_bytes):
    say(taken, in_base64(clip_bytes))
    collect(taken.pk)

    job.refresh_from_db()
    assert job.status == Job.Status.DONE
    assert job.output.file.read() == clip_bytes


@pytest.mark.parametrize(
    "output",
    [
        pytest.param({"output_base64": "not base64!"}, id="no base64"),
        pytest.param({"output_base64": "AAA"}, id="broken off"),
        pytest.param({"output_base64": ""}, id="empty"),
        pytest.param({"output_url": "https://[::1"}, id="no address"),
        pytest.param({"output_url": "https://store.example:99999/x"}, id="no port"),
        pytest.param({}, id="nothing at all"),
    ],
)
def test_a_result_that_is_none_fails_the_job(taken, job, output):
    assert say(taken, {"status": "completed", **output}).status_code == 200

    job.refresh_from_db()
    assert job.status == Job.Status.FAILED
    assert job.error_code in ("bad_output", "result_lost")


def test_its_own_address_without_the_bytes_is_no_result(taken, job, deliver):
    url = deliver(taken)
    taken.output.refresh_from_db()
    taken.output.file.storage.delete(taken.output.file.name)
    type(taken.output).objects.filter(pk=taken.output_id).update(stored_at=None)

    say(taken, {"status": "completed", "output_url": url})

    job.refresh_from_db()
    assert job.error_code == "result_lost"


# --- Twice, late, and out of order


def test_the_same_message_again_changes_nothing(taken, job):
    first, again = say(taken, FAILED), say(taken, FAILED)

    assert (first.status_code, again.status_code) == (200, 200)
    assert job.events.filter(new=Job.Status.FAILED).count() == 1


def test_a_base64_result_sent_again_does_not_touch_what_is_kept(taken, job, clip_bytes):
    say(taken, in_base64(clip_bytes))
    taken.output.refresh_from_db()
    kept = taken.output.file.name

    assert say(taken, in_base64(b"something else entirely")).status_code == 200

    taken.output.refresh_from_db()
    assert taken.output.file.name == kept


def test_of_two_equal_results_that_come_at_once_one_is_kept(taken, job, clip_bytes):
    late = Attempt.objects.select_related("output").get()  # read before the first was through
    message = Message.from_bytes(json.dumps({"job_id": "x", **in_base64(clip_bytes)}).encode(), 10 * MIB)
    say(taken, in_base64(clip_bytes))

    assert not outcomes.apply(late, report_of(late, message, cause="callback"))

    collect(taken.pk)
    job.refresh_from_db()
    assert job.status == Job.Status.DONE


def test_of_completed_and_failed_the_first_counts(taken, job, deliver):
    say(taken, {"status": "completed", "output_url": deliver(taken)})

    assert say(taken, FAILED).status_code == 200

    collect(taken.pk)
    job.refresh_from_db()
    assert job.status == Job.Status.DONE


def test_progress_after_the_end_changes_nothing(taken, job, deliver):
    say(taken, {"status": "completed", "output_url": deliver(taken)})
    collect(taken.pk)

    response = say(taken, progress(10))

    taken.refresh_from_db()
    assert response.json() == {"status": "done", "job_id": str(job.pk), "cancel": False}
    assert taken.percent == 100


def test_an_older_attempt_cannot_end_the_job_and_is_told_to_stop(taken, job):
    say(taken, {"status": "failed", "error": "No luck.", "metadata": {"error_code": "fetch_failed"}})
    Job.objects.update(due_at=None)  # its time has come
    second = sent(job)

    response = say(taken, FAILED)

    job.refresh_from_db()
    assert response.json() == {"status": "processing", "job_id": str(job.pk), "cancel": True}
    assert job.latest == second


def test_a_cancelled_jobs_worker_is_told_so_with_its_next_progress(taken, job):
    job.cancel(reason="its owner asked")

    assert say(taken, progress(50)).json()["cancel"] is True


def test_a_deleted_jobs_result_is_not_kept(taken, job, clip_bytes):
    delete_files(job, reason="its owner asked")

    assert say(taken, in_base64(clip_bytes)).status_code == 200

    taken.output.refresh_from_db()
    assert not taken.output.file


# --- Bodies


@pytest.mark.parametrize(
    "said",
    [
        {"status": "done"},
        {"status": None},
        {},
        {"status": "processing", "metadata": "fast"},
        {"status": "processing", "metadata": {"percent": 1000}},
        {"status": "processing", "metadata": {"stage": "dreaming"}},
        {"status": "failed", "error": {"code": 1}},
        {"status": "completed", "output_url": "https://a.example/x", "output_base64": "AAAA"},
    ],
)
def test_a_signed_message_that_makes_no_sense_is_refused_with_a_sentence(taken, job, said):
    response = say(taken, said)

    job.refresh_from_db()
    assert response.status_code == 422
    assert response.json()["code"] == "bad_message"
    assert job.status == Job.Status.PROCESSING


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"1e999", b"-1", b'"7"', b"9" * 5000])
def test_a_number_that_is_none_is_refused(taken, literal):
    body = b'{"job_id": "%s", "status": "processing", "metadata": {"percent": %s}}'

    assert say(taken, body % (str(taken.job_id).encode(), literal)).status_code in (401, 422)


def large(attempt: Attempt, clip: bytes, size: int = 3 * MIB) -> bytes:
    """A body of `size` bytes or a little more: the result comes first, padded with line ends."""
    lines = base64.encodebytes(clip).decode()
    lines += "\n" * (size // 2 - len(lines))  # each is two characters in JSON
    said = {"output_base64": lines, "error": None, "status": "completed", "job_id": str(attempt.job_id)}
    return json.dumps(said).encode()


def test_a_large_result_in_base64_is_kept_and_leaves_nothing_behind(taken, job, clip_bytes, settings):
    before = set(settings.FILE_UPLOAD_TEMP_DIR.iterdir())

    assert say(taken, large(taken, clip_bytes)).status_code == 200
    collect(taken.pk)

    job.refresh_from_db()
    assert job.status == Job.Status.DONE
    assert job.output.file.read() == clip_bytes
    assert set(settings.FILE_UPLOAD_TEMP_DIR.iterdir()) == before


def test_a_large_body_with_a_wrong_signature_is_not_believed(taken, clip_bytes):
    assert say(taken, large(taken, clip_bytes), secret="wrong").status_code == 401


@pytest.mark.parametrize(
    "junk",
    [
        pytest.param(b"x" * 10 * MIB, id="letters"),
        pytest.param(b'"' * 10 * MIB, id="quotes"),
        pytest.param(b'"' + b'\\"' * 5 * MIB, id="a text without an end"),
        pytest.param(b"[" * 10 * MIB, id="brackets"),
        pytest.param(b"\0" * 10 * MIB, id="nothing"),
        pytest.param(b"[" + b'"",' * 3 * MIB, id="small texts"),
        pytest.param(b'{"job_id": "' + b"1" * 10 * MIB + b'"}', id="a long id"),
    ],
)
def test_ten_megabytes_of_junk_are_not_believed(taken, junk):
    assert post(junk, "0" * 64).status_code == 401


def test_a_body_over_the_limit_is_refused_unread(taken, settings):
    response = post(b"x" * (settings.CALLBACK_MAX_BYTES + 1), "0" * 64)

    assert response.status_code == 413


def test_a_third_large_message_at_once_is_asked_to_come_again(taken, clip_bytes, rf):
    request, inside, may_end = rf.post("/"), threading.Barrier(3), threading.Event()

    def take_a_turn() -> None:
        with bodies.turn(request):
            inside.wait(5)
            may_end.wait(5)

    threads = [threading.Thread(target=take_a_turn) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(5)
    third = say(taken, large(taken, clip_bytes))
    small = say(taken, progress(1))
    may_end.set()
    for thread in threads:
        thread.join()

    assert (third.status_code, third["Retry-After"]) == (503, "5")
    assert small.status_code == 200
    assert say(taken, large(taken, clip_bytes)).status_code == 200


def test_the_address_takes_nothing_but_post(db):
    assert Client().get("/v1/runpod/callback").status_code == 405


def test_it_is_heard_though_the_job_is_long_over(taken, job):
    Attempt.objects.update(closed_at=now(), outcome="completed")
    Job.objects.update(status=Job.Status.DONE, deleted_at=now())

    assert say(taken, FAILED).status_code == 200
