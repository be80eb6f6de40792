"""Codes, moves and figures in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now

import worker.errors
from jobs.models import Event, Job
from jobs.templatetags.wording import (
    ADVICE_ELSE,
    HEADLINES,
    WANTS_OTHER_FILES,
    advice,
    age,
    clock,
    duration,
    headline,
    particulars,
    time_left,
)


def test_every_move_there_can_be_has_a_headline():
    moves = {(str(old), str(new)) for old, others in Job.MOVES.items() for new in others}

    assert moves <= set(HEADLINES)


def test_an_event_that_moved_nothing_is_told_in_its_own_words():
    event = Event(reason="result reported (callback)")

    assert (headline(event), particulars(event)) == ("Result reported", "")


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("dispatched", ""),
        ("callback: No face was found.", "No face was found."),
        ("The clip says: too dark.", "The clip says: too dark."),
    ],
)
def test_a_reason_is_told_without_how_it_became_known(reason, shown):
    assert particulars(Event(old="processing", new="failed", reason=reason)) == shown


def test_the_files_are_blamed_only_by_codes_that_the_worker_knows():
    known = {error.code for error in vars(worker.errors).values() if hasattr(error, "code")}

    assert known >= WANTS_OTHER_FILES


def test_an_unknown_error_gets_advice_too():
    assert advice(Job(error_code="never_heard_of")) == ADVICE_ELSE


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(minutes=7), "7\xa0minutes ago"),
        (timedelta(days=1, hours=11), "1 day ago"),
        (timedelta(days=30, hours=1), "30 days ago"),
    ],
)
def test_an_age_has_one_figure(ago, words):
    assert age(now() - ago) == words


def test_what_is_older_than_a_month_has_its_day():
    assert age(datetime(2020, 5, 3, 12, tzinfo=UTC)) == "3 May 2020"


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "0:01"), (75.4, "1:15"), (3725, "1:02:05"), (None, "")])
def test_a_clock(seconds, words):
    assert clock(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.3, "1 s"), (75.4, "1 min 15 s"), (120, "2 min"), (7264, "2 h 1 min")]
)
def test_a_duration(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "a few seconds left"),
        (43, "about 45 seconds left"),
        (58.9, "about 60 seconds left"),
        (62, "about 1 minute left"),
        (200, "about 3 minutes left"),
        (5400, "about 1 h 30 min left"),
        (None, ""),
    ],
)
def test_the_time_left(seconds, words):
    assert time_left(seconds) == words
