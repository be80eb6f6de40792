"""Runpod's REST API over real HTTP, as its documentation and its SDK describe it, for one endpoint.

A test tells it what a worker does; with a handler it has a worker of its own. As a program it lets
a copy of the service compute "in the cloud" without one:

    python -m runpod_bridge.tests.fake_runpod --port 9000 --worker
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

Handler = Callable[[Any, threading.Event], Any]
RUN_MOST = 10 * 1024**2  # bytes of a request to /run
OUTPUT_MOST = 20 * 1024**2  # A larger result is dropped, and the job completed without it.
RETENTION = 30 * 60.0  # seconds after its end that a job is known
WEEK = 7 * 24 * 3600 * 1000
POLICY = {"executionTimeout": (5_000, WEEK), "ttl": (10_000, WEEK)}  # milliseconds
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"}


@dataclass
class FakeJob:
    input: Any
    policy: dict[str, int]
    id: str = field(default_factory=lambda: f"{uuid4()}-u1")
    status: str = "IN_QUEUE"
    output: Any = None
    error: str | None = None
    ended_at: float | None = None
    stopped: threading.Event = field(default_factory=threading.Event)

    def shown(self) -> dict[str, Any]:
        said: dict[str, Any] = {"id": self.id, "status": self.status}
        if self.status != "IN_QUEUE":
            said |= {"delayTime": 824, "workerId": "fake-worker"}
        if self.status in ENDED:
            said["executionTime"] = 3391
        said |= {"output": self.output} if self.output is not None else {}
        said |= {"error": self.error} if self.error is not None else {}
        return said


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next request to `operation`: an answer, or a connection that breaks."""

    operation: str
    status: int | None = None  # None: the connection is closed without an answer
    headers: dict[str, str] = field(default_factory=dict)
    is_acted_on: bool = False  # done all the same; only its answer is lost
    late_by: float = 0.0  # seconds until it is answered


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # A client may go before it has read all.
            super().handle_error(request, client_address)


class FakeRunpod:
    """Serves while its `with` block runs. `handler(input, stopped)` is what its worker does with a job."""

    def __init__(
        self, *, endpoint: str = "ep", key: str = "rpa_key", port: int = 0, handler: Handler | None = None
    ) -> None:
        self.endpoint, self.key, self.handler = endpoint, key, handler
        self.jobs: dict[str, FakeJob] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, Any]] = []  # the operation, and the body sent to it
        self.taken = 0  # jobs, the forgotten ones too: each may have cost something
        self.on_taking: Callable[[FakeJob], object] = lambda job: None  # before /run is answered
        self.retried = 0
        self.lock = threading.RLock()
        self.server = Server(("127.0.0.1", port), _bound_to(self))
        self.base = f"http://127.0.0.1:{self.server.server_port}/v2"

    def __enter__(self) -> FakeRunpod:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        for job in self.jobs.values():
            job.stopped.set()
        self.server.shutdown()
        self.server.server_close()

    # --- What a test may say

    @property
    def job(self) -> FakeJob:
        """The one job, or the newest."""
        return list(self.jobs.values())[-1]

    def go_wrong(self, operation: str, status: int | None = None, *, times: int = 1, **fault: Any) -> None:
        self.faults += times * [Fault(operation, status, **fault)]

    def start(self) -> Any:
        """A worker takes the job; return what it is given."""
        self.job.status = "IN_PROGRESS"
        return self.job.input

    def end(self, status: str, *, output: Any = None, error: str | None = None) -> None:
        self._end(self.job, status, output, error)

    def end_of(self, job: FakeJob, status: str, *, output: Any = None, error: str | None = None) -> None:
        self._end(job, status, output, error)

    def forget(self) -> None:
        """The time that an ended job is kept has passed."""
        self.jobs.pop(self.job.id)

    def wait_for_the_end(self, within: float = 10.0) -> None:
        """Wait until our worker is through with the newest job."""
        until = time.monotonic() + within
        while self.job.status not in ENDED:
            assert time.monotonic() < until, f"the job is still {self.job.status} after {within} s"
            time.sleep(0.01)

    # --- The operations

    def run(self, body: Any) -> tuple[int, Any]:
        if not isinstance(body, dict) or "input" not in body:
            return 400, {"error": "input is required"}
        policy = body.get("policy", {})
        for name, (least, most) in POLICY.items():
            if not least <= policy.get(name, least) <= most:
                return 400, {"error": f"policy.{name} is out of range"}
        job = FakeJob(body["input"], policy)  # A webhook is of no use to us, and is not called.
        self.jobs[job.id] = job
        self.taken += 1
        self._put_to_work(job)
        self.on_taking(job)
        return 200, {"id": job.id, "status": job.status}

    def status(self, job: FakeJob) -> tuple[int, Any]:
        return 200, job.shown()

    def cancel(self, job: FakeJob) -> tuple[int, Any]:
        if job.status not in ENDED:
            self._end(job, "CANCELLED", None, None)
            job.stopped.set()
        return 200, {"id": job.id, "status": job.status}

    def retry(self, job: FakeJob) -> tuple[int, Any]:
        if job.status not in {"FAILED", "TIMED_OUT"}:
            return 400, {"error": f"job is {job.status}"}
        job.status, job.output, job.error, job.ended_at = "IN_QUEUE", None, None, None
        self.retried += 1
        self._put_to_work(job)
        return 200, {"id": job.id, "status": job.status}

    def health(self) -> tuple[int, Any]:
        count = [job.status for job in self.jobs.values()].count
        busy = count("IN_PROGRESS")
        jobs = {"completed": count("COMPLETED"), "failed": count("FAILED"), "inProgress": busy}
        jobs |= {"inQueue": count("IN_QUEUE"), "retried": self.retried}
        workers = {"idle": 0, "initializing": 0, "ready": 0, "running": busy, "throttled": 0, "unhealthy": 0}
        return 200, {"jobs": jobs, "workers": workers}

    def known(self, job_id: str) -> FakeJob | None:
        job = self.jobs.get(job_id)
        if job and job.ended_at and time.monotonic() > job.ended_at + RETENTION:
            return None
        return job

    # --- Its worker

    def _put_to_work(self, job: FakeJob) -> None:
        if self.handler:
            threading.Thread(target=self._work, args=(job, self.handler), daemon=True).start()

    def _work(self, job: FakeJob, handler: Handler) -> None:
        job.status = "IN_PROGRESS"
        try:
            output = handler(job.input, job.stopped)
        except Exception as exc:  # As the SDK does: whatever it is, it becomes the job's error.
            crash = {
                "error_type": str(type(exc)),
                "error_message": str(exc),
                "error_traceback": traceback.format_exc(),
                "hostname": "unknown",
                "worker_id": "fake-worker",
                "runpod_version": "1.12.0",
            }
            self._end(job, "FAILED", None, json.dumps(crash))
            return
        error = output.pop("error", None) if isinstance(output, dict) else None
        self._end(job, "FAILED" if error else "COMPLETED", output, error)

    def _end(self, job: FakeJob, status: str, output: Any, error: str | None) -> None:
        with self.lock:
            if job.status in ENDED:
                return
            is_kept = len(json.dumps(output)) <= OUTPUT_MOST
            job.status, job.output, job.error = status, output if is_kept else None, error
            job.ended_at = time.monotonic()


