"""Whoever fetches a result says so all the while; a process that died says nothing, and another may try."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils.timezone import now

from jobs import outputs, sweep
from jobs.models import Attempt

FEW = timedelta(seconds=0.05)


@pytest.fixture
def reported(attempt) -> Attempt:
    """Its result has been reported, and waits."""
    Attempt.objects.update(collecting_at=now() - FEW)
    return attempt


@pytest.mark.django_db(transaction=True)
def test_a_result_that_takes_long_to_prove_stays_in_one_pair_of_hands(reported, monkeypatch):
    leases = []

    def slow(asset):
        leases.append(Attempt.objects.get().collecting_at)
        deadline = time.monotonic() + 10
        while Attempt.objects.get().collecting_at <= leases[0] and time.monotonic() < deadline:
            time.sleep(0.02)
        leases.append(Attempt.objects.get().collecting_at)

    monkeypatch.setattr(outputs, "RENEW_EVERY", FEW)
    monkeypatch.setattr(outputs, "_prove", slow)

    outputs.collect(reported.pk)

    assert leases[1] > leases[0]


@pytest.mark.django_db
def test_a_result_whose_fetcher_was_killed_is_fetched_again_within_a_minute(reported, monkeypatch):
    class Killed(BaseException):
        pass

    def dies(asset):
        raise Killed

    monkeypatch.setattr(outputs, "_prove", dies)
    with pytest.raises(Killed):
        outputs.collect(reported.pk)

    assert sweep.reconcile(now() + timedelta(seconds=60) - settings.SWEEP_EVERY)["collecting"] == 1
