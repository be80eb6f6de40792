"""The whole worker as a person starts it, with the real engine, against a service of four addresses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from queue import Queue

import av
import pytest

from worker.tests.listening import Answer, Listener, Request, listening
from worker.wire import verify

WORKER = Path(__file__).parents[1]
PATIENCE = 120  # seconds after which a test has failed, never how long it takes
SECRET = "of this attempt"


@pytest.fixture
def service():
    with listening() as listener:
        listener.on("/v1/assets/video", Answer(200, (WORKER / "samples/tiny.mp4").read_bytes()))
        listener.on("/v1/assets/image", Answer(200, (WORKER / "samples/astronaut.png").read_bytes()))
        listener.on("/v1/assets/upload", Answer(201))
        listener.on("/v1/runpod/callback", Answer(200, b"{}"))
        for what in ("ping", "job-stop"):
            listener.on(f"/runpod/v2/pool/{what}/home", Answer(204))
        yield listener


@pytest.fixture
def worker(service: Listener):
    command = [sys.executable, "-m", "worker", "--server", service.url, "--name", "home"]
    process = subprocess.Popen(command, cwd=WORKER.parent, env={**os.environ, "WORKER_TOKEN": "token"})
    yield process
    process.terminate()
    process.wait(PATIENCE)


def job(service: Listener) -> bytes:
    assets = f"{service.url}/v1/assets"
    job_input = {
        "job_id": "job-1",
        "mode": "video_swap",
        "quality": "fast",
        "enable_4k": False,
        "aspect_ratio": "1:1",
        "assets": {"reference_video_url": f"{assets}/video", "source_image_url": f"{assets}/image"},
        "callback": {"url": f"{service.url}/v1/runpod/callback", "secret": SECRET},
        "output_target": {
            "upload_url": f"{assets}/upload",
            "output_url": f"{assets}/result",
            "max_bytes": 10**7,
        },
    }
    return json.dumps({"id": "attempt-1", "input": job_input}).encode()


def test_a_real_video_comes_back(service: Listener, worker, tmp_path: Path):
    handed_in: Queue[Request] = Queue()
    service.on("/runpod/v2/pool/job-take/home", Answer(200, job(service)), Answer(204))
    service.on(
        "/runpod/v2/pool/job-done/home/attempt-1", lambda request: handed_in.put(request) or Answer(200)
    )

    outcome = handed_in.get(timeout=PATIENCE).json()

    last = service.asked("/v1/runpod/callback")[-1]
    assert outcome["output"]["status"] == last.json()["status"] == "completed"
    assert verify(last.body, last.headers["X-Callback-Signature"], SECRET)
    metrics = last.json()["metadata"]["metrics"]
    assert metrics["swapped"] > 0
    result = tmp_path / "result.mp4"
    result.write_bytes(service.asked("/v1/assets/upload")[0].body)
    with av.open(str(result)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == metrics["frames"]
    assert (frames[0].width, frames[0].height) == (metrics["width"], metrics["height"])
    assert metrics["width"] == metrics["height"]
