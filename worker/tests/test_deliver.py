from __future__ import annotations

import base64
import threading
from pathlib import Path

import pytest

from worker import deliver
from worker.deliver import as_base64, put, say
from worker.errors import Cancelled, DeliveryFailed
from worker.retries import Backoff
from worker.tests.listening import Answer, Listener, listening
from worker.wire import Callback, Message, MessageStatus, OutputTarget, verify

QUICK = Backoff(tries=3, first=0.001, most=0.001)
SECRET = "of this attempt"


@pytest.fixture
def server():
    with listening() as listener:
        yield listener


@pytest.fixture
def result(tmp_path: Path) -> Path:
    path = tmp_path / "result.mp4"
    path.write_bytes(b"video" * 100_000)
    return path


@pytest.fixture
def completed() -> Message:
    return Message(job_id="job-1", status=MessageStatus.COMPLETED, output_url="http://x/v1/assets/a")


def target(server: Listener, *answers: Answer, max_bytes: int = 10**6) -> OutputTarget:
    url = server.on("/v1/assets/upload-token", *answers)
    return OutputTarget(upload_url=url, output_url="http://x/v1/assets/a", max_bytes=max_bytes)


def upload(result: Path, to: OutputTarget, *, cancelled: threading.Event | None = None) -> str:
    return put(result, to, cancelled=cancelled or threading.Event(), backoff=QUICK)


def tell(server: Listener, message: Message, *answers: Answer) -> bool:
    callback = Callback(url=server.on("/callback", *answers), secret=SECRET)
    return say(message, callback, stop=threading.Event(), backoff=QUICK)


def test_the_result_is_streamed_with_its_length(server: Listener, result: Path):
    address = upload(result, target(server, Answer(201)))

    (request,) = server.requests
    assert address == "http://x/v1/assets/a"
    assert request.method == "PUT"
    assert request.body == result.read_bytes()
    assert request.headers["Content-Length"] == str(result.stat().st_size)
    assert request.headers["Content-Type"] == "video/mp4"


def test_an_upload_is_repeated_whole(server: Listener, result: Path):
    upload(result, target(server, Answer(503), Answer(201)))

    assert [request.body for request in server.requests] == [result.read_bytes()] * 2


def test_an_upload_that_is_refused_is_not_repeated(server: Listener, result: Path):
    with pytest.raises(DeliveryFailed, match="answered 404") as failure:
        upload(result, target(server, Answer(404)))

    assert len(server.requests) == 1
    assert not failure.value.retry
    assert "token" not in str(failure.value)


def test_a_result_that_is_too_large_is_not_sent(server: Listener, result: Path):
    with pytest.raises(DeliveryFailed, match="has 500000 bytes; the service takes 499999"):
        upload(result, target(server, Answer(201), max_bytes=499_999))

    assert not server.requests


def test_a_cancelled_upload_stops(server: Listener, result: Path):
    cancelled = threading.Event()
    cancelled.set()

    with pytest.raises(Cancelled):
        upload(result, target(server, Answer(201)), cancelled=cancelled)


def test_a_message_is_signed_over_its_very_bytes(server: Listener, completed: Message):
    tell(server, completed, Answer(200))

    (request,) = server.requests
    assert verify(request.body, request.headers["X-Callback-Signature"], SECRET)
    assert request.json() == {
        "job_id": "job-1",
        "status": "completed",
        "output_url": "http://x/v1/assets/a",
        "error": None,
    }


@pytest.mark.parametrize("busy", [Answer(500), Answer(503), Answer(429, headers=(("Retry-After", "0"),))])
def test_a_message_to_a_busy_service_is_repeated(server: Listener, completed: Message, busy: Answer):
    tell(server, completed, busy, busy, Answer(200))

    assert len(server.requests) == 3


def test_a_message_that_is_refused_is_not_repeated(server: Listener, completed: Message):
    with pytest.raises(DeliveryFailed, match="with 401"):
        tell(server, completed, Answer(401))

    assert len(server.requests) == 1


def test_a_service_that_is_not_there_is_said_without_its_address(completed: Message):
    with listening() as server:
        url = f"{server.url}/callback"

    with pytest.raises(DeliveryFailed, match="could not be reached") as failure:
        say(completed, Callback(url=url, secret=SECRET), stop=threading.Event(), backoff=QUICK)

    assert "127.0.0.1" not in str(failure.value)


def test_an_address_that_no_machine_can_have_is_a_failure_like_others(completed: Message):
    callback = Callback(url=f"http://{'a' * 70}.example", secret=SECRET)

    with pytest.raises(DeliveryFailed, match="the request failed"):
        say(completed, callback, stop=threading.Event(), backoff=QUICK)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"status": "processing", "cancel": true}', True),
        (b'{"cancel": false}', False),
        (b'{"cancel": "no"}', False),
        (b"[]", False),
        (b"OK", False),
        (b"", False),
    ],
)
def test_only_a_plain_cancel_is_taken_for_one(
    server: Listener, completed: Message, body: bytes, wanted: bool
):
    assert tell(server, completed, Answer(200, body)) is wanted


def test_a_result_can_go_as_text_if_it_is_small(result: Path, monkeypatch):
    assert base64.b64decode(as_base64(result)) == result.read_bytes()

    monkeypatch.setattr(deliver, "BASE64_CAP", 499_999)
    with pytest.raises(DeliveryFailed, match="without an upload address it can have 499999"):
        as_base64(result)
