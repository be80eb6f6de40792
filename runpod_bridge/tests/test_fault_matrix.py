"""Whatever goes wrong between us and Runpod, a job ends once, rightly, and costs no more than it must."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from assets.models import Asset, Token
from jobs.models import Job
from runpod_bridge.tests.scene import CloudWorker, Scene

pytestmark = pytest.mark.django_db(transaction=True)

Status = Job.Status
MINUTE = timedelta(minutes=1)
IN_AN_HOUR = {"Retry-After": "3600"}  # longer than we wait for at one go
NO_LUCK = "fetch_failed"  # a worker's error that may pass
CRASH = {"error_message": "bad luck", "error_traceback": "Traceback (most recent call last): …"}


@pytest.fixture
def store(settings, clip_bytes) -> Iterator[str]:
    """A store that the operator has listed; some of its addresses lead elsewhere, or to junk."""

    class Store(BaseHTTPRequestHandler):
        answers = {
            "/good": (200, {}, clip_bytes),
            "/truncated": (200, {}, clip_bytes[: len(clip_bytes) // 2]),
            "/text": (200, {}, b"no video at all"),
            "/large": (200, {}, bytes(3 * 1024**2)),
            "/inwards": (302, {"Location": "https://10.0.0.1/result.mp4"}, b""),
        }

        def do_GET(self) -> None:
            status, headers, body = self.answers[self.path]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    settings.OUTPUT_URL_ALLOWED_HOSTS = [f"127.0.0.1:{server.server_port}"]
    settings.MAX_UPLOAD_BYTES = 2 * 1024**2
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


# --- What goes wrong: each of these plays one fault, and leaves the job to the sweep and to good workers


def going_wrong(status: int | None, *, times: int = 1, **fault: Any) -> Callable[[Scene], None]:
    return lambda scene: scene.fake.go_wrong("run", status, times=times, **fault)


def answered_too_late(status: int, *, is_acted_on: bool) -> Callable[[Scene], None]:
    def fault(scene: Scene) -> None:
        scene.fake.go_wrong("run", status, is_acted_on=is_acted_on, late_by=0.7)
        with scene.impatient():
            scene.work_off()

    return fault


def nobody_listens(scene: Scene) -> None:
    base, scene.settings.RUNPOD_API_BASE = scene.settings.RUNPOD_API_BASE, "http://127.0.0.1:1/v2"
    with scene.impatient():
        scene.work_off()
    scene.settings.RUNPOD_API_BASE = base


def taken_and_left_lying(scene: Scene) -> None:
    """Nobody hears of it for so long that it is sent once more; then the first is taken as well."""
    scene.fake.go_wrong("run", None, is_acted_on=True)
    scene.is_idle = True
    scene.go_on(12 * MINUTE)
    scene.is_idle = False


def taken_and_done_unheard(scene: Scene) -> None:
    """Neither the answer to /run nor the callback arrives; the result does."""
    scene.fake.go_wrong("run", None, is_acted_on=True)
    worker = scene.dispatch()
    assert (worker.fetch(), worker.deliver(scene.clip)) == (200, 201)
    scene.fake.end("COMPLETED")


def faster_than_its_dispatch(scene: Scene) -> None:
    scene.fake.on_taking = scene.do


def completed_twice(scene: Scene) -> None:
    worker = scene.dispatch()
    worker.deliver(scene.clip)
    assert [worker.completed().status_code for _ in range(2)] == [200, 200]
    scene.work_off()
    assert worker.completed().json()["status"] == "done"


def completed_then_processing(scene: Scene) -> None:
    worker = scene.dispatch()
    worker.deliver(scene.clip)
    worker.completed()
    late = worker.say("processing", metadata={"stage": "generating", "percent": 10})
    assert (late.status_code, scene.job.latest.percent) == (200, 100)


def completed_then_failed(scene: Scene) -> None:
    worker = scene.dispatch()
    worker.deliver(scene.clip)
    worker.completed()
    assert worker.failed("no_face_in_video").status_code == 200


def an_older_attempt_comes_late(scene: Scene) -> None:
    first = scene.dispatch()
    first.failed(NO_LUCK)
    scene.go_on(2 * MINUTE, until=lambda: len(scene.fake.jobs) == 2)
    assert first.deliver(scene.clip) == 404
    assert first.completed().json()["cancel"] is True


def signed_wrongly(scene: Scene) -> None:
    worker = scene.dispatch()
    assert worker.say("failed", error="Not mine to say.", secret="0" * 64).status_code == 401
    assert scene.job.latest.refusals == 1
    scene.do(scene.fake.job)


def signed_for_another_attempt(scene: Scene) -> None:
    first = scene.dispatch()
    first.failed(NO_LUCK)
    scene.is_idle = True
    scene.go_on(2 * MINUTE, until=lambda: len(scene.fake.jobs) == 2)
    scene.is_idle = False
    assert first.failed("no_face_in_video").status_code == 200
    assert scene.job.status == Status.PROCESSING


def lost_callback(scene: Scene) -> None:
    worker = scene.dispatch()
    worker.deliver(scene.clip)
    scene.fake.end("COMPLETED", output={"output_url": worker.payload.output_target.output_url})


def lost_callback_with_base64(scene: Scene) -> None:
    scene.dispatch()
    scene.fake.end("COMPLETED", output={"output_base64": base64.b64encode(scene.clip).decode()})


def forgotten(scene: Scene) -> None:
    scene.dispatch()
    scene.fake.forget()


def forgotten_after_delivery(scene: Scene) -> None:
    scene.dispatch().deliver(scene.clip)
    scene.fake.forget()


def ending(status: str, **said: Any) -> Callable[[Scene], None]:
    def fault(scene: Scene) -> None:
        scene.dispatch()
        scene.fake.end(status, **said)

    return fault


def bad_luck(times: int, code: str = NO_LUCK) -> Callable[[Scene], None]:
    def fault(scene: Scene) -> None:
        scene.work_off()
        scene.is_idle = True
        for number in range(1, times + 1):
            scene.go_on(10 * MINUTE, until=lambda number=number: scene.fake.taken == number)
            CloudWorker(scene.fake, scene.fake.job).failed(code)
        scene.is_idle = False

    return fault


def pointing_to(path: str) -> Callable[[Scene], None]:
    def fault(scene: Scene) -> None:
        worker = scene.dispatch()
        worker.completed(path if "://" in path else scene.store + path)

    return fault


def delivering(content: bytes) -> Callable[[Scene], None]:
    def fault(scene: Scene) -> None:
        worker = scene.dispatch()
        assert worker.deliver(content) == 201
        worker.completed()

    return fault


def cancelled(scene: Scene) -> None:
    scene.dispatch()
    scene.job.cancel(reason="its owner asked")
    scene.work_off()
    assert scene.fake.job.stopped.is_set()


def cancelled_while_runpod_is_away(scene: Scene) -> None:
    scene.dispatch()
    scene.fake.go_wrong("cancel", 503, times=3, headers=IN_AN_HOUR)
    scene.job.cancel(reason="its owner asked")
    scene.work_off()
    assert not scene.fake.job.stopped.is_set()


def cancelled_while_it_is_sent(scene: Scene) -> None:
    scene.fake.on_taking = lambda job: scene.job.cancel(reason="its owner asked")


def cancelled_before_its_result(scene: Scene) -> None:
    worker = scene.dispatch()
    scene.job.cancel(reason="its owner asked")
    assert worker.deliver(scene.clip) == 404
    assert worker.completed().json() == {"status": "cancelled", "job_id": str(scene.pk), "cancel": True}
    assert not scene.job.latest.output.file


def cancelled_after_its_result(scene: Scene) -> None:
    worker = scene.dispatch()
    assert worker.deliver(scene.clip) == 201
    file = scene.job.latest.output.file
    scene.job.cancel(reason="its owner asked")
    worker.completed()
    assert not file.storage.exists(file.name)


@dataclass(frozen=True)
class End:
    """How it ends: `taken` counts what Runpod took on, and may send a bill for."""

    status: str = Status.DONE
    code: str = ""
    sentence: str = ""
    attempts: int = 1
    taken: int = 1


def failed(code: str, sentence: str, **counts: int) -> End:
    return End(Status.FAILED, code, sentence, **counts)


DONE, CANCELLED = End(), End(Status.CANCELLED)
DONE_BY_THE_SECOND = End(attempts=2)
DONE_AT_DOUBLE_COST = End(attempts=2, taken=2)
NO_VIDEO = failed("bad_output", "The result")
AWAY = failed(
    "provider_unavailable", "Runpod takes no more requests at the moment (429).", attempts=4, taken=0
)

MATRIX: dict[str, tuple[Callable[[Scene], None], End]] = {
    "429": (going_wrong(429), DONE),
    "429, come back at once": (going_wrong(429, headers={"Retry-After": "0"}), DONE),
    "429, come back in an hour": (going_wrong(429, headers=IN_AN_HOUR), DONE_BY_THE_SECOND),
    "429 for ever": (going_wrong(429, times=10_000, headers=IN_AN_HOUR), AWAY),
    "500, not taken": (going_wrong(500), DONE_BY_THE_SECOND),
    "500, though taken": (going_wrong(500, is_acted_on=True), DONE),
    "connection refused": (nobody_listens, DONE_BY_THE_SECOND),
    "connection broken, not taken": (going_wrong(None), DONE_BY_THE_SECOND),
    "connection broken, though taken": (going_wrong(None, is_acted_on=True), DONE),
    "answer after the time-out, not taken": (answered_too_late(500, is_acted_on=False), DONE_BY_THE_SECOND),
    "answer after the time-out, though taken": (answered_too_late(200, is_acted_on=True), DONE),
    "answer lost, taken very late": (taken_and_left_lying, DONE_AT_DOUBLE_COST),
    "answer lost, and the callback": (taken_and_done_unheard, DONE),
    "callback before /run has answered": (faster_than_its_dispatch, DONE),
    "callback doubled": (completed_twice, DONE),
    "callback completed, then processing": (completed_then_processing, DONE),
    "callback completed, then failed": (completed_then_failed, DONE),
    "callback of an older attempt": (an_older_attempt_comes_late, DONE_AT_DOUBLE_COST),
    "callback of an older attempt that failed": (signed_for_another_attempt, DONE_AT_DOUBLE_COST),
    "callback wrongly signed": (signed_wrongly, DONE),
    "callback lost": (lost_callback, DONE),
    "callback lost, result in base64": (lost_callback_with_base64, DONE),
    "404 after its time": (forgotten, DONE_AT_DOUBLE_COST),
    "404 after its time, but delivered": (forgotten_after_delivery, DONE),
    "COMPLETED without output": (ending("COMPLETED"), failed("result_lost", "has not arrived")),
    "FAILED in the SDK's words": (
        ending("FAILED", error=json.dumps(CRASH)),
        failed("worker_failed", CRASH["error_message"]),
    ),
    "TIMED_OUT": (ending("TIMED_OUT"), failed("timed_out", "within the time that it has at Runpod")),
    "CANCELLED": (ending("CANCELLED"), CANCELLED),
    "bad luck twice": (bad_luck(2), End(attempts=3, taken=3)),
    "bad luck always": (bad_luck(4), failed(NO_LUCK, "No luck.", attempts=4, taken=4)),
    "bad media": (bad_luck(1, "no_face_in_video"), failed("no_face_in_video", "No luck.")),
    "bad payload": (bad_luck(1, "bad_payload"), failed("bad_payload", "No luck.")),
    "output elsewhere": (pointing_to("/good"), DONE),
    "output truncated": (pointing_to("/truncated"), NO_VIDEO),
    "output is no video": (pointing_to("/text"), NO_VIDEO),
    "output oversized": (pointing_to("/large"), failed("bad_output", "larger than 2 MB")),
    "output redirects inwards": (pointing_to("/inwards"), failed("bad_output", "not a public address")),
    "output on a private address": (
        pointing_to("https://127.0.0.1/x.mp4"),
        failed("bad_output", "not a public address"),
    ),
    "output delivered is no video": (delivering(b"no video at all"), NO_VIDEO),
    "cancelled": (cancelled, CANCELLED),
    "cancelled while Runpod is away": (cancelled_while_runpod_is_away, CANCELLED),
    "cancelled while it is sent": (cancelled_while_it_is_sent, CANCELLED),
    "cancelled before its result": (cancelled_before_its_result, CANCELLED),
    "cancelled after its result": (cancelled_after_its_result, CANCELLED),
}


@pytest.mark.parametrize(("fault", "end"), MATRIX.values(), ids=MATRIX.keys())
def test_a_job_ends_once_and_right(scene, store, settings, fault, end):
    scene.store, scene.settings = store, settings

    fault(scene)
    scene.let_it_end()

    job = scene.job
    assert End(job.status, job.error_code, end.sentence, len(scene.attempts), scene.fake.taken) == end
    assert end.sentence in job.error_message
    assert (scene.count(end.status), scene.count(Status.DONE)) == (1, int(end.status == Status.DONE))
    assert not scene.at_work
    assert_nothing_is_left(scene)


def assert_nothing_is_left(scene: Scene) -> None:
    """No attempt is open, no link works, and of all that was delivered only the job's own result is kept."""
    assert all(attempt.closed_at for attempt in scene.attempts)
    assert not Token.objects.filter(revoked_at=None).exists()
    made = Asset.objects.filter(kind=Asset.Kind.OUTPUT, deleted_at=None).exclude(pk=scene.job.output_id)
    assert not [asset for asset in made if asset.file]
