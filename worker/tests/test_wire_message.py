from __future__ import annotations

import json

import pytest

from worker.errors import BadMessage
from worker.wire import Message, MessageStatus

CAP = 10_000


def body(**said: object) -> bytes:
    return json.dumps({"job_id": "job-1", "status": "processing", **said}).encode()


def progress(literal: str) -> bytes:
    """Return a progress message with this percent, as it stands in the JSON."""
    return body(metadata={"percent": "?"}).replace(b'"?"', literal.encode())


def read(raw: bytes) -> Message:
    return Message.from_bytes(raw, CAP)


def test_a_message_with_an_address_has_the_fixed_keys():
    message = Message(job_id="job-1", status=MessageStatus.COMPLETED, output_url="https://x/y.mp4")

    assert json.loads(message.to_bytes()) == {
        "job_id": "job-1",
        "status": "completed",
        "output_url": "https://x/y.mp4",
        "error": None,
    }


def test_base64_stands_in_place_of_the_address():
    message = Message(job_id="job-1", status=MessageStatus.COMPLETED, output_base64="AAAA")

    assert json.loads(message.to_bytes()) == {
        "job_id": "job-1",
        "status": "completed",
        "output_base64": "AAAA",
        "error": None,
    }


@pytest.mark.parametrize(
    "message",
    [
        Message(job_id="1", status=MessageStatus.FAILED, error="No.", metadata={"error_code": "no_audio"}),
        Message(job_id="1", status=MessageStatus.COMPLETED, output_base64="AAAA"),
        Message(
            job_id="1", status=MessageStatus.PROCESSING, metadata={"stage": "generating", "percent": 12.5}
        ),
    ],
)
def test_what_was_said_is_heard(message):
    assert read(message.to_bytes()) == message


def test_the_fixed_part_alone_and_keys_we_do_not_know_are_heard():
    message = read(b'{"job_id": "job-1", "status": "completed", "output_url": "u", "worker": {"gpu": 1}}')

    assert message == Message(job_id="job-1", status=MessageStatus.COMPLETED, output_url="u")


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 5_000, "no JSON"),
        (b'{"job_id": ' + b"9" * 5_000, "no JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"status": "completed"}', "job_id must be a text"),
        (body(job_id=7), "job_id must be a text"),
        (body(status="done"), "status is 'done'"),
        (body(status=["failed"]), "status is"),
        (body(status=None), "status is None"),
        (body(output_url=1), "output_url must be a text or null and is 1"),
        (body(output_base64=[]), "output_base64 must be a text"),
        (body(error={"message": "no"}), "error must be a text"),
        (body(metadata=[]), "metadata must be an object"),
        (body(metadata={"stage": "dreaming"}), "metadata.stage is 'dreaming'"),
        (body(metadata={"stage": {}}), "metadata.stage is"),
        (body(metadata={"frames_done": -1}), "metadata.frames_done must be a number from 0"),
        (body(metadata={"frames_done": 1.5}), "metadata.frames_done must be a number"),
        (body(metadata={"frames_total": 2**31}), "metadata.frames_total must be a number"),
        (body(metadata={"percent": True}), "metadata.percent must be a number"),
        (body(metadata={"percent": "12"}), "metadata.percent must be a number"),
        (progress("-1"), "metadata.percent must be a number from 0 to 100 and is -1"),
        (progress("100.1"), "metadata.percent"),
        (progress("NaN"), "no JSON"),
        (progress("Infinity"), "no JSON"),
        (progress("1e999"), "no JSON"),
        (b" " * CAP + b"{}", f"has {CAP + 2} bytes; the limit is {CAP}"),
    ],
)
def test_what_is_no_message_is_refused_with_the_reason(raw, sentence):
    with pytest.raises(BadMessage) as failure:
        read(raw)

    assert sentence in str(failure.value)


def test_a_finished_result_is_not_lost_for_odd_metadata():
    message = read(body(status="completed", output_url="u", metadata={"percent": "100 %", "stage": "all"}))

    assert message.output_url == "u"


def test_what_no_database_can_hold_is_dropped():
    message = read(body(status="failed", error="a\x00b\ud800", metadata={"k\x00": ["\udfff", 1]}))

    assert message.error == "ab?"
    assert message.metadata == {"k": ["?", 1]}
