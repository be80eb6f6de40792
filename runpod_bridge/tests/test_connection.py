"""The button that tries Runpod says in words what is wrong."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from runpod_bridge import client
from runpod_bridge.connection import findings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def hurried(monkeypatch) -> None:
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(client, "PATIENCE", 0.2)


def said(*, well: bool) -> str:
    return " ".join(finding.sentence for finding in findings() if finding.is_well == well)


def test_all_is_well(fake_runpod):
    assert said(well=False) == ""
    assert "The key and the endpoint" in said(well=True)


def test_without_its_settings_it_says_which_are_missing(settings):
    settings.RUNPOD_API_KEY, settings.RUNPOD_ENDPOINT_ID = "", "abc"

    assert said(well=False).startswith("RUNPOD_API_KEY is not set")
    settings.RUNPOD_ENDPOINT_ID = ""
    assert said(well=False).startswith("RUNPOD_API_KEY and RUNPOD_ENDPOINT_ID are not set")


@pytest.mark.parametrize(("status", "words"), [(401, "refused the API key"), (404, "knows no endpoint")])
def test_what_runpod_refuses_is_put_into_words(fake_runpod, status, words):
    fake_runpod.go_wrong("health", status, times=9)

    assert words in said(well=False)


def test_a_page_in_german_says_it_in_german(fake_runpod):
    fake_runpod.go_wrong("health", 401, times=9)

    with override("de"):
        assert "Runpod hat den API-Schlüssel abgelehnt (401)." in said(well=False)


def test_an_endpoint_that_does_not_answer(fake_runpod, settings):
    settings.RUNPOD_API_BASE = "http://127.0.0.1:1/v2"

    assert "Runpod" in said(well=False)


@pytest.mark.parametrize(
    ("url", "words"),
    [("", "PUBLIC_BASE_URL is not set"), ("https://127.0.0.1:8000", "leads a worker at Runpod to itself")],
)
def test_an_address_that_no_worker_reaches(fake_runpod, settings, monkeypatch, url, words):
    settings.PUBLIC_BASE_URL = url
    monkeypatch.setattr("runpod_bridge.connection.is_loopback", lambda address: "8000" in address)

    assert words in said(well=False)


def test_a_provider_of_ones_own_is_told(fake_runpod, settings):
    settings.COMPUTE_PROVIDER = "runpod_bridge.pool.PoolProvider"

    assert "jobs do not go to Runpod" in said(well=False)
