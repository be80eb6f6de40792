"""Twenty equal requests at the same moment, over real HTTP, against several processes and threads."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests

MANY = 20
PATIENCE = 60  # seconds


def test_twenty_equal_requests_make_one_job(running_service, clip_bytes, photo_bytes):
    key = running_service.manage("createapikey", "impatient").strip()
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "twenty at once"}
    start = threading.Barrier(MANY)

    def post() -> requests.Response:
        files = {"reference_video": ("clip.mp4", clip_bytes), "source_image": ("face.jpg", photo_bytes)}
        return requests.post(
            f"{running_service.url}/v1/jobs",
            {"mode": "video_swap"},
            files=files,
            headers=headers,
            timeout=PATIENCE,
        )

    def post_until_answered(_: int) -> tuple[list[int], requests.Response]:
        start.wait()
        codes, until = [], time.monotonic() + PATIENCE
        while (answer := post()).status_code == 409 and time.monotonic() < until:
            codes.append(answer.status_code)
            time.sleep(int(answer.headers["Retry-After"]))
        return codes, answer

    with ThreadPoolExecutor(MANY) as threads:
        found = list(threads.map(post_until_answered, range(MANY)))

    answers = [answer for _, answer in found]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert any(codes for codes, _ in found), "all came one after another: nothing was tried"
    jobs = requests.get(f"{running_service.url}/v1/jobs", headers=headers, timeout=PATIENCE).json()["items"]
    assert len(jobs) == 1
