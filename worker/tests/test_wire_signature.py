from __future__ import annotations

import hashlib
import hmac
import subprocess
import sys
from pathlib import Path

import pytest

from worker.wire import attempt_secret, sign, verify

BODY = b'{"job_id": "job-1"}'


def test_the_signature_is_the_hmac_of_the_bytes_in_hex():
    assert sign(BODY, "key") == hmac.new(b"key", BODY, hashlib.sha256).hexdigest()


def test_a_right_signature_is_known():
    assert verify(BODY, sign(BODY, "key"), "key")


@pytest.mark.parametrize(
    "signature", [None, "", "0", "é" * 64, "\ud800", "\x00", sign(BODY, "another"), sign(BODY + b" ", "key")]
)
def test_any_other_signature_is_wrong_and_no_error(signature):
    assert not verify(BODY, signature, "key")


def test_one_attempts_secret_says_nothing_of_anothers():
    assert attempt_secret("master", "1") == sign(b"callback:1", "master")
    assert attempt_secret("master", "1") != attempt_secret("master", "2")
    assert attempt_secret("master", "1") != attempt_secret("other", "1")


def test_the_contract_is_read_without_the_engine():
    code = "import sys, worker.wire; print(not {'numpy', 'av', 'cv2', 'requests'} & set(sys.modules))"

    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.strip() == "True"
