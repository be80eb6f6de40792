from __future__ import annotations

import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from faceswap_site.copies import BASE_DIR, Copy
from runpod_bridge import shutdown, worker_views
from runpod_bridge.tests.program import is_up, wait_for
from runpod_bridge.worker_views import has_hung_up, hold


@pytest.fixture
def long_hold(settings) -> None:
    settings.TAKE_HOLD = timedelta(seconds=60)


def test_a_request_is_held_until_there_is_something(rf, long_hold):
    looks = iter([None, None, "work"])

    assert hold(rf.get("/"), lambda: next(looks)) == "work"


def test_a_request_is_held_no_longer_than_it_may_be(rf, settings):
    settings.TAKE_HOLD = timedelta(seconds=0.01)

    assert hold(rf.get("/"), lambda: None) is None


def test_nothing_is_held_once_the_server_has_been_told_to_end(rf, long_hold, monkeypatch):
    monkeypatch.setattr(shutdown, "_signalled", True)

    assert hold(rf.get("/"), lambda: None) is None


def test_nothing_is_taken_for_a_worker_that_has_gone(rf, long_hold, monkeypatch):
    monkeypatch.setattr(worker_views, "LOOK_EVERY", 0.01)
    ours, theirs = socket.socketpair()
    with ours:
        request = rf.get("/", **{"gunicorn.socket": ours})
        assert not has_hung_up(request)

        theirs.close()
        looks: list[int] = []
        assert hold(request, lambda: looks.append(1)) is None

    assert len(looks) == 1


def test_a_connection_that_broke_is_gone(rf):
    ours, theirs = socket.socketpair()
    theirs.close()
    ours.close()

    assert has_hung_up(rf.get("/", **{"gunicorn.socket": ours}))


def test_the_web_server_answers_held_requests_when_it_is_told_to_end(tmp_path: Path):
    copy = Copy(tmp_path)
    copy.manage("migrate", "--verbosity=0")
    token = copy.manage("createworkertoken", "gpu box").strip()
    command = [sys.executable, "-m", "gunicorn", "-c", "python:faceswap_site.web", "--workers=1"]
    command += ["--bind", f"127.0.0.1:{copy.port}", "faceswap_site.wsgi"]
    server = subprocess.Popen(command, cwd=BASE_DIR, env=copy.environ)
    try:
        wait_for(lambda: is_up(copy.url), "the web server")
        url, headers = f"{copy.url}/runpod/v2/pool/job-take/first", {"Authorization": token}
        held = ThreadPoolExecutor().submit(requests.get, url, headers=headers, timeout=30)
        time.sleep(1)
        assert not held.done()

        server.terminate()

        assert held.result(8).status_code == 204
        assert server.wait(8) == 0
    finally:
        server.kill()
