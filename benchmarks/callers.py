"""The outside of a copy: programs that submit and cancel jobs, and one that reads results all the while."""

from __future__ import annotations

import hashlib
import io
import random
import threading
import time
from collections import Counter
from uuid import uuid4

import av
import requests

from faceswap_site.copies import BASE_DIR, Copy

SAMPLES = BASE_DIR / "worker" / "samples"
PATIENCE = 100.0  # seconds: a sleep, and as long as the service may need to be well again
AGAIN_AFTER = 0.5
READ_EVERY = 0.1
LATEST = 6  # jobs: most reads are of these, whose results appear just then
TIMEOUT = (5, 15)


class NoAnswer(Exception):
    """The service gave none within the time in which it must be well again."""


class Caller:
    def __init__(self, copy: Copy) -> None:
        self.jobs_url = f"{copy.url}/v1/jobs"
        self.headers = {"Authorization": f"Bearer {copy.manage('createapikey', 'chaos').strip()}"}
        self.accepted: list[str] = []
        self.unanswered: list[str] = []
        self.may_end: dict[str, set[str]] = {}  # the states in which each job may rightly end

    def submit(self, clip: str) -> str:
        """Submit one job, as often as it takes, and return its id."""
        answer, _ = self._persist(
            self.jobs_url,
            headers={"Idempotency-Key": uuid4().hex},
            data={"mode": "video_swap", "quality": "fast", "aspect_ratio": "original"},
            files={
                "reference_video": (clip, (SAMPLES / clip).read_bytes()),
                "source_image": ("astronaut.png", (SAMPLES / "astronaut.png").read_bytes()),
            },
        )
        answer.raise_for_status()
        job: str = answer.json()["id"]
        self.may_end[job] = {"done"}
        self.accepted.append(job)
        return job

    def cancel(self, job: str) -> None:
        """Cancel a job; what its end may be depends on the answer."""
        self.may_end[job] = {"done", "cancelled"}
        answer, tries = self._persist(f"{self.jobs_url}/{job}/cancel")
        if answer.ok:
            self.may_end[job] = {"cancelled"}
        elif tries == 1:  # Later ones may be refused because the first was heard, and its answer lost.
            self.may_end[job] = {"done"}

    def _persist(
        self, url: str, *, headers: dict[str, str] | None = None, **parts: object
    ) -> tuple[requests.Response, int]:
        """POST until an answer is no trouble of the service's; return it, and after how many tries."""
        deadline, tries = time.monotonic() + PATIENCE, 0
        answer: requests.Response | None = None
        while time.monotonic() < deadline:
            tries += 1
            try:
                answer = requests.post(
                    url,
                    headers={**self.headers, **(headers or {})},
                    timeout=TIMEOUT,
                    **parts,  # type: ignore[arg-type]
                )
            except requests.RequestException:
                answer = None
            if answer is not None and answer.status_code < 500 and not is_still_running(answer):
                return answer, tries
            time.sleep(AGAIN_AFTER)
        last = f"the last was {answer.status_code}" if answer is not None else "none came"
        raise NoAnswer(f"{url} gave no good answer for {PATIENCE:.0f} s; {last}.")


def is_still_running(answer: requests.Response) -> bool:
    """An earlier request with this Idempotency-Key is not through, or was killed a moment ago."""
    return answer.status_code == 409 and answer.json().get("code") == "idempotency_conflict"


class Reader(threading.Thread):
    """Fetches results without a pause, finished or not. What is served must be whole."""

    def __init__(self, caller: Caller, seed: int) -> None:
        super().__init__(name="reader", daemon=True)
        self.caller = caller
        self.chance = random.Random(seed)
        self.ended = threading.Event()
        self.answers: Counter[str] = Counter()
        self.known_good: set[str] = set()
        self.broken: list[str] = []

    def run(self) -> None:
        while not self.ended.wait(READ_EVERY):
            if jobs := self.caller.accepted[:]:
                among = jobs[-LATEST:] if self.chance.random() < 0.8 else jobs
                self._read(self.chance.choice(among))

    def _read(self, job: str) -> None:
        url = f"{self.caller.jobs_url}/{job}/output"
        try:
            answer = requests.get(url, headers=self.caller.headers, timeout=TIMEOUT)
        except requests.RequestException:  # Cut off: the client knows that it has not everything.
            self.answers["cut off"] += 1
            return
        self.answers[str(answer.status_code)] += 1
        if answer.status_code == 200 and (fault := self._fault_of(answer)):
            self.broken.append(f"{job}: {fault}")

    def _fault_of(self, answer: requests.Response) -> str:
        """Say what is wrong with these bytes; empty when they are whole."""
        digest = hashlib.sha256(answer.content).hexdigest()
        if answer.headers.get("ETag") != f'"{digest}"':
            return f"{len(answer.content)} bytes do not have the ETag's hash"
        if digest not in self.known_good:
            try:
                decode(answer.content)
            except av.FFmpegError as exc:
                return f"it cannot be decoded: {exc}"
            self.known_good.add(digest)
        return ""


def decode(content: bytes) -> int:
    """Decode a whole video; return how many frames it has, which is never none."""
    frames = 0
    with av.open(io.BytesIO(content), "r") as video:
        for _ in video.decode(video=0):
            frames += 1
    if not frames:
        raise av.InvalidDataError(0, "it has no frames")
    return frames
