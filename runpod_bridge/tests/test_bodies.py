from __future__ import annotations

import binascii
import json
import mmap
from base64 import b64encode

import pytest

from runpod_bridge.bodies import LONG, Body, NoMessage
from runpod_bridge.reports import decoded


def mapped(content: bytes) -> mmap.mmap:
    memory = mmap.mmap(-1, len(content))
    memory.write(content)
    return memory


def test_long_texts_stay_where_they_are_and_the_rest_is_read():
    said = {"a": "é" * LONG, "b": ["x" * LONG, 'short \\ "quoted"'], "c": 3}
    raw = mapped(json.dumps(said).encode())

    body = Body(raw)

    read = body.read()
    assert len(body.text) < 1000
    assert json.loads(b'"' + b"".join(body.pieces(read["a"])) + b'"') == said["a"]
    assert b"".join(body.pieces(read["b"][0])).decode() == said["b"][0]
    assert (read["b"][1], read["c"]) == (said["b"][1], 3)


def test_a_key_may_be_long_too():
    raw = mapped(json.dumps({"k" * 2 * LONG: 1, "job_id": "x"}).encode())

    assert Body(raw).read()["job_id"] == "x"


def test_a_large_body_of_small_things_is_refused():
    raw = mapped(json.dumps(["small"] * 200_000).encode())

    with pytest.raises(NoMessage, match="bytes without its result"):
        Body(raw).read()


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 1000])
@pytest.mark.parametrize("step", [1, 3, 4, 7, 5000])
def test_base64_is_decoded_however_it_is_cut_and_escaped(length, step):
    content = bytes(range(256)) * 4
    text = b64encode(content[:length])
    for written in (text, text.replace(b"/", rb"\/"), text.replace(b"+", rb"\u002B"), text + rb"\r\n"):
        pieces = [
            rb"data:video\/mp4;base64,",
            *(written[at : at + step] for at in range(0, len(written), step)),
        ]

        assert b"".join(decoded(iter(pieces))) == content[:length]


@pytest.mark.parametrize("text", [b"A", b"AAA", b"AA*A", b"AAAA\\", b"AAAA\\x"])
def test_what_is_no_base64_is_refused(text):
    with pytest.raises(binascii.Error):
        b"".join(decoded(iter([text])))
