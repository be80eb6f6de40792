"""What a log line holds, and what it never does."""

from __future__ import annotations

import json
import logging
import sys

import pytest
import requests

from faceswap_site.logs import JsonFormatter, redact
from jobs import trace
from jobs.models import Job


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("GET /v1/assets/abc.DEF-1_2 HTTP/1.1", "GET /v1/assets/… HTTP/1.1"),
        ("Not Found: /v1/assets/abc", "Not Found: /v1/assets/…"),
        ("/v1/jobs/7/output?token=abc.def&x=1", "/v1/jobs/7/output?token=…&x=1"),
        ("http://127.0.0.1:8000/setup/owner.1:abc/", "http://127.0.0.1:8000/setup/…/"),
        ("GET /v1/jobs/7 HTTP/1.1", "GET /v1/jobs/7 HTTP/1.1"),
    ],
)
def test_what_follows_is_left_out(line, expected):
    assert redact(line) == expected


def test_no_token_of_a_request_reaches_the_log_of_the_service(running_service):
    for path in ("/v1/assets/OPENSESAME", "/v1/jobs/7/output?token=OPENSESAME", "/setup/OPENSESAME/"):
        requests.get(
            running_service.url + path, headers={"Referer": "http://x/?token=OPENSESAME"}, timeout=10
        )

    log = running_service.log.read_text()
    assert "GET /v1/assets/… HTTP/1.1" in log
    assert "OPENSESAME" not in log


def as_json(**extra: object) -> dict:
    """One line, as the console's handler makes it."""
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "INFO", "msg": "GET %s", "args": ("/setup/key",)} | extra
    )
    trace.SubjectFilter().filter(record)
    return json.loads(JsonFormatter().format(record))


def test_every_line_has_the_request_the_job_and_the_attempt():
    with trace.about(request="r-1"):
        trace.note(job="j-1", attempt="a-1")
        inside = as_json()
    outside = as_json()

    assert (inside["request"], inside["job"], inside["attempt"]) == ("r-1", "j-1", "a-1")
    assert (outside["request"], outside["job"], outside["attempt"]) == (None, None, None)


def test_a_json_line_holds_the_traceback_and_nothing_that_opens_doors():
    try:
        raise ValueError("/v1/assets/secret is gone")
    except ValueError:
        line = as_json(exc_info=sys.exc_info())

    assert line["message"] == "GET /setup/…"
    assert "ValueError: /v1/assets/… is gone" in line["error"]


def test_a_whole_request_in_a_record_is_not_taken_for_its_name():
    assert as_json(request=object())["request"] is None


def test_a_queued_task_is_about_its_job_or_attempt_and_leaves_nothing_to_the_next():
    trace.task_begins(None, {"func": "jobs.outputs.collect", "args": ("a-7",)})
    during = as_json()
    trace.task_ended(None, {"func": "jobs.outputs.collect", "args": ("a-7",)})

    assert during["attempt"] == "a-7"
    assert as_json()["attempt"] is None


def test_every_event_of_a_job_is_a_log_line_once_it_is_certain(
    job, caplog, django_capture_on_commit_callbacks
):
    Job.objects.update(request_id="trace-7")
    job.refresh_from_db()

    with caplog.at_level(logging.INFO, "jobs"), django_capture_on_commit_callbacks(execute=True):
        job.move(Job.Status.PROCESSING, "dispatched")
        assert caplog.records == []

    (record,) = caplog.records
    assert record.getMessage() == "queued → processing: dispatched"
    assert (record.job, record.request) == (str(job.pk), "trace-7")
