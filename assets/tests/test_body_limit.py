"""Bodies against a real web server: what a client in the middle of sending gets to read."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from faceswap_site.copies import BASE_DIR, free_port, untouched_by

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def web(tmp_path_factory) -> Iterator[tuple[int, Path]]:
    """A web server alone, with a cap of 1 MB a file: its port and its data folder. It needs no database."""
    folder, port = tmp_path_factory.mktemp("web"), free_port()
    environ = untouched_by(os.environ) | {
        "DJANGO_SETTINGS_MODULE": "faceswap_site.settings",
        "DATA_DIR": str(folder),
        "MAX_UPLOAD_MB": "1",
    }
    bind = ["-c", "python:faceswap_site.web", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *bind, "faceswap_site.wsgi"], cwd=BASE_DIR, env=environ
    )
    for _ in range(200):
        with suppress(ConnectionRefusedError):
            http.client.HTTPConnection("127.0.0.1", port, timeout=5).request("GET", "/healthz")
            break
        time.sleep(0.1)
    yield port, folder
    process.terminate()
    process.wait(10)


def send(
    port: int,
    headers: dict[str, str],
    body: Iterator[bytes] | bytes,
    method: str = "POST",
    path: str = "/v1/jobs",
):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, body=body, headers=headers)
    response = connection.getresponse()
    return response.status, json.loads(response.read())["code"]


def test_a_client_that_sends_too_much_reads_why_and_leaves_nothing(web):
    port, folder = web
    form = "multipart/form-data; boundary=x"
    body = (bytes(MIB) for _ in range(50))

    answer = send(port, {"Content-Type": form, "Content-Length": str(50 * MIB)}, body)

    assert answer == (413, "too_large")
    assert list((folder / "media" / "tmp").iterdir()) == []


def test_a_chunked_body_is_asked_for_its_length(web):
    body = (b"some" for _ in range(3))  # an iterator without a length is sent in chunks

    answer = send(web[0], {"Content-Type": "multipart/form-data; boundary=x"}, body)

    assert answer == (411, "no_length")


def test_a_delivery_without_a_length_is_asked_for_it(web):
    connection = http.client.HTTPConnection("127.0.0.1", web[0], timeout=20)
    connection.putrequest("PUT", "/v1/assets/anything")
    connection.endheaders()

    assert connection.getresponse().status == 411


def test_a_form_that_is_no_upload_may_be_small_only(web):
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    assert send(web[0], form, bytes(2 * MIB), path="/login/") == (413, "too_large")


def test_the_server_goes_on_answering_afterwards(web):
    connection = http.client.HTTPConnection("127.0.0.1", web[0], timeout=5)
    connection.request("GET", "/healthz")

    assert connection.getresponse().status == 200
