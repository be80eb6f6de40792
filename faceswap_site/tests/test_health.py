from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from jobs.heartbeat import QUEUE_BEAT, WORKER_BEAT
from jobs.models import Heartbeat

pytestmark = pytest.mark.django_db


@pytest.fixture
def all_alive():
    for name in (*QUEUE_BEAT.values(), WORKER_BEAT):
        Heartbeat.beat(name, now())


def test_a_process_that_answers_is_alive(client):
    assert client.get("/healthz").json() == {"status": "ok"}


def test_ready_when_all_have_been_heard_of(client, all_alive):
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["ready"] is True


@pytest.mark.parametrize(
    ("beat", "named"), [("queue:dispatch", "queue"), ("queue:outputs", "queue"), ("worker", "worker")]
)
def test_what_has_fallen_silent_is_named(client, all_alive, beat, named):
    Heartbeat.beat(beat, now() - timedelta(hours=1))

    response = client.get("/readyz")

    assert response.status_code == 503
    assert [name for name, state in response.json()["checks"].items() if state != "ok"] == [named]


def test_a_storage_that_takes_no_files_is_named(client, all_alive, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "file"
    settings.MEDIA_ROOT.write_text("in the way")

    assert client.get("/readyz").json()["checks"]["storage"] != "ok"
