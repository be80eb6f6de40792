"""The fake keeps to what is known of the real thing; tests against it are worth no more than that."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from runpod_bridge.tests.fake_runpod import FakeRunpod


@pytest.fixture
def fake() -> Iterator[FakeRunpod]:
    with FakeRunpod() as fake:
        yield fake


def call(fake: FakeRunpod, method: str, path: str, body: object = None, key: str | None = None):
    headers = {"Authorization": f"Bearer {fake.key}" if key is None else key}
    return requests.request(method, f"{fake.base}/{fake.endpoint}/{path}", json=body, headers=headers)


def queued(fake: FakeRunpod) -> str:
    return call(fake, "POST", "run", {"input": {"a": 1}, "webhook": "http://127.0.0.1:1/"}).json()["id"]


def test_a_job_is_queued_run_and_kept_for_half_an_hour(fake, monkeypatch):
    job_id = queued(fake)
    assert call(fake, "GET", f"status/{job_id}").json() == {"id": job_id, "status": "IN_QUEUE"}

    fake.start()
    fake.end("COMPLETED", output={"done": True})
    said = call(fake, "GET", f"status/{job_id}").json()
    assert (said["status"], said["output"]) == ("COMPLETED", {"done": True})
    assert {"delayTime", "executionTime"} <= set(said)

    monkeypatch.setattr("runpod_bridge.tests.fake_runpod.RETENTION", -1)
    assert call(fake, "GET", f"status/{job_id}").status_code == 404


@pytest.mark.parametrize("key", ["", "Bearer wrong", "wrong"])
def test_a_wrong_key_is_refused(fake, key):
    assert call(fake, "GET", "health", key=key).status_code == 401


@pytest.mark.parametrize(
    "body", [{}, [], {"input": 1, "policy": {"ttl": 1}}, {"input": 1, "policy": {"executionTimeout": 10**10}}]
)
def test_a_request_it_cannot_take_is_refused(fake, body):
    assert call(fake, "POST", "run", body).status_code == 400


def test_only_what_failed_can_be_retried_under_the_same_id(fake):
    job_id = queued(fake)
    assert call(fake, "POST", f"retry/{job_id}").status_code == 400

    fake.end("FAILED", error="no luck")
    assert call(fake, "POST", f"retry/{job_id}").json() == {"id": job_id, "status": "IN_QUEUE"}
    assert call(fake, "GET", "health").json()["jobs"]["retried"] == 1


def test_a_cancelled_job_stays_cancelled(fake):
    job_id = queued(fake)
    call(fake, "POST", f"cancel/{job_id}")
    fake.end("COMPLETED", output={"too": "late"})

    assert call(fake, "GET", f"status/{job_id}").json()["status"] == "CANCELLED"


def test_its_worker_makes_of_an_exception_what_the_sdk_makes():
    def handler(given, stopped):
        raise ValueError("bad luck")

    with FakeRunpod(handler=handler) as fake:
        job_id = queued(fake)
        fake.wait_for_the_end()
        said = call(fake, "GET", f"status/{job_id}").json()

    assert said["status"] == "FAILED"
    assert json.loads(said["error"])["error_message"] == "bad luck"


def test_its_worker_takes_a_key_named_error_for_a_failure():
    with FakeRunpod(handler=lambda given, stopped: {"error": "no face", "error_code": "x"}) as fake:
        job_id = queued(fake)
        fake.wait_for_the_end()
        said = call(fake, "GET", f"status/{job_id}").json()

    assert (said["status"], said["error"], said["output"]) == ("FAILED", "no face", {"error_code": "x"})
