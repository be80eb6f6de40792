from __future__ import annotations

import json
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils.timezone import now

from jobs.models import Attempt, Job
from jobs.sweep import reconcile
from jobs.turns import in_turn
from runpod_bridge import pool as the_pool
from runpod_bridge.models import Worker, WorkerToken
from runpod_bridge.tests.conftest import PoolWorker, sent
from worker.wire import Payload

pytestmark = pytest.mark.django_db


def test_a_worker_is_given_the_waiting_attempt_in_the_contracts_words(attempt, worker):
    response = worker.take()

    given = response.json()
    payload = Payload.from_input(given["input"])
    attempt.refresh_from_db()
    assert response.status_code == 200
    assert given["id"] == str(attempt.pk) == attempt.external_id
    assert payload.callback.url == "http://testserver/v1/runpod/callback"
    assert attempt.worker == "gpu box/first"
    assert attempt.started_at is not None
    assert attempt.lease_until > now()


def test_a_worker_that_comes_by_the_tunnel_is_given_the_tunnels_address(attempt, worker, settings):
    settings.PUBLIC_BASE_URL, settings.PUBLIC_HOST = "https://tunnel.example", "tunnel.example"
    settings.ALLOWED_HOSTS = ["tunnel.example"]

    given = worker.client.get("/runpod/v2/pool/job-take/first", headers={"Host": "tunnel.example"}).json()

    assert given["input"]["callback"]["url"] == "https://tunnel.example/v1/runpod/callback"


def test_without_work_there_is_a_204(worker):
    assert worker.take().status_code == 204


def test_what_one_worker_took_another_is_not_given(taken, other_worker):
    assert other_worker.take().status_code == 204


def test_the_oldest_comes_first(attempt, worker, make_job):
    younger = sent(make_job())
    Attempt.objects.filter(pk=younger.pk).update(created_at=now() + timedelta(seconds=1))

    assert worker.take().json()["id"] == str(attempt.pk)
    assert worker.take().json()["id"] == str(younger.pk)


@pytest.mark.parametrize(
    "columns",
    [
        {"sending_at": None},
        {"closed_at": now(), "outcome": "cancelled"},
        {"provider": "runpod_bridge.runpod.RunpodProvider"},
        {"collecting_at": now()},
    ],
)
def test_what_does_not_wait_in_the_pool_is_not_given(attempt, worker, columns):
    Attempt.objects.update(**columns)

    assert worker.take().status_code == 204


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_who_ask_at_once_one_gets_the_attempt(attempt, token):
    gate, answers = threading.Barrier(6), []

    def ask(name: str) -> None:
        gate.wait()
        try:
            answers.append(PoolWorker(token, name).take().status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(f"w{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [200, 204, 204, 204, 204, 204]


def test_of_two_who_saw_the_same_attempt_waiting_one_gets_it(attempt, token, monkeypatch):
    row = WorkerToken.objects.get()
    first, second = (Worker.objects.create(token=row, name=name, seen_at=now()) for name in "ab")

    def seen_and_taken_by_another(provider):
        seen = in_turn(provider)
        monkeypatch.undo()
        assert the_pool.take(second, now()) == attempt
        return seen

    monkeypatch.setattr(the_pool, "in_turn", seen_and_taken_by_another)

    assert the_pool.take(first, now()) is None
    assert Attempt.objects.get().worker == "gpu box/b"


def test_once_taken_the_time_for_waiting_is_no_longer_part_of_the_deadline(taken, settings):
    assert taken.deadline <= now() + settings.EXECUTION_TIMEOUT_MIN


def test_a_ping_renews_the_lease_of_what_the_worker_holds(taken, worker, other_worker, settings):
    lapsing = now() + timedelta(seconds=1)
    Attempt.objects.update(lease_until=lapsing)

    assert other_worker.ping(taken.pk).status_code == 200
    assert Attempt.objects.get().lease_until == lapsing

    assert worker.ping(f"junk,{uuid4()},{taken.pk}").status_code == 200
    assert Attempt.objects.get().lease_until > lapsing


def test_a_worker_that_falls_silent_loses_the_job_to_another(taken, other_worker, job):
    Attempt.objects.update(lease_until=now() - timedelta(seconds=1))
    reconcile(now())
    job.refresh_from_db()
    assert job.status == Job.Status.QUEUED

    second = sent(job)

    assert other_worker.take().json()["id"] == str(second.pk)
    assert second.number == 2


@pytest.mark.parametrize(
    ("pinged_ago", "heard_ago", "is_lost"),
    [
        pytest.param(0, 0, False, id="its twin is at work"),
        pytest.param(20, 20, True, id="silent"),
        pytest.param(0, 40, True, id="only the ping lives on"),
    ],
)
def test_a_worker_that_was_started_again_gives_up_what_it_had(
    taken, worker, job, settings, pinged_ago, heard_ago, is_lost
):
    Attempt.objects.update(
        lease_until=now() + settings.LEASE - timedelta(seconds=pinged_ago),
        heard_at=now() - timedelta(seconds=heard_ago),
    )

    worker.take()

    job.refresh_from_db()
    assert (job.status == Job.Status.QUEUED) == is_lost


def test_a_job_whose_answer_was_lost_is_given_to_the_same_worker_again(taken, worker, other_worker):
    """As when the machine slept while a request for work was under way."""
    Attempt.objects.update(
        started_at=now() - timedelta(seconds=40), lease_until=now() - timedelta(seconds=10)
    )

    assert other_worker.take().status_code == 204
    given = worker.take()

    taken.refresh_from_db()
    assert given.json()["id"] == str(taken.pk)
    assert taken.is_open
    assert taken.lease_until > now()


@pytest.mark.parametrize("ago", [0, 40])
def test_a_job_that_a_worker_pinged_for_is_never_given_again(taken, worker, ago):
    """Nor one that was given a moment ago: a second process of the worker's name may be starting with it."""
    Attempt.objects.update(started_at=now() - timedelta(seconds=ago))
    if ago:
        worker.ping(taken.pk)

    assert worker.take().status_code == 204


def test_a_worker_with_a_job_in_hand_is_given_no_lost_one_besides(taken, worker):
    Attempt.objects.update(started_at=now() - timedelta(seconds=40))

    assert worker.take(job_in_progress="1").status_code == 204


def test_a_stranger_cannot_finish_anothers_job(taken, other_worker, job):
    response = other_worker.done(taken.pk, {"error": "mine now"})

    job.refresh_from_db()
    assert response.status_code == 404
    assert job.status == Job.Status.PROCESSING


def test_a_worker_of_the_same_name_under_another_token_is_a_stranger(taken, job):
    _, value = WorkerToken.objects.issue("another box")

    assert PoolWorker(value, "first").done(taken.pk, {"error": "mine now"}).status_code == 404


def test_job_done_with_an_error_fails_the_job_with_its_sentence(taken, worker, job):
    response = worker.done(
        taken.pk, {"output": {"error_code": "no_face_in_video"}, "error": "There is no face in the video."}
    )

    job.refresh_from_db()
    assert response.status_code == 200
    assert (job.status, job.error_code) == (Job.Status.FAILED, "no_face_in_video")
    assert job.error_message == "There is no face in the video."


def test_a_crash_in_the_sdks_words_shows_its_sentence_and_keeps_the_traceback(taken, worker, job):
    crash = {
        "error_type": "<class 'ValueError'>",
        "error_message": "bad luck",
        "error_traceback": "Traceback…",
    }

    worker.done(taken.pk, {"error": json.dumps(crash)})

    job.refresh_from_db()
    assert job.error_message == "bad luck"
    assert job.latest.error_detail == "Traceback…"


def test_job_done_with_the_delivered_result_is_collected(taken, worker, clip_bytes, deliver):
    url = deliver(taken)

    worker.done(taken.pk, {"output": {"status": "completed", "output_url": url}})

    taken.refresh_from_db()
    assert taken.collecting_at
    assert taken.collect_url == ""


def test_job_done_without_any_result_fails(taken, worker, job):
    worker.done(taken.pk, {"output": {"status": "completed"}})

    job.refresh_from_db()
    assert (job.status, job.error_code) == (Job.Status.FAILED, "result_lost")


def test_progress_is_noted_and_other_words_only_renew_the_lease(taken, worker):
    Attempt.objects.update(lease_until=now())
    at = now()

    worker.done(taken.pk, {"status": "IN_PROGRESS", "output": "4/10"})
    assert Attempt.objects.get().lease_until > at

    progress = {"stage": "generating", "percent": 40, "frames_done": 4, "frames_total": 10}
    worker.done(taken.pk, {"status": "IN_PROGRESS", "output": progress})
    taken.refresh_from_db()
    assert (taken.stage, taken.percent, taken.frames_done, taken.frames_total) == ("generating", 40, 4, 10)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"no json",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"status": "IN_PROGRESS", "output": {"percent": NaN}}',
        b'{"output": {"status": "completed", "metadata": {"metrics": {"frames": NaN, "x": 1e999}}}}',
        b'{"error": {"error_message": 7}}',
        b'{"error": "\\ud800 \\u0000"}',
        b'{"output": {"output_url": "http://[::1"}}',
        b'{"output": {"output_base64": "!!!"}}',
    ],
)
def test_nothing_that_a_worker_hands_in_breaks_the_service(taken, worker, said):
    assert worker.done(taken.pk, said).status_code in (200, 422)


