from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils.timezone import now

from jobs import idempotency
from jobs.idempotency import IdempotencyKey
from jobs.renewal import meanwhile

OFTEN = timedelta(seconds=0.02)


def test_what_is_renewed_is_so_again_and_again_until_the_block_ends():
    thrice = threading.Event()
    count = []

    def renew():
        count.append(1)
        if len(count) == 1:
            raise DatabaseError("busy for a moment")
        if len(count) == 3:
            thrice.set()

    with meanwhile(renew, OFTEN):
        assert thrice.wait(10)
    time.sleep(5 * OFTEN.total_seconds())
    ended = len(count)
    time.sleep(10 * OFTEN.total_seconds())

    assert len(count) == ended


@pytest.mark.django_db(transaction=True)
def test_a_request_that_takes_long_keeps_its_key(api, clip_bytes, monkeypatch):
    """Its lease runs out in a moment, but it is renewed while the request is at work."""
    leases = []

    def slow(*args, **kwargs):
        first = IdempotencyKey.objects.get().lease_until
        deadline = time.monotonic() + 10
        while (last := IdempotencyKey.objects.get().lease_until) <= first and time.monotonic() < deadline:
            time.sleep(0.02)
        leases.extend([first, last])
        raise idempotency.OtherContent("enough seen")

    monkeypatch.setattr(idempotency, "RENEW_EVERY", OFTEN)
    monkeypatch.setattr(idempotency, "earlier_answer", slow)

    api.post("/v1/jobs", {"mode": "video_swap"}, headers={"Idempotency-Key": "k"})

    assert leases[1] > leases[0]


@pytest.mark.django_db
def test_a_request_that_was_killed_keeps_its_sender_waiting_for_less_than_a_minute(alice):
    IdempotencyKey.objects.claim(owner=alice, value="k", at=now() - timedelta(seconds=45))

    IdempotencyKey.objects.claim(owner=alice, value="k", at=now())
