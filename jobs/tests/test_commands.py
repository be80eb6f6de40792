from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils.timezone import now

from jobs import consent
from jobs.management.commands.sweep import Command as Sweep
from jobs.models import ApiKey, Heartbeat

pytestmark = pytest.mark.django_db


def printed(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def test_createapikey_prints_a_key_that_lets_its_user_in_and_nothing_else(client, alice):
    key = printed("createapikey", "alice").removesuffix("\n")

    answer = client.get("/v1/jobs", headers={"Authorization": f"Bearer {key}"})

    assert answer.status_code == 200
    assert key == key.strip()
    assert ApiKey.objects.get().owner == alice


def test_createapikey_makes_a_user_who_cannot_sign_in():
    printed("createapikey", "robot")

    assert not get_user_model().objects.get(username="robot").has_usable_password()


def test_createapikey_leaves_the_password_of_an_old_user_alone(alice):
    printed("createapikey", "alice")

    alice.refresh_from_db()
    assert alice.check_password("alice's long password")


def test_a_printed_key_carries_the_operators_consent(alice):
    printed("createapikey", "alice", "--name", "the phone app")

    key = ApiKey.objects.get()
    assert key.accepted == consent.OPERATOR
    assert key.name == "the phone app"


def test_sweep_sweeps_at_once_and_says_how_many_of_each_it_found():
    assert "0 requeued, 0 resent" in printed("sweep")


def test_a_round_of_the_loop_sweeps_only_when_it_is_time():
    first, second = Sweep().round(), Sweep().round()

    assert "requeued" in first
    assert second == {}


def test_the_loop_ends_with_what_all_its_rounds_found(monkeypatch):
    found = iter([{"requeued": 1}, {}, {"requeued": 2, "lapsed": 1}])

    def next_round(self):
        try:
            return next(found)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(Sweep, "round", next_round)
    monkeypatch.setattr("jobs.management.commands.sweep.ROUND", 0)

    assert printed("sweep", "--loop") == "3 requeued, 1 lapsed.\n"


def test_the_loop_asks_each_queue_for_a_sign_of_life():
    Sweep().round()

    asked = Heartbeat.objects.filter(name__startswith="asked:", at__gt=now() - timedelta(seconds=60))
    assert {beat.name for beat in asked} == {"asked:dispatch", "asked:outputs"}