def test_a_streamed_part_shows_that_the_worker_lives(taken, worker):
    Attempt.objects.update(lease_until=now())
    at = now()

    assert worker.done(taken.pk, {"output": "part"}, "job-stream").status_code == 200
    assert Attempt.objects.get().lease_until > at


def test_a_cancelled_job_is_named_to_its_worker_and_to_no_other(taken, worker, other_worker, job):
    assert worker.jobs_to_stop().status_code == 204

    job.cancel(reason="its owner asked")

    assert other_worker.jobs_to_stop().status_code == 204
    assert worker.jobs_to_stop().json() == {"jobsToStop": [str(taken.pk)]}


def test_a_cancelled_job_is_named_again_while_its_worker_is_at_it_since_an_answer_may_be_lost(
    taken, worker, other_worker, job
):
    job.cancel(reason="its owner asked")
    named = {"jobsToStop": [str(taken.pk)]}

    assert worker.jobs_to_stop().json() == named  # and nobody read that
    worker.ping(taken.pk)
    other_worker.ping("")
    other_worker.take()
    assert worker.jobs_to_stop().json() == named


@pytest.mark.parametrize("sign", ["a ping without it", "a request for work"])
def test_a_job_is_no_longer_named_once_its_worker_shows_that_it_has_stopped(taken, worker, job, sign):
    job.cancel(reason="its owner asked")

    if sign == "a request for work":
        worker.take()
    else:
        worker.ping(uuid4())

    assert worker.jobs_to_stop().status_code == 204


def test_a_worker_that_was_taken_for_dead_and_comes_back_is_told_to_stop(taken, worker):
    reconcile(now() + timedelta(minutes=1))

    worker.ping(taken.pk)

    assert worker.jobs_to_stop().json() == {"jobsToStop": [str(taken.pk)]}


def test_a_job_cancelled_before_anybody_took_it_is_given_to_nobody(attempt, worker, job):
    job.cancel(reason="its owner asked")

    assert worker.take().status_code == 204
    assert worker.jobs_to_stop().status_code == 204