def _bound_to(fake: FakeRunpod) -> type[BaseHTTPRequestHandler]:
    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer({"status": fake.status}, {"health": fake.health})

        def do_POST(self) -> None:
            self.answer({"cancel": fake.cancel, "retry": fake.retry}, {})

        def answer(self, of_a_job: dict[str, Callable], of_all: dict[str, Callable]) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            operation, fault = self.operation(), None
            fake.requests.append((operation, json.loads(raw) if raw else None))
            with fake.lock:
                fault = next((fault for fault in fake.faults if fault.operation == operation), None)
                if fault:
                    fake.faults.remove(fault)
            if fault and not fault.is_acted_on:
                time.sleep(fault.late_by)
                self.reply(fault.status, {"error": "as told"}, fault.headers)
                return
            status, said = self.outcome(raw, of_a_job, of_all)
            time.sleep(fault.late_by if fault else 0)
            self.reply(fault.status if fault else status, said, {})

        def operation(self) -> str:
            match = re.match(r"^/v2/[^/]+/([a-z-]+)", self.path)
            return match[1] if match else ""

        def outcome(
            self, raw: bytes, of_a_job: dict[str, Callable], of_all: dict[str, Callable]
        ) -> tuple[int, Any]:
            _, version, endpoint, operation, *rest = [*self.path.split("?")[0].split("/"), "", ""]
            if self.headers.get("Authorization") not in (f"Bearer {fake.key}", fake.key):
                return 401, {"error": "unauthorized"}
            if version != "v2" or endpoint != fake.endpoint:
                return 404, {"error": "endpoint not found"}
            if operation == "run" and self.command == "POST":
                return fake.run(json.loads(raw)) if len(raw) <= RUN_MOST else (400, {"error": "too large"})
            if operation in of_all:
                return of_all[operation]()
            job = fake.known(rest[0])
            if operation in of_a_job and job:
                return of_a_job[operation](job)
            return 404, {"error": "not found"}

        def reply(self, status: int | None, said: Any, headers: dict[str, str]) -> None:
            if status is None:
                self.close_connection = True
                return
            body = json.dumps(said).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Quiet: a test says itself what went wrong."""

    return Requests


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--endpoint", default="ep")
    parser.add_argument("--key", default="rpa_key")
    parser.add_argument("--worker", action="store_true", help="do the jobs, with the real handler")
    args = parser.parse_args()
    handler: Handler | None = None
    if args.worker:
        from worker.handler import work as handler
    fake = FakeRunpod(endpoint=args.endpoint, key=args.key, port=args.port, handler=handler)
    with fake:
        print(f"RUNPOD_API_BASE={fake.base} RUNPOD_ENDPOINT_ID={args.endpoint} RUNPOD_API_KEY={args.key}")
        threading.Event().wait()


if __name__ == "__main__":
    main()
