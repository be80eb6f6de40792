from __future__ import annotations

import asyncio
import base64
import errno
import threading
from pathlib import Path

import pytest

from worker import deliver, engines
from worker.engines import Progress, Result, Task
from worker.errors import Cancelled, NoFaceInVideo
from worker.handler import handler, work
from worker.retries import Backoff
from worker.tests.listening import Answer, Listener, Request, listening
from worker.wire import verify

LONG = 10  # seconds after which a test has failed, never how long it takes
SECRET = "secret-of-this-attempt"
VIDEO, IMAGE, RESULT = b"a clip" * 1000, b"a photo" * 100, b"a result" * 5000


@pytest.fixture
def service(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("WORKER_DIR", str(tmp_path))
    with listening() as listener:
        listener.on("/v1/assets/video", Answer(200, VIDEO))
        listener.on("/v1/assets/image", Answer(200, IMAGE))
        listener.on("/v1/assets/upload", Answer(201))
        listener.on("/v1/runpod/callback", Answer(200, b'{"cancel": false}'))
        yield listener


@pytest.fixture
def job_input(service: Listener) -> dict:
    return {
        "job_id": "job-1",
        "mode": "video_swap",
        "quality": "fast",
        "enable_4k": False,
        "aspect_ratio": "original",
        "assets": {
            "reference_video_url": f"{service.url}/v1/assets/video",
            "source_image_url": f"{service.url}/v1/assets/image",
        },
        "callback": {"url": f"{service.url}/v1/runpod/callback", "secret": SECRET},
        "output_target": {
            "upload_url": f"{service.url}/v1/assets/upload",
            "output_url": f"{service.url}/v1/assets/result",
            "max_bytes": 10**6,
        },
    }


@pytest.fixture
def engine(monkeypatch):
    """Let a test say what the engine does."""

    def becomes(make) -> None:
        monkeypatch.setattr(engines, "make", make)

    becomes(swap)
    return becomes


def swap(task: Task, progress: Progress) -> Result:
    assert task.reference_video.read_bytes() == VIDEO
    assert task.source_image.read_bytes() == IMAGE
    for frame in range(20):
        progress("generating", frame + 1, 20)
    task.output.write_bytes(RESULT)
    return Result(frames=20, swapped=18, width=320, height=240, fps=25.0, seconds=0.8)


def raising(exc: Exception):
    def make(task: Task, progress: Progress) -> Result:
        raise exc

    return make


def folders_in(path: Path) -> list[Path]:
    return [each for each in path.iterdir() if each.is_dir()]


def said(service: Listener) -> list[dict]:
    requests = service.asked("/v1/runpod/callback")
    assert all(verify(request.body, request.headers["X-Callback-Signature"], SECRET) for request in requests)
    return [request.json() for request in requests]


def test_a_job_is_fetched_made_uploaded_and_told(service: Listener, job_input: dict, engine):
    outcome = work(job_input, threading.Event())

    (upload,) = service.asked("/v1/assets/upload")
    last = said(service)[-1]
    result_url = f"{service.url}/v1/assets/result"
    assert upload.body == RESULT
    assert (last["status"], last["output_url"], last["error"]) == ("completed", result_url, None)
    assert outcome == {"job_id": "job-1", "status": "completed", "output_url": result_url}


def test_each_of_several_photos_is_fetched_once_and_keeps_its_number(
    service: Listener, job_input: dict, engine
):
    seen: list[Task] = []

    def make(task: Task, progress: Progress) -> Result:
        seen.append(task)
        assert [path.read_bytes() for path in task.source_images] == [IMAGE, b"another photo"]
        return swap(task, progress)

    engine(make)
    service.on("/v1/assets/other", Answer(200, b"another photo"))
    urls = [f"{service.url}/v1/assets/{name}" for name in ("image", "other")]
    job_input["assets"]["source_image_urls"] = urls
    job_input["faces"] = [{"target": {"time": 1, "box": [0, 0, 0.5, 1]}, "source": 1}]

    assert work(job_input, threading.Event())["status"] == "completed"
    assert [(casting.time, casting.source) for casting in seen[0].faces] == [(1.0, 1)]
    assert len(service.asked("/v1/assets/image")) == len(service.asked("/v1/assets/other")) == 1


def test_the_last_message_holds_metrics_and_times(service: Listener, job_input: dict, engine):
    work(job_input, threading.Event())

    metadata = said(service)[-1]["metadata"]
    run_seconds = metadata["metrics"].pop("run_seconds")
    assert metadata["metrics"] == {
        "frames": 20, "swapped": 18, "fps": 25.0, "width": 320, "height": 240, "seconds": 0.8,
    }  # fmt: skip
    assert run_seconds > 0
    assert list(metadata["stage_timings"]) == ["preprocessing", "generating", "packaging"]
    assert "worker" in metadata["engine"]


def test_the_last_message_waits_for_the_one_before_it(service: Listener, job_input: dict, engine):
    last, overtaken = threading.Event(), []

    def slow(request: Request) -> Answer:
        overtaken.append(last.wait(0.2))
        return Answer(200)

    service.on("/v1/runpod/callback", slow, lambda request: last.set() or Answer(200))

    work(job_input, threading.Event())

    assert [message["status"] for message in said(service)] == ["processing", "completed"]
    assert overtaken == [False]


def test_nothing_is_left_on_the_disk(service: Listener, job_input: dict, engine, tmp_path: Path):
    work(job_input, threading.Event())
    engine(raising(RuntimeError("broken")))
    work(job_input, threading.Event())

    assert not folders_in(tmp_path)


def test_an_error_of_ours_is_told_with_its_sentence_and_code(service: Listener, job_input: dict, engine):
    engine(raising(NoFaceInVideo("There is no face in the 250 frames of the video.")))

    outcome = work(job_input, threading.Event())

    last = said(service)[-1]
    assert (last["status"], last["error"]) == ("failed", "There is no face in the 250 frames of the video.")
    assert last["metadata"]["error_code"] == "no_face_in_video"
    assert "error_detail" not in last["metadata"]
    assert outcome["error"] == last["error"]
    assert not service.asked("/v1/assets/upload")


def test_an_unforeseen_error_is_told_without_a_secret(service: Listener, job_input: dict, engine, caplog):
    engine(raising(RuntimeError(f"{SECRET} {service.url}/v1/assets/video and /v1/assets/upload")))

    outcome = work(job_input, threading.Event())

    last = said(service)[-1]
    assert last["error"] == "The engine stopped unexpectedly (RuntimeError)."
    assert last["metadata"]["error_code"] == "engine_error"
    assert "Traceback" in last["metadata"]["error_detail"]
    everything = f"{last} {outcome} {caplog.text}"
    assert not [word for word in (SECRET, "assets/video", "assets/upload") if word in everything]


def test_what_is_finished_waits_for_a_worker_that_was_only_stopped(
    service: Listener, job_input: dict, engine, tmp_path: Path
):
    stopping, found = threading.Event(), []

    def make(task: Task, progress: Progress) -> Result:
        found.append((task.parts / "segment").exists())
        (task.parts / "segment").write_bytes(b"finished")
        if not stopping.is_set():
            stopping.set()
            raise Cancelled
        return swap(task, progress)

    engine(make)

    assert work(job_input, threading.Event(), stopping)["status"] == "cancelled"
    assert work(job_input | {"attempt": 2}, threading.Event(), stopping)["status"] == "completed"
    assert found == [False, True]
    assert not folders_in(tmp_path)


def test_what_was_made_of_another_photo_is_not_gone_on_with(service: Listener, job_input: dict, engine):
    stopping, found = threading.Event(), []
    stopping.set()

    def make(task: Task, progress: Progress) -> Result:
        found.append(len(list(task.parts.parent.glob("parts-*/segment"))))
        (task.parts / "segment").write_bytes(b"finished")
        raise Cancelled

    engine(make)
    work(job_input, threading.Event(), stopping)
    service.on("/v1/assets/image", Answer(200, b"another photo"))
    work(job_input, threading.Event(), stopping)

    assert found == [0, 0]


@pytest.mark.parametrize(("status", "left"), [(503, 1), (404, 0)])
def test_what_is_made_is_kept_if_the_service_may_be_back(
    service: Listener, job_input: dict, engine, tmp_path: Path, monkeypatch, status, left
):
    monkeypatch.setattr(deliver.put, "__kwdefaults__", {"backoff": Backoff(tries=1)})
    service.on("/v1/assets/upload", Answer(status))

    outcome = work(job_input, threading.Event())

    assert outcome["error_code"] == "delivery_failed"
    assert len(folders_in(tmp_path)) == left


def test_a_full_disk_is_swept(service: Listener, job_input: dict, engine, tmp_path: Path):
    (tmp_path / "left-by-another").mkdir()
    engine(raising(OSError(errno.ENOSPC, "No space left on device")))

    work(job_input, threading.Event())

    assert not folders_in(tmp_path)


def test_a_full_disk_is_called_so(service: Listener, job_input: dict, engine):
    engine(raising(OSError(errno.ENOSPC, "No space left on device")))

    outcome = work(job_input, threading.Event())

    assert (outcome["error_code"], outcome["error"]) == ("storage_full", "The worker's disk is full.")


def test_an_input_that_is_gone_is_told(service: Listener, job_input: dict, engine):
    service.on("/v1/assets/image", Answer(404))

    outcome = work(job_input, threading.Event())

    assert outcome["error_code"] == "fetch_failed"
    assert said(service)[-1]["error"] == "The source image could not be downloaded: the server answered 404."


def test_a_payload_we_cannot_read_is_told_if_we_know_whom(service: Listener, job_input: dict):
    outcome = work(job_input | {"mode": "dance"}, threading.Event())

    (message,) = said(service)
    assert (message["job_id"], message["status"]) == ("job-1", "failed")
    assert message["metadata"]["error_code"] == outcome["error_code"] == "bad_payload"


@pytest.mark.parametrize("given", [None, [], {"job_id": "job-1"}])
def test_a_payload_without_a_callback_only_fails(given):
    assert work(given, threading.Event())["error_code"] == "bad_payload"


def test_without_an_upload_address_the_result_is_in_the_message(service: Listener, job_input: dict, engine):
    del job_input["output_target"]

    outcome = work(job_input, threading.Event())

    last = said(service)[-1]
    assert base64.b64decode(last["output_base64"]) == RESULT
    assert "output_url" not in last
    assert outcome["status"] == "completed"


def test_a_result_that_is_uploaded_survives_a_refused_message(service: Listener, job_input: dict, engine):
    service.on("/v1/runpod/callback", Answer(401))

    assert work(job_input, threading.Event())["output_url"] == f"{service.url}/v1/assets/result"


def test_a_result_that_was_in_a_refused_message_is_lost(service: Listener, job_input: dict, engine):
    del job_input["output_target"]
    service.on("/v1/runpod/callback", Answer(401))

    assert work(job_input, threading.Event())["error_code"] == "delivery_failed"


def test_a_cancelled_job_ends_between_two_frames_and_says_nothing(
    service: Listener, job_input: dict, engine, tmp_path: Path
):
    cancelled = threading.Event()

    def make(task: Task, progress: Progress) -> Result:
        cancelled.set()
        progress("generating", 1, 20)
        raise AssertionError("went on")

    engine(make)

    outcome = work(job_input, cancelled)

    assert outcome["status"] == "cancelled"
    assert not [message for message in said(service) if message["status"] != "processing"]
    assert not folders_in(tmp_path)


def test_the_handler_returns_what_work_does(service: Listener, job_input: dict, engine):
    outcome = asyncio.run(handler({"id": "runpod-1", "input": job_input}))

    assert outcome["status"] == "completed"


def test_a_handler_that_is_cancelled_stops_its_work_first(service: Listener, job_input: dict, engine):
    started, stopped = threading.Event(), threading.Event()

    def make(task: Task, progress: Progress) -> Result:
        started.set()
        try:
            while True:
                progress("generating", 1, 20)
        finally:
            stopped.set()

    engine(make)

    async def cancel_once_started() -> bool:
        running = asyncio.create_task(handler({"id": "runpod-1", "input": job_input}))
        await asyncio.to_thread(started.wait, LONG)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return stopped.is_set()

    assert asyncio.run(cancel_once_started())
