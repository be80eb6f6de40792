"""The whole service in its real processes, with its computing at (the fake of) Runpod."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import requests

from faceswap_site.copies import Copy, free_port
from runpod_bridge.tests.fake_runpod import FakeRunpod
from runpod_bridge.tests.program import WITHIN, Program
from worker.wire import SIGNATURE_HEADER, Message, MessageStatus, Payload, sign

pytestmark = pytest.mark.slow


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
def program(copy: Copy) -> Program:
    return Program(copy)


@pytest.mark.parametrize("handler", [give_back, give_back_unheard])
def test_a_job_goes_to_runpod_and_comes_back(fake, program, tiny_clip, tiny_photo, handler):
    fake.handler = handler

    said = program.end_of(program.submit(tiny_clip, tiny_photo))

    assert said["status"] == "done", said
    assert said["runpod_job_id"] == fake.job.id
    assert requests.get(said["output_url"], timeout=10).content == tiny_clip.read_bytes()


def test_cancelling_reaches_the_worker_at_runpod(fake, program, tiny_clip, tiny_photo):
    fake.handler = work_on
    job = program.submit(tiny_clip, tiny_photo)
    program.wait(job, lambda said: said["runpod_job_id"])

    program.cancel(job)

    assert fake.job.stopped.wait(10)
    assert program.look(job)["status"] == "cancelled"
