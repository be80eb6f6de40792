from __future__ import annotations

import threading

import pytest

from worker import progress
from worker.errors import Cancelled
from worker.progress import Progress, percent
from worker.tests.listening import Answer, Request, listening
from worker.wire import Callback, Stage

LONG = 10  # seconds after which a test has failed, never how long it takes


@pytest.fixture
def server():
    with listening() as listener:
        yield listener


@pytest.fixture
def cancelled() -> threading.Event:
    return threading.Event()


def speaking(url: str, cancelled: threading.Event) -> Progress:
    return Progress(Callback(url=url, secret="s"), "job-1", cancelled)


@pytest.mark.parametrize(
    ("stage", "done", "total", "expected"),
    [
        (Stage.PREPROCESSING, 0, None, 0),
        (Stage.GENERATING, 0, 100, 5),
        (Stage.GENERATING, 50, 100, 50),
        (Stage.GENERATING, 130, 100, 95),  # The container lied about its length.
        (Stage.GENERATING, 50, None, 5),
        (Stage.PACKAGING, 100, 100, 99),
    ],
)
def test_percent_counts_the_whole_job(stage, done, total, expected):
    assert percent(stage, done, total) == expected


def test_a_message_says_stage_percent_and_frames(server, cancelled):
    heard = threading.Event()
    url = server.on("/callback", lambda request: heard.set() or Answer(200))
    report = speaking(url, cancelled)

    report("generating", 50, 100)
    assert heard.wait(LONG)
    report.end()

    said = server.requests[0].json()
    assert (said["job_id"], said["status"]) == ("job-1", "processing")
    assert said["metadata"] == {"stage": "generating", "percent": 50, "frames_done": 50, "frames_total": 100}


def test_a_slow_service_stalls_nobody_and_hears_the_newest_only(server, cancelled, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0)
    asked, go_on, second = threading.Event(), threading.Event(), threading.Event()

    def slow(request: Request) -> Answer:
        asked.set()
        go_on.wait(LONG)
        return Answer(200)

    url = server.on("/callback", slow, lambda request: second.set() or Answer(200))
    report = speaking(url, cancelled)

    report("generating", 0, 100)
    assert asked.wait(LONG)
    for frame in range(1, 101):  # Would never end if a call waited for the service.
        report("generating", frame, 100)
    go_on.set()
    assert second.wait(LONG)
    report.end()

    assert [request.json()["metadata"]["frames_done"] for request in server.requests] == [0, 100]


def test_without_news_the_last_is_said_again(server, cancelled, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0)
    monkeypatch.setattr(progress, "AT_LEAST_EVERY", 0.01)
    heard = threading.Semaphore(0)
    report = speaking(server.on("/callback", lambda request: heard.release() or Answer(200)), cancelled)

    report("preprocessing", 0, None)

    assert all(heard.acquire(timeout=LONG) for _ in range(3))
    report.end()


def test_the_end_waits_for_the_message_on_its_way(server, cancelled):
    asked, go_on = threading.Event(), threading.Event()

    def slow(request: Request) -> Answer:
        asked.set()
        go_on.wait(LONG)
        return Answer(200)

    report = speaking(server.on("/callback", slow), cancelled)
    report("generating", 1, 100)
    assert asked.wait(LONG)

    ending = threading.Thread(target=report.end)
    ending.start()
    ending.join(0.1)
    assert ending.is_alive()

    go_on.set()
    ending.join(LONG)
    assert not ending.is_alive()


def test_percent_never_goes_back(server, cancelled, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0)
    heard = threading.Semaphore(0)
    url = server.on("/callback", lambda request: heard.release() or Answer(200))
    report = speaking(url, cancelled)

    for done, total in ((50, 100), (51, 200)):
        report("generating", done, total)
        assert heard.acquire(timeout=LONG)
    report.end()

    assert [request.json()["metadata"]["percent"] for request in server.requests] == [50, 50]


def test_an_answer_that_says_cancel_ends_the_work(server, cancelled):
    report = speaking(server.on("/callback", Answer(200, b'{"cancel": true}')), cancelled)

    report("generating", 1, 100)

    assert cancelled.wait(LONG)
    with pytest.raises(Cancelled):
        report("generating", 2, 100)
    report.end()


@pytest.mark.parametrize("answer", [Answer(500), Answer(401), Answer(200, cut_after=0)])
def test_a_service_in_trouble_does_not_end_the_work(server, cancelled, answer):
    heard = threading.Event()
    report = speaking(server.on("/callback", lambda request: heard.set() or answer), cancelled)

    report("generating", 1, 100)
    assert heard.wait(LONG)
    report("generating", 2, 100)
    report.end()

    assert not cancelled.is_set()


def test_each_stage_has_a_beginning_and_an_end_in_order(server, cancelled):
    report = speaking(server.on("/callback", Answer(200)), cancelled)

    for stage in ("preprocessing", "generating", "packaging"):
        report(stage, 0, None)
    report.end()

    times = [time for stage in report.timings.values() for time in (stage["start"], stage["end"])]
    assert list(report.timings) == ["preprocessing", "generating", "packaging"]
    assert times == sorted(times)
    assert all(time.endswith("+00:00") for time in times)
