"""The whole service in its real processes, with its computing at (the fake of) Runpod."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from faceswap_site.copies import Copy, free_port
from runpod_bridge.tests.fake_runpod import FakeRunpod
from worker.wire import SIGNATURE_HEADER, Message, MessageStatus, Payload, sign

pytestmark = pytest.mark.slow

WITHIN = 60.0
Job = dict[str, Any]


def give_back(given: Any, stopped: threading.Event) -> dict[str, Any]:
    """A worker that returns the clip as it is, by upload and signed callback."""
    payload = Payload.from_input(given)
    video = requests.get(payload.assets.reference_video_url, timeout=10).content
    tell(payload, MessageStatus.PROCESSING, metadata={"stage": "generating", "percent": 50})
    requests.put(payload.output_target.upload_url, video, timeout=10).raise_for_status()
    tell(payload, MessageStatus.COMPLETED, output_url=payload.output_target.output_url)
    return {"status": "completed", "output_url": payload.output_target.output_url}


def give_back_unheard(given: Any, stopped: threading.Event) -> dict[str, Any]:
    """One whose callback never comes: only what Runpod kept tells that it is finished."""
    target = given["output_target"]
    video = requests.get(given["assets"]["reference_video_url"], timeout=10).content
    requests.put(target["upload_url"], video, timeout=10).raise_for_status()
    return {"output_url": target["output_url"]}


def work_on(given: Any, stopped: threading.Event) -> dict[str, Any]:
    stopped.wait(WITHIN)
    return {"error": "stopped" if stopped.is_set() else "never told to stop"}


def tell(payload: Payload, status: MessageStatus, **said: Any) -> Any:
    body = Message(job_id=payload.job_id, status=status, **said).to_bytes()
    headers = {SIGNATURE_HEADER: sign(body, payload.callback.secret)}
    answer = requests.post(payload.callback.url, body, headers=headers, timeout=10)
    answer.raise_for_status()
    return answer.json()


@pytest.fixture(scope="module")
def fake():
    with FakeRunpod() as fake:
        yield fake


@pytest.fixture(scope="module")
def copy(fake, tmp_path_factory):
    port = free_port()
    environ = {
        "COMPUTE_PROVIDER": "runpod_bridge.runpod.RunpodProvider",
        "RUNPOD_API_BASE": fake.base,
        "RUNPOD_API_KEY": fake.key,
        "RUNPOD_ENDPOINT_ID": fake.endpoint,
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
    }
    with Copy(tmp_path_factory.mktemp("chain"), port=port, environ=environ) as copy:
        yield copy


@pytest.fixture(scope="module")
def program(copy: Copy) -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {copy.manage('createapikey', 'alice').strip()}"
    return session


@pytest.fixture
def submit(program, copy, tiny_clip: Path, tiny_photo: Path) -> Callable[[], str]:
    def post() -> str:
        with tiny_clip.open("rb") as video, tiny_photo.open("rb") as photo:
            files = {"reference_video": video, "source_image": photo}
            answer = program.post(f"{copy.url}/v1/jobs", data={"mode": "video_swap"}, files=files)
        assert answer.status_code == 202, answer.text
        return f"{copy.url}/v1/jobs/{answer.json()['id']}"

    return post


def wait(program: requests.Session, job: str, is_so: Callable[[Job], Any]) -> Job:
    until = time.monotonic() + WITHIN
    while not is_so(said := program.get(job, timeout=10).json()):
        assert time.monotonic() < until, said
        time.sleep(0.2)
    return said


@pytest.mark.parametrize("handler", [give_back, give_back_unheard])
def test_a_job_goes_to_runpod_and_comes_back(fake, copy, program, submit, tiny_clip, handler):
    fake.handler = handler

    said = wait(program, submit(), lambda job: job["status"] in ("done", "failed"))

    assert said["status"] == "done", said
    assert said["runpod_job_id"] == fake.job.id
    assert requests.get(said["output_url"], timeout=10).content == tiny_clip.read_bytes()


def test_cancelling_reaches_the_worker_at_runpod(fake, copy, program, submit):
    fake.handler = work_on
    job = submit()
    wait(program, job, lambda job: job["runpod_job_id"])

    assert program.post(f"{job}/cancel").status_code == 202

    assert fake.job.stopped.wait(10)
    assert program.get(job).json()["status"] == "cancelled"
