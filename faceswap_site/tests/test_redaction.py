"""What opens doors reaches no log."""

from __future__ import annotations

import pytest
import requests

from faceswap_site.redaction import redact


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
