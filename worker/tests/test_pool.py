from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from worker import pool as pool_module
from worker.pool import Endpoint, Pool
from worker.retries import Backoff
from worker.tests.listening import Answer, Listener, Request, listening

LONG = 10  # seconds after which a test has failed, never how long it takes
REPOSITORY = Path(__file__).parents[2]
BASE = "/runpod/v2/pool"
TOKEN = "worker-token"


class Service:
    """The four addresses of the protocol, over a queue of jobs."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.url = listener.url
        self.jobs: Queue[str] = Queue()
        self.to_stop: Queue[str] = Queue()
        self.handed_in: Queue[Request] = Queue()
        listener.on(f"{BASE}/job-take/home", self.take)
        listener.on(f"{BASE}/ping/home", Answer(200))
        listener.on(f"{BASE}/job-stop/home", self.stop)

    def add(self, job_id: str, job_input: str = '{"n": 1}') -> None:
        self.listener.on(f"{BASE}/job-done/home/{job_id}", self.done)
        self.jobs.put(f'{{"id": "{job_id}", "input": {job_input}}}')

    def take(self, request: Request) -> Answer:
        return self._wait(self.jobs, lambda job: job)

    def stop(self, request: Request) -> Answer:
        return self._wait(self.to_stop, lambda job_id: f'{{"jobsToStop": ["{job_id}"]}}')

    def done(self, request: Request) -> Answer:
        self.handed_in.put(request)
        return Answer(200)

    def _wait(self, queue: Queue[str], shown) -> Answer:
        try:
            return Answer(200, shown(queue.get(timeout=0.1)).encode())
        except Empty:
            return Answer(204)


@pytest.fixture
def service():
    with listening() as listener:
        yield Service(listener)


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    monkeypatch.setattr(pool_module, "TAKE_PATIENCE", Backoff(first=0.001, most=0.001))
    monkeypatch.setattr(pool_module, "DONE_PATIENCE", Backoff(tries=3, first=0.001, most=0.001))
    for name in ("REFUSED_PAUSE", "PING_EVERY", "POLL_EVERY"):
        monkeypatch.setattr(pool_module, name, 0.01)


@pytest.fixture
def start(service: Service):
    """Start a pool that does its jobs as the test says, and stop it at the end."""
    pools = []

    def start_one(do) -> Pool:
        pools.append(Pool(Endpoint(service.url, name="pool", worker="home", token=TOKEN), do=do))
        pools[-1].start()
        return pools[-1]

    yield start_one
    for pool in pools:
        pool.stop()
        pool.taker.join(LONG)


def completes(job_input: Any, cancelled: threading.Event) -> dict[str, Any]:
    return {"job_id": "job-1", "status": "completed", "output_url": f"http://x/{job_input['n']}"}


def until_stopped(job_input: Any, cancelled: threading.Event) -> dict[str, Any]:
    assert cancelled.wait(LONG)
    return {"job_id": "job-1", "status": "cancelled", "error": "The job was cancelled."}


def test_jobs_are_taken_and_handed_in_one_after_the_other(service: Service, start):
    service.add("a", '{"n": 1}')
    service.add("b", '{"n": 2}')

    start(completes)

    first, second = service.handed_in.get(timeout=LONG), service.handed_in.get(timeout=LONG)
    assert first.json() == {"output": {"job_id": "job-1", "status": "completed", "output_url": "http://x/1"}}
    assert first.query == {"isStream": ["false"]}
    assert second.path.endswith("/job-done/home/b")


def test_the_token_is_sent_bare(service: Service, start):
    service.add("a")

    start(completes)
    service.handed_in.get(timeout=LONG)

    assert {request.headers["Authorization"] for request in service.listener.requests} == {TOKEN}


def test_a_failure_is_handed_in_as_an_error(service: Service, start):
    service.add("a")

    start(lambda job_input, cancelled: {"job_id": "1", "status": "failed", "error": "No.", "error_code": "x"})

    said = service.handed_in.get(timeout=LONG).json()
    assert said == {"error": "No.", "output": {"job_id": "1", "status": "failed", "error_code": "x"}}


def test_handing_in_is_repeated(service: Service, start):
    service.add("a")
    service.listener.on(f"{BASE}/job-done/home/a", Answer(503), service.done)

    start(completes)

    assert service.handed_in.get(timeout=LONG)


def test_the_service_hears_pings_while_a_job_runs(service: Service, start):
    pinged = threading.Event()
    service.listener.on(f"{BASE}/ping/home", lambda request: pinged.set() or Answer(200))
    service.add("a")

    start(lambda job_input, cancelled: pinged.wait(LONG) and completes(job_input, cancelled))
    service.handed_in.get(timeout=LONG)

    assert service.listener.asked(f"{BASE}/ping/home")[0].query["job_id"] == ["a"]


def test_a_job_that_is_to_stop_stops_and_is_not_handed_in(service: Service, start):
    began = threading.Event()
    service.add("a", '{"n": 1}')
    service.add("b", '{"n": 2}')

    def do(job_input: Any, cancelled: threading.Event) -> dict[str, Any]:
        began.set()
        return until_stopped(job_input, cancelled) if job_input["n"] == 1 else completes(job_input, cancelled)

    start(do)
    assert began.wait(LONG)
    service.to_stop.put("a")

    assert service.handed_in.get(timeout=LONG).path.endswith("/b")


def test_word_to_stop_another_job_is_passed_over(service: Service, start):
    listened = threading.Semaphore(0)

    def stop_another(request: Request) -> Answer:
        listened.release()
        return Answer(200, b'{"jobsToStop": ["another"]}')

    def do(job_input: Any, cancelled: threading.Event) -> dict[str, Any]:
        assert all(listened.acquire(timeout=LONG) for _ in range(2))  # By the second, the first was heeded.
        return (until_stopped if cancelled.is_set() else completes)(job_input, cancelled)

    service.listener.on(f"{BASE}/job-stop/home", stop_another)
    service.add("a")

    start(do)

    assert service.handed_in.get(timeout=LONG)


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(401),
        Answer(429, headers=(("Retry-After", "0"),)),
        Answer(502),
        Answer(400),
        Answer(200, b"<html>a tunnel's page</html>"),
        Answer(200, b'{"id": "no input"}'),
        Answer(200, b"[]"),
        Answer(200, b"{", cut_after=0),
    ],
)
def test_trouble_passes_and_the_worker_goes_on(service: Service, start, trouble: Answer):
    service.add("a")
    service.listener.on(f"{BASE}/job-take/home", trouble, trouble, service.take)

    start(completes)

    assert service.handed_in.get(timeout=LONG)


def test_a_refused_token_is_said_without_the_token(service: Service, start, caplog):
    service.add("a")
    service.listener.on(f"{BASE}/job-take/home", Answer(401), service.take)

    start(completes)
    service.handed_in.get(timeout=LONG)

    assert "refused the worker's token (401)" in caplog.text
    assert TOKEN not in caplog.text


def test_a_pool_that_stops_ends_its_job(service: Service, start):
    began = threading.Event()
    service.add("a")
    pool = start(lambda job_input, cancelled: began.set() or until_stopped(job_input, cancelled))
    assert began.wait(LONG)

    assert pool.stop()

    assert service.handed_in.empty()


def test_a_pool_says_if_its_job_would_not_end(service: Service, start, monkeypatch):
    monkeypatch.setattr(pool_module, "GRACE", 0.01)
    began, go_on = threading.Event(), threading.Event()
    service.add("a")
    pool = start(
        lambda job_input, cancelled: began.set() or (go_on.wait(LONG) and completes(job_input, cancelled))
    )
    assert began.wait(LONG)

    assert not pool.stop()
    go_on.set()


def test_a_cancelled_job_that_hangs_ends_the_worker(service: Service, monkeypatch):
    monkeypatch.setattr(pool_module, "STUCK", 0.01)
    ended, go_on = threading.Event(), threading.Event()
    endpoint = Endpoint(service.url, name="pool", worker="home", token=TOKEN)

    def hang(job_input: Any, cancelled: threading.Event) -> dict[str, Any]:
        go_on.wait(LONG)
        return until_stopped(job_input, cancelled)

    pool = Pool(endpoint, do=hang, on_end=ended.set)
    service.add("a")
    service.to_stop.put("a")
    pool.start()

    assert ended.wait(LONG)
    go_on.set()
    pool.stop()


@pytest.fixture
def worker(service: Service):
    """A real worker process, as a person starts it."""
    command = [sys.executable, "-m", "worker", "--server", service.url, "--name", "home"]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env={**os.environ, "WORKER_TOKEN": TOKEN}, stderr=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def wait_for(path: str, listener: Listener) -> None:
    deadline = time.monotonic() + 30
    while not listener.asked(path):
        assert time.monotonic() < deadline, f"{path} was never asked for"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_ends_at_a_signal(service: Service, worker, number: int):
    wait_for(f"{BASE}/job-take/home", service.listener)

    worker.send_signal(number)

    assert worker.wait(timeout=LONG) == 0


def test_a_busy_worker_ends_at_a_signal_and_hands_nothing_in(service: Service, worker):
    """The job hangs in its download: the service holds that answer until the test is over."""
    over = threading.Event()
    service.listener.on("/v1/assets/image", lambda request: over.wait(LONG) and Answer(200))
    url = f"{service.url}/v1/assets/image"
    job_input = {
        "job_id": "1",
        "mode": "video_swap",
        "assets": {"source_image_url": url, "reference_video_url": url},
        "callback": {"url": f"{service.url}/callback", "secret": "s"},
    }
    service.add("a", json.dumps(job_input))
    wait_for("/v1/assets/image", service.listener)

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=LONG) == 0
    over.set()
    assert service.handed_in.empty()
    assert not [request for request in service.listener.asked("/callback") if b"failed" in request.body]


def test_a_worker_without_a_token_says_so():
    env = {name: value for name, value in os.environ.items() if name != "WORKER_TOKEN"}

    ended = subprocess.run(
        [sys.executable, "-m", "worker"], cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    assert "WORKER_TOKEN is not set" in ended.stderr


def test_a_machine_without_the_engine_says_so_and_ends(tmp_path: Path):
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('no such wheel')")
    env = {**os.environ, "WORKER_TOKEN": TOKEN, "PYTHONPATH": str(tmp_path)}

    ended = subprocess.run(
        [sys.executable, "-m", "worker"], cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 3
    assert ended.stderr.startswith("onnxruntime cannot be loaded (no such wheel). ")
    assert ended.stderr.count("\n") == 1
