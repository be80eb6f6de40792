"""An unmodified Runpod worker, run by Runpod's own SDK, takes jobs from our pool.

The names of its variables are internal to the SDK: this test says when they change.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import requests

from faceswap_site.copies import BASE_DIR, Copy
from runpod_bridge.tests.program import Program, is_up, wait_for

pytestmark = pytest.mark.slow

SDK = "runpod==1.12.0"
START = 'import runpod\nrunpod.serverless.start({"handler": handler})\n'

IN_BASE64 = """
import base64, urllib.request
def handler(job):
    video = urllib.request.urlopen(job["input"]["assets"]["reference_video_url"]).read()
    return {"output_base64": base64.b64encode(video).decode()}
"""
BY_UPLOAD = """
import urllib.request
def handler(job):
    video = urllib.request.urlopen(job["input"]["assets"]["reference_video_url"]).read()
    target = job["input"]["output_target"]
    urllib.request.urlopen(urllib.request.Request(target["upload_url"], video, method="PUT"))
    return {"output_url": target["output_url"]}
"""
CRASHING = """
def handler(job):
    raise RuntimeError("The GPU fell off.")
"""
ENDLESS = """
import asyncio, pathlib
async def handler(job):
    runpod.serverless.progress_update(job, {"stage": "generating", "percent": 10})
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        pathlib.Path("stopped").touch()
        raise
"""


@pytest.fixture(scope="module")
def sdk(request: pytest.FixtureRequest) -> Path:
    """The Python of an environment that has the SDK; it is kept between runs."""
    folder = request.config.cache.mkdir(SDK.replace("==", "-"))
    python, finished = folder / "bin" / "python", folder / "finished"
    if not finished.exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", SDK]
        done = subprocess.run(pip, capture_output=True, text=True, timeout=600)
        if done.returncode:
            words = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            pytest.skip(f"RUNPOD'S SDK WAS NOT TESTED: PyPI did not give us {SDK}: {words}")
        finished.touch()
    return python


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """The web server and the queue in their real processes, without a worker of their own."""
    copy = Copy(tmp_path_factory.mktemp("sdk"))
    copy.manage("migrate", "--verbosity=0")
    web = ["-m", "gunicorn", "-c", "python:faceswap_site.web", "--bind", f"127.0.0.1:{copy.port}"]
    with ExitStack() as running:
        run = running.enter_context
        run(process([sys.executable, *web, "faceswap_site.wsgi"], copy.environ, BASE_DIR))
        for cluster in ("dispatch", "outputs"):
            environ = copy.environ | {"Q_CLUSTER_NAME": cluster}
            run(process([sys.executable, "manage.py", "qcluster"], environ, BASE_DIR))
        wait_for(lambda: is_up(copy.url), "the web server")
        yield copy


@pytest.fixture(scope="module")
def program(service: Copy) -> Program:
    return Program(service)


@contextmanager
def process(
    command: list[str], environ: dict[str, str], folder: Path, *, grace: float = 10.0
) -> Iterator[None]:
    running = subprocess.Popen(
        command, cwd=folder, env=environ, stdout=sys.stderr, stderr=sys.stderr, start_new_session=True
    )
    try:
        yield
    finally:
        running.terminate()
        with suppress(subprocess.TimeoutExpired):
            running.wait(grace)
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)  # The process that pings would outlive the SDK's worker.
        running.wait()


@contextmanager
def sdk_worker(sdk: Path, service: Copy, folder: Path, handler: str) -> Iterator[None]:
    """Runpod's worker with this handler, whose variables lead it to our pool."""
    (folder / "handler.py").write_text("import runpod\n" + handler + START)
    token = service.manage("createworkertoken", "sdk").strip()
    there = f"{service.url}/runpod/v2/pool"
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "RUNPOD_POD_ID": "gpu-box",
        "RUNPOD_AI_API_KEY": token,
        "RUNPOD_PING_INTERVAL": "1000",
        "RUNPOD_WEBHOOK_GET_JOB": f"{there}/job-take/$ID?gpu=none",
        "RUNPOD_WEBHOOK_POST_OUTPUT": f"{there}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
        "RUNPOD_WEBHOOK_POST_STREAM": f"{there}/job-stream/$RUNPOD_POD_ID/$ID?gpu=none",
        "RUNPOD_WEBHOOK_PING": f"{there}/ping/$RUNPOD_POD_ID",
        "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
        "RUNPOD_SKIP_GPU_CHECK": "true",
    }
    # It would wait for the answers to the requests that we hold.
    with process([str(sdk), "handler.py"], environ, folder, grace=0.5):
        yield


@pytest.fixture
def job(program: Program, tiny_clip: Path, tiny_photo: Path) -> str:
    return program.submit(tiny_clip, tiny_photo)


@pytest.mark.parametrize("handler", [IN_BASE64, BY_UPLOAD], ids=["base64", "upload"])
def test_a_three_line_handler_finishes_a_job(sdk, service, program, job, tmp_path, tiny_clip, handler):
    with sdk_worker(sdk, service, tmp_path, handler):
        said = program.end_of(job)

    assert said["status"] == "done", said
    assert requests.get(said["output_url"], timeout=10).content == tiny_clip.read_bytes()


def test_a_handler_that_crashes_fails_the_job_with_its_sentence(sdk, service, program, job, tmp_path):
    with sdk_worker(sdk, service, tmp_path, CRASHING):
        said = program.end_of(job)

    assert (said["status"], said["error_message"]) == ("failed", "The GPU fell off.")


def test_a_cancelled_job_stops_its_handler(sdk, service, program, job, tmp_path):
    with sdk_worker(sdk, service, tmp_path, ENDLESS):
        program.wait(job, lambda said: said["progress"]["percent"] == 10)
        program.cancel(job)
        wait_for(lambda: (tmp_path / "stopped").exists(), "the end of the handler")

    assert program.look(job)["status"] == "cancelled"
