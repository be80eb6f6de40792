"""The whole worker, killed at work, and the same job given to the next one on the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker.engines import Task, make
from worker.media import segments
from worker.media.source import open_video
from worker.tests.clipmaking import tone, write_clip
from worker.tests.faceclips import SIZE, moving_face
from worker.tests.listening import Answer, Listener, listening
from worker.tests.samples import HOPPER

WORKER = Path(__file__).parents[1]
PATIENCE = 120  # seconds after which a test has failed, never how long it takes
FRAMES, SECOND = 140, 25
# The worker with segments of a second, which says of each frame that it is being encoded.
PROGRAM = """if True:
    import sys
    from worker.media import encode, segments
    segments.SECONDS, write = 1.0, encode.Encoder.write
    encode.Encoder.write = lambda *args: print("frame", flush=True) or write(*args)
    from worker.__main__ import main
    sys.exit(main())"""


def to_and_fro(index: int, width: int, height: int):
    return moving_face(15 - abs(index % 60 - 30), width, height)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    return write_clip(path, times=range(0, 40 * FRAMES, 40), size=SIZE, draw=to_and_fro, sound=tone(5.6))


@pytest.fixture
def service(clip) -> Iterator[Listener]:
    with listening() as listener:
        listener.on("/v1/assets/video", Answer(200, clip.read_bytes()))
        listener.on("/v1/assets/image", Answer(200, HOPPER.read_bytes()))
        listener.on("/v1/assets/upload", Answer(201))
        listener.on("/v1/runpod/callback", Answer(200, b"{}"))
        for what in ("ping/home", "job-stop/home", "job-done/home/attempt-1", "job-done/home/attempt-2"):
            listener.on(f"/runpod/v2/pool/{what}", Answer(204))
        yield listener


def job(service: Listener, mode: str, attempt: int) -> bytes:
    assets = f"{service.url}/v1/assets"
    job_input = {
        "job_id": "job-1",
        "attempt": attempt,
        "mode": mode,
        "quality": "fast",
        "aspect_ratio": "1:1",
        "assets": {"reference_video_url": f"{assets}/video", "source_image_url": f"{assets}/image"},
        "callback": {"url": f"{service.url}/v1/runpod/callback", "secret": "of this attempt"},
        "output_target": {
            "upload_url": f"{assets}/upload", "output_url": f"{assets}/result", "max_bytes": 10**8,
        },
    }  # fmt: skip
    return json.dumps({"id": f"attempt-{attempt}", "input": job_input}).encode()


def start_worker(service: Listener, folder: Path, job: bytes) -> subprocess.Popen:
    service.on("/runpod/v2/pool/job-take/home", Answer(200, job), Answer(204))
    command = [sys.executable, "-c", PROGRAM, "--server", service.url, "--name", "home"]
    environ = {**os.environ, "WORKER_TOKEN": "token", "WORKER_DIR": str(folder)}
    return subprocess.Popen(command, cwd=WORKER.parent, env=environ, stdout=subprocess.PIPE, text=True)


def wait_until(happened) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def folders_in(path: Path) -> list[Path]:
    return [each for each in path.iterdir() if each.is_dir()]


def made_at_once(mode: str, clip: Path, output: Path) -> bytes:
    task = Task(
        mode=mode, quality="fast", enable_4k=False, aspect_ratio="1:1",
        reference_video=clip, source_image=HOPPER, driving_audio=None, output=output,
    )  # fmt: skip
    make(task, lambda stage, done, total: None)
    return output.read_bytes()


@pytest.mark.parametrize("mode", ["video_swap", pytest.param("photo_sing", marks=pytest.mark.slow)])
def test_a_killed_worker_costs_one_segment_at_most(service: Listener, clip, tmp_path, monkeypatch, mode):
    folder = tmp_path / "worker"
    killed = start_worker(service, folder, job(service, mode, 1))
    wait_until(lambda: list(folder.glob("*/parts-*/segment-00001.mp4")))
    killed.kill()
    killed.wait(PATIENCE)
    finished = len(list(folder.glob("*/parts-*/segment-*.mp4")))
    assert 2 <= finished < FRAMES // SECOND, "it was to be killed at work"

    second = start_worker(service, folder, job(service, mode, 2))
    wait_until(lambda: service.asked("/runpod/v2/pool/job-done/home/attempt-2"))
    second.terminate()
    encoded = second.communicate(timeout=PATIENCE)[0].count("frame")

    last = service.asked("/v1/runpod/callback")[-1].json()
    assert last["status"] == "completed"
    assert last["metadata"]["metrics"]["frames"] == last["metadata"]["metrics"]["swapped"] == FRAMES
    # The last of them was finished, but what is remembered after it may not have been saved.
    assert encoded in {FRAMES - finished * SECOND, FRAMES - (finished - 1) * SECOND}
    monkeypatch.setattr(segments, "SECONDS", 1.0)
    (upload,) = service.asked("/v1/assets/upload")
    assert upload.body == made_at_once(mode, clip, tmp_path / "at once.mp4")
    with open_video(tmp_path / "at once.mp4") as whole:
        assert (len(list(whole)), whole.has_audio) == (FRAMES, True)
    assert not folders_in(folder)
