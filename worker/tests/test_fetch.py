from __future__ import annotations

import random
import re
import threading
from pathlib import Path

import pytest

from worker.errors import Cancelled, FetchFailed
from worker.fetch import fetch
from worker.retries import Backoff
from worker.tests.listening import Answer, Listener, Request, Responder, listening

MIB = 1024**2
TOKEN = "/v1/assets/s3cret-token"
QUICK = Backoff(tries=3, first=0.001, most=0.001)


@pytest.fixture
def server():
    with listening() as listener:
        yield listener


@pytest.fixture
def clip() -> bytes:
    return random.Random(1).randbytes(3 * MIB)


def ranged(content: bytes, etag: str, cut_after: int | None = None) -> Responder:
    """Serve as a good server does; break each connection after `cut_after` bytes."""

    def respond(request: Request) -> Answer:
        headers = (("ETag", etag),)
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if not wanted or request.headers.get("If-Range") != etag:
            return Answer(200, content, headers, cut_after)
        start = int(wanted[1])
        place = ("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        return Answer(206, content[start:], (*headers, place), cut_after)

    return respond


def download(url: str, folder: Path, **options) -> bytes:
    options = {"cancelled": threading.Event(), "backoff": QUICK, **options}
    fetch(url, folder / "file", name="reference video", **options)
    return (folder / "file").read_bytes()


def test_a_file_arrives_whole(server: Listener, clip: bytes, tmp_path: Path):
    url = server.on(TOKEN, ranged(clip, '"1"'))

    assert download(url, tmp_path) == clip
    assert len(server.requests) == 1


def test_a_broken_download_goes_on_where_it_broke(server: Listener, clip: bytes, tmp_path: Path):
    url = server.on(TOKEN, ranged(clip, '"1"', cut_after=MIB), ranged(clip, '"1"'))

    assert download(url, tmp_path) == clip
    second = server.requests[1].headers
    assert 0 < int(re.fullmatch(r"bytes=(\d+)-", second["Range"])[1]) <= MIB
    assert second["If-Range"] == '"1"'


def test_a_connection_that_breaks_often_but_brings_something_is_not_given_up(
    server: Listener, clip: bytes, tmp_path: Path
):
    url = server.on(TOKEN, ranged(clip * 4, '"1"', cut_after=MIB + 128 * 1024))

    assert download(url, tmp_path) == clip * 4
    assert len(server.requests) > QUICK.tries


def test_a_file_that_changed_meanwhile_starts_anew(server: Listener, clip: bytes, tmp_path: Path):
    newer = bytes(reversed(clip[:MIB]))
    url = server.on(TOKEN, ranged(clip, '"1"', cut_after=2 * MIB), ranged(newer, '"2"'))

    assert download(url, tmp_path) == newer


@pytest.mark.parametrize("headers", [(), (("ETag", 'W/"1"'),)], ids=["no etag", "weak etag"])
def test_without_a_strong_etag_it_starts_anew(server: Listener, clip: bytes, tmp_path: Path, headers):
    url = server.on(TOKEN, Answer(200, clip, headers, cut_after=MIB), Answer(200, clip, headers))

    assert download(url, tmp_path) == clip
    assert "Range" not in server.requests[1].headers


def test_a_part_that_was_not_asked_for_is_not_glued_on(server: Listener, clip: bytes, tmp_path: Path):
    wrong = Answer(
        206, clip[10:], (("ETag", '"1"'), ("Content-Range", f"bytes 10-{len(clip) - 1}/{len(clip)}"))
    )
    url = server.on(TOKEN, ranged(clip, '"1"', cut_after=MIB), wrong, ranged(clip, '"1"'))

    assert download(url, tmp_path) == clip


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_is_gone_fails_at_once_and_keeps_the_token_secret(server: Listener, tmp_path: Path, status):
    url = server.on(TOKEN, Answer(status))

    with pytest.raises(FetchFailed, match=f"^The reference video .* answered {status}") as failure:
        download(url, tmp_path)

    assert len(server.requests) == 1
    assert not failure.value.retry
    assert "token" not in str(failure.value)


def test_a_server_that_is_busy_is_asked_again(server: Listener, clip: bytes, tmp_path: Path):
    url = server.on(TOKEN, Answer(503), Answer(429, headers=(("Retry-After", "0"),)), ranged(clip, '"1"'))

    assert download(url, tmp_path) == clip


def test_a_server_that_stays_busy_is_given_up(server: Listener, tmp_path: Path):
    url = server.on(TOKEN, Answer(503))

    with pytest.raises(FetchFailed, match="answered 503") as failure:
        download(url, tmp_path)

    assert len(server.requests) == QUICK.tries
    assert failure.value.retry


def test_nobody_there_is_said_without_the_address(tmp_path: Path):
    with listening() as server:
        url = server.url + TOKEN

    with pytest.raises(FetchFailed, match="could not be reached") as failure:
        download(url, tmp_path)

    assert "token" not in str(failure.value)


def test_a_file_over_the_limit_is_refused_before_it_is_read(server: Listener, clip: bytes, tmp_path: Path):
    url = server.on(TOKEN, ranged(clip, '"1"'))

    with pytest.raises(FetchFailed, match=f"{len(clip)} bytes; the limit is {MIB}"):
        download(url, tmp_path, max_bytes=MIB)

    assert not (tmp_path / "file").exists()


def test_a_file_that_does_not_say_its_length_is_counted(server: Listener, clip: bytes, tmp_path: Path):
    url = server.on(TOKEN, Answer(200, clip, says_length=False))

    with pytest.raises(FetchFailed, match=f"the limit is {MIB}"):
        download(url, tmp_path, max_bytes=MIB)


def test_a_cancelled_download_stops(server: Listener, clip: bytes, tmp_path: Path):
    cancelled = threading.Event()
    cancelled.set()
    url = server.on(TOKEN, ranged(clip, '"1"'))

    with pytest.raises(Cancelled):
        download(url, tmp_path, cancelled=cancelled)
