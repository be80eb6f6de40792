"""Pulls jobs from a service, one at a time, by the protocol of Runpod's own serverless workers."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote

import requests
from requests.auth import AuthBase

from worker.handler import work
from worker.retries import HTTP_ERRORS, Backoff, NoAnswer, in_words, persist

logger = logging.getLogger(__name__)

TAKE_TIMEOUT = (5, 30)  # The service holds a request for work up to 10 s.
ASK_TIMEOUT = (5, 30)
DONE_PATIENCE = Backoff(tries=8)
TAKE_PATIENCE = Backoff(first=1.0)
REFUSED_PAUSE = 30.0  # seconds until a refused token is tried again: somebody has to act meanwhile
PING_EVERY = 5.0
POLL_EVERY = 1.0  # at most so often, should the service answer at once instead of holding the request
STUCK = 60.0  # seconds after which a cancelled job that still runs is taken to hang
GRACE = 3.0  # seconds for a running job to reach its next frame when the worker is told to stop


class NoWork(Exception):
    """The service gave no answer to a request for work that we could use."""

    def __init__(self, sentence: str, response: requests.Response | None = None) -> None:
        super().__init__(sentence)
        self.response = response


class Refused(NoWork):
    """The service does not know our token."""


class BareToken(AuthBase):
    """Runpod's workers send the token without "Bearer". As `auth`, so that no .netrc replaces it."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self.token
        return request


@dataclass(frozen=True)
class Job:
    id: str
    input: Any
    cancelled: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


class Endpoint:
    """The addresses of the protocol, for one worker."""

    def __init__(self, server: str, *, name: str, worker: str, token: str) -> None:
        self.url = f"{server.rstrip('/')}/runpod/v2/{quote(name, safe='')}"
        self.worker = quote(worker, safe="")
        self.auth = BareToken(token)

    def take(self) -> Job | None:
        """Wait for work; None means that there is none now."""
        try:
            response = self._get("job-take", {"job_in_progress": "0"}, TAKE_TIMEOUT)
        except HTTP_ERRORS as exc:
            raise NoWork(f"No work from {self.url}: {in_words(exc)}.") from exc
        if response.status_code in {204, 400}:  # Runpod says 400 to a worker that it is putting to sleep.
            return None
        if response.status_code in {401, 403}:
            raise Refused(f"{self.url} refused the worker's token ({response.status_code}).")
        if response.status_code != 200:
            raise NoWork(f"No work from {self.url}: it answered {response.status_code}.", response)
        return self._job(response)

    def ping(self, job: Job) -> None:
        self._get("ping", {"job_id": job.id}, ASK_TIMEOUT)

    def jobs_to_stop(self) -> list[str]:
        response = self._get("job-stop", {}, ASK_TIMEOUT)
        if response.status_code != 200:
            return []
        said = response.json()
        ids = said.get("jobsToStop") if isinstance(said, dict) else None
        return ids if isinstance(ids, list) else []

    def done(self, job: Job, outcome: dict[str, Any], stop: threading.Event) -> requests.Response:
        """Hand in what became of a job. The service takes the first answer, so repeating is safe."""
        said = {"output": {key: value for key, value in outcome.items() if key != "error"}}
        if outcome.get("error"):
            said["error"] = outcome["error"]
        return persist(
            lambda: requests.post(
                f"{self.url}/job-done/{self.worker}/{quote(job.id, safe='')}",
                params={"isStream": "false"},
                data=json.dumps(said),
                headers={"Content-Type": "application/json", "X-Request-ID": job.id},
                auth=self.auth,
                timeout=ASK_TIMEOUT,
            ),
            backoff=DONE_PATIENCE,
            stop=stop,
        )

    def _get(self, what: str, params: dict[str, str], timeout: tuple[float, float]) -> requests.Response:
        return requests.get(
            f"{self.url}/{what}/{self.worker}", params=params, auth=self.auth, timeout=timeout
        )

    def _job(self, response: requests.Response) -> Job:
        try:
            given = response.json()
            return Job(str(given["id"]), given["input"])
        except (requests.JSONDecodeError, KeyError, TypeError) as exc:
            raise NoWork(f"{self.url} sent something that is no job.", response) from exc


