"""A program with a key, as the slow tests use a running service."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from faceswap_site.copies import Copy

WITHIN = 60.0  # seconds, for anything that a test waits for
Job = dict[str, Any]


class Program:
    def __init__(self, copy: Copy) -> None:
        self.url = f"{copy.url}/v1/jobs"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {copy.manage('createapikey', 'alice').strip()}"

    def submit(self, video: Path, photo: Path) -> str:
        """Return the address of the new job."""
        files = {"reference_video": video.read_bytes(), "source_image": photo.read_bytes()}
        answer = self.session.post(self.url, data={"mode": "video_swap"}, files=files, timeout=30)
        assert answer.status_code == 202, answer.text
        return f"{self.url}/{answer.json()['id']}"

    def look(self, job: str) -> Job:
        return self.session.get(job, timeout=10).json()

    def cancel(self, job: str) -> None:
        assert self.session.post(f"{job}/cancel", timeout=10).status_code == 202

    def wait(self, job: str, is_so: Callable[[Job], Any]) -> Job:
        def look() -> Job | None:
            said = self.look(job)
            return said if is_so(said) else None

        return wait_for(look, f"what is awaited of {job}")

    def end_of(self, job: str) -> Job:
        return self.wait(job, lambda said: said["status"] in ("done", "failed", "cancelled"))


def wait_for(look: Callable[[], Any], what: str) -> Any:
    """Look until there is something, and return it."""
    until = time.monotonic() + WITHIN
    while not (found := look()):
        assert time.monotonic() < until, f"{what} did not come within {WITHIN:.0f} s"
        time.sleep(0.2)
    return found


def is_up(url: str) -> bool:
    """Does a service answer there?"""
    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False
