"""A file system that is really full: a small one in memory, mounted for the test."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from faceswap_site.copies import BASE_DIR, free_port, untouched_by

pytestmark = pytest.mark.slow
MIB = 1024 * 1024
SIZE = 24 * MIB


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"FULL DISK NOT TRIED: mounting a small one takes root: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def web(small_disk, fresh_database) -> Iterator[str]:
    """A web server that keeps everything, the SQLite database too, on the small disk: its address."""
    port = free_port()
    environ = untouched_by(os.environ) | {
        "DJANGO_SETTINGS_MODULE": "faceswap_site.settings",
        "DATA_DIR": str(small_disk),
        "DATABASE_URL": f"sqlite:///{small_disk / 'db.sqlite3'}",
        "MIN_FREE_MB": "1",
        **fresh_database,
    }
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "-v0"], cwd=BASE_DIR, env=environ, check=True)
    made = subprocess.run(
        [*manage, "createapikey", "alice"],
        cwd=BASE_DIR,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    bind = ["-c", "python:faceswap_site.web", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *bind, "faceswap_site.wsgi"], cwd=BASE_DIR, env=environ
    )
    url = f"http://127.0.0.1:{port}"
    os.environ["TEST_API_KEY"] = made.stdout.strip()
    for _ in range(200):
        with contextlib.suppress(requests.ConnectionError):
            requests.get(f"{url}/healthz", timeout=5)
            break
        time.sleep(0.1)
    yield url
    server.terminate()
    server.wait(10)


@pytest.fixture
def session(web) -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {os.environ.pop('TEST_API_KEY')}"
    return session


@pytest.fixture
def fill(small_disk):
    """Fill the disk until so many bytes are free; `fill.empty()` gives the space back."""

    class Filler:
        def __call__(self, free: int = 0) -> None:
            with contextlib.suppress(OSError), (small_disk / "filler").open("ab", buffering=0) as file:
                while (left := shutil.disk_usage(small_disk).free - free) > 0:
                    file.write(bytes(min(left, MIB)))

        def empty(self) -> None:
            (small_disk / "filler").unlink()

    return Filler()


def form_of(clip: bytes, photo: bytes) -> tuple[bytes, str]:
    """Return a multipart body, and its content type."""
    files = {"reference_video": ("clip.mp4", clip), "source_image": ("face.jpg", photo)}
    request = requests.Request("POST", "http://x", data={"mode": "video_swap"}, files=files).prepare()
    assert isinstance(request.body, bytes)
    return request.body, request.headers["Content-Type"]


def submit(session: requests.Session, web: str, clip: bytes, photo: bytes) -> requests.Response:
    body, kind = form_of(clip, photo)
    return session.post(f"{web}/v1/jobs", body, headers={"Content-Type": kind}, timeout=30)


def left_behind(small_disk: Path) -> list[Path]:
    """Temp files, and media of no job."""
    media = small_disk / "media"
    return [path for path in media.rglob("*") if path.is_file()]


def test_what_finds_no_room_is_refused_and_the_service_goes_on_with_room(
    web, session, small_disk, fill, clip_bytes, photo_bytes
):
    fill(free=MIB)
    refused = submit(session, web, clip_bytes, photo_bytes)

    assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
    assert left_behind(small_disk) == []

    fill.empty()
    assert submit(session, web, clip_bytes, photo_bytes).status_code == 202


def test_a_disk_that_fills_in_the_middle_of_an_upload(web, session, small_disk, fill, photo_bytes):
    body, kind = form_of(os.urandom(5 * MIB), photo_bytes)

    def slowly() -> Iterator[bytes]:
        yield body[: 2 * MIB]
        fill()  # the room was there when the upload began
        yield body[2 * MIB :]

    headers = {"Content-Type": kind, "Content-Length": str(len(body))}
    prepared = session.prepare_request(requests.Request("POST", f"{web}/v1/jobs", headers=headers))
    prepared.body = slowly()  # with its length, not in chunks
    prepared.headers["Content-Length"] = str(len(body))
    refused = session.send(prepared, timeout=30)

    assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
    assert left_behind(small_disk) == []


def test_a_database_without_room(web, session, small_disk, fill, clip_bytes, photo_bytes):
    job = submit(session, web, clip_bytes, photo_bytes).headers["Location"]
    fill()

    codes = set()
    for _ in range(300):  # SQLite has some room of its own, in what it has written before
        codes.add(session.post(f"{job}/cancel", timeout=30).status_code)
        codes.add(session.post(f"{job}/retry", timeout=30).status_code)
        if 507 in codes:
            break
    assert codes <= {202, 409, 507}
    assert session.get(job, timeout=30).status_code in (200, 507)
    if (small_disk / "db.sqlite3").exists():
        assert 507 in codes

    fill.empty()
    assert session.get(job, timeout=30).status_code == 200
    assert session.post(f"{job}/cancel", timeout=30).status_code in (202, 409)
    assert submit(session, web, clip_bytes, photo_bytes).status_code == 202