class Pool:
    """One worker: takes a job, does it, hands it in. Its threads end with the process."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        do: Callable[[Any, threading.Event], dict[str, Any]] | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.endpoint = endpoint
        self.on_end = on_end
        self.stopping = threading.Event()
        self.do = do or partial(work, stopping=self.stopping)
        self.busy = threading.Event()
        self.job: Job | None = None
        self.failures = 0  # to get an answer, since the last one
        self.taker = threading.Thread(target=self._take_jobs, name="take", daemon=True)

    def start(self) -> None:
        self.taker.start()
        for target in (self._ping, self._listen):
            threading.Thread(target=target, name=target.__name__.strip("_"), daemon=True).start()

    def stop(self) -> bool:
        """Take no more work and end the running job between two frames; return whether it did end."""
        self.stopping.set()
        if (job := self.job) is not None:
            job.cancelled.set()
            self.taker.join(GRACE)
        return self.job is None

    def _take_jobs(self) -> None:
        try:
            while not self.stopping.is_set():
                job = self._take()
                if job is not None and not self.stopping.is_set():
                    self._do(job)
        finally:
            self.on_end()

    def _take(self) -> Job | None:
        """Ask for work once; pause after an answer that came too soon to ask again at once."""
        began = time.monotonic()
        try:
            job = self.endpoint.take()
        except NoWork as exc:
            self.failures += 1
            logger.warning("%s", exc)
            self.stopping.wait(_pause(exc, self.failures))
            return None
        self.failures = 0
        if job is None:
            self.stopping.wait(POLL_EVERY - (time.monotonic() - began))
        return job

    def _do(self, job: Job) -> None:
        self.job = job
        self.busy.set()
        threading.Thread(target=self._watch, args=(job,), name="watch", daemon=True).start()
        try:
            outcome = self.do(job.input, job.cancelled)
            self._hand_in(job, outcome)
        finally:
            self.busy.clear()
            self.job = None
            job.over.set()
            job.cancelled.set()  # Lets the watch end.

    def _watch(self, job: Job) -> None:
        """End the worker if a cancelled job does not end; only a new process gets rid of what hangs."""
        job.cancelled.wait()
        if not job.over.wait(STUCK):
            logger.error("Job %s was cancelled and does not end.", job.id)
            self.on_end()

    def _hand_in(self, job: Job, outcome: dict[str, Any]) -> None:
        # By the service, which knows, or by our own end, and then it is another worker's turn.
        if outcome["status"] == "cancelled":
            logger.info("Job %s was stopped.", job.id)
            return
        try:
            response = self.endpoint.done(job, outcome, self.stopping)
        except NoAnswer as exc:
            logger.warning("Job %s is %s, but could not be handed in: %s.", job.id, outcome["status"], exc)
        else:
            logger.info("Job %s is %s (handed in: %s).", job.id, outcome["status"], response.status_code)

    def _ping(self) -> None:
        """Say at intervals that the job is still being worked on."""
        while not self.stopping.is_set():
            self.busy.wait()
            if (job := self.job) is not None:
                try:
                    self.endpoint.ping(job)
                except HTTP_ERRORS as exc:
                    logger.debug("Ping: %s.", in_words(exc))  # The next one says the same.
            self.stopping.wait(PING_EVERY)

    def _listen(self) -> None:
        """Wait for word that the job shall stop."""
        while not self.stopping.is_set():
            self.busy.wait()
            began = time.monotonic()
            try:
                ids = self.endpoint.jobs_to_stop()
            except HTTP_ERRORS as exc:
                logger.debug("Listening: %s.", in_words(exc))
                ids = []
            if (job := self.job) is not None and job.id in ids:
                logger.info("Job %s is to stop.", job.id)
                job.cancelled.set()
            self.stopping.wait(POLL_EVERY - (time.monotonic() - began))


def _pause(trouble: NoWork, failures: int) -> float:
    if isinstance(trouble, Refused):
        return REFUSED_PAUSE
    return TAKE_PATIENCE.seconds(failures, trouble.response)
