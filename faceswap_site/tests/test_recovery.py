"""Killed in the middle of a job, and started again: the job is done all the same, once."""

from __future__ import annotations

import signal
import time
from typing import Any

import psutil
import pytest
import requests

from faceswap_site.copies import Copy
from faceswap_site.demo import SAMPLES

pytestmark = pytest.mark.slow
LEASE = 5  # seconds
DONE_WITHIN = 90.0


@pytest.fixture
def copy(tmp_path, fresh_database):
    copy = Copy(tmp_path / "data", environ={**fresh_database, "LEASE_SECONDS": str(LEASE)})
    copy.start()
    copy.wait_until_ready()
    yield copy
    copy.stop()


@pytest.fixture
def session(copy):
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {copy.manage('createapikey', 'alice').strip()}"
    return session


def submit(copy: Copy, session: requests.Session) -> str:
    files = {
        "reference_video": (SAMPLES / "hopper.mp4").read_bytes(),
        "source_image": (SAMPLES / "astronaut.png").read_bytes(),
    }
    answer = session.post(f"{copy.url}/v1/jobs", data={"mode": "video_swap"}, files=files, timeout=60)
    return answer.headers["Location"]


def wait_for(session: requests.Session, job_url: str, **expected: str) -> dict[str, Any]:
    deadline = time.monotonic() + DONE_WITHIN
    while True:
        job = session.get(job_url, timeout=30).json()
        if expected.items() <= job.items():
            return job
        assert time.monotonic() < deadline, job
        assert job["status"] != "failed", job
        time.sleep(0.2)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_survives_the_end_of_the_whole_service(copy, session, how):
    job_url = submit(copy, session)
    wait_for(session, job_url, stage="generating")

    copy.process.send_signal(how)
    copy.process.wait(10)
    copy.start()
    copy.wait_until_ready()

    job = wait_for(session, job_url, status="done")
    assert job["attempt"] == 2
    result = session.get(job["output_url"], timeout=30)
    assert result.content[4:8] == b"ftyp"


def test_a_job_survives_the_death_of_its_worker(copy, session):
    job_url = submit(copy, session)
    wait_for(session, job_url, stage="generating")
    children = psutil.Process(copy.process.pid).children()

    next(child for child in children if "worker" in child.cmdline()).kill()

    assert wait_for(session, job_url, status="done")["attempt"] == 2
