from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils.timezone import now

from jobs.heartbeat import WORKER_BEAT
from jobs.models import Heartbeat
from runpod_bridge.models import LATELY, SEEN_EVERY, Worker, WorkerToken
from runpod_bridge.tests.conftest import PoolWorker

pytestmark = pytest.mark.django_db


def test_a_token_is_known_by_its_value_which_is_not_kept(token):
    row = WorkerToken.objects.get()

    assert WorkerToken.objects.authenticate(token, now()) == row
    assert token not in str(vars(row))


@pytest.mark.parametrize("wrong", ["", "fsw_", "fsw_wrong", "Bearer", "\udce9", "0" * 5000])
def test_any_other_value_is_unknown(token, wrong):
    assert WorkerToken.objects.authenticate(wrong, now()) is None


def test_a_new_token_of_the_same_name_ends_the_old_one(token):
    row, newer = WorkerToken.objects.issue("gpu box")

    assert WorkerToken.objects.authenticate(token, now()) is None
    assert WorkerToken.objects.authenticate(newer, now()) == row
    assert WorkerToken.objects.count() == 1


def test_a_revoked_token_lets_nobody_in_until_it_is_issued_again(token, worker):
    row = WorkerToken.objects.get()

    assert row.revoke(now())
    assert not row.revoke(now())
    assert worker.take().status_code == 401

    _, newer = WorkerToken.objects.issue("gpu box")
    assert PoolWorker(newer, "first").take().status_code == 204


@pytest.mark.parametrize("path", ["job-take/w", "job-stop/w", "ping/w?job_id=x"])
def test_without_a_token_there_is_a_401(db, path):
    response = Client().get(f"/runpod/v2/pool/{path}")

    assert response.status_code == 401
    assert response.json()["code"] == "unauthorized"


def test_the_token_may_come_as_bearer(pool, token):
    assert PoolWorker(f"Bearer {token}", "first").take().status_code == 204


def test_a_worker_that_calls_is_seen(worker, other_worker):
    worker.take()
    worker.take()
    other_worker.jobs_to_stop()

    assert [str(row) for row in Worker.objects.order_by("pk")] == ["gpu box/first", "gpu box/second"]
    assert Worker.objects.around(now()).count() == 2
    assert Worker.objects.first().address == "127.0.0.1"
    assert Heartbeat.is_fresh(WORKER_BEAT, now(), timedelta(seconds=5))


def test_being_seen_is_written_down_only_now_and_then(worker):
    worker.take()
    seen = Worker.objects.get().seen_at
    worker.take()
    assert Worker.objects.get().seen_at == seen

    Worker.objects.update(seen_at=seen - 2 * SEEN_EVERY)
    worker.take()
    assert Worker.objects.get().seen_at > seen


def test_since_when_a_worker_is_there_is_kept_until_it_was_silent(worker):
    worker.take()
    since = Worker.objects.get().since

    Worker.objects.update(seen_at=now() - 2 * SEEN_EVERY)
    worker.take()
    assert Worker.objects.get().since == since
    Worker.objects.update(seen_at=now() - 2 * LATELY)
    worker.take()
    assert Worker.objects.get().since > since


def test_a_pool_worker_is_no_sign_of_life_while_compute_is_elsewhere(fake_runpod, pool, worker, settings):
    settings.COMPUTE_PROVIDER = "runpod_bridge.runpod.RunpodProvider"
    worker.take()

    assert not Heartbeat.objects.filter(name=WORKER_BEAT).exists()


def test_a_name_too_long_is_refused_with_a_sentence(pool, token):
    response = PoolWorker(token, "w" * 49).take()

    assert response.status_code == 422
    assert "49 characters; the limit is 48" in response.json()["detail"]


def test_the_command_prints_the_token_and_nothing_else(db, capsys):
    call_command("createworkertoken", "gpu box")

    said = capsys.readouterr()
    assert WorkerToken.objects.authenticate(said.out.removesuffix("\n"), now())
    assert said.err == ""


def test_the_command_refuses_a_name_too_long(db):
    with pytest.raises(CommandError, match="49 characters"):
        call_command("createworkertoken", "n" * 49)
