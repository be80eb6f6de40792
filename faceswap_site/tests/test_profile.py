"""What a person chose once: address, language, notices."""

from __future__ import annotations

import pytest

from jobs.models import Preferences

pytestmark = pytest.mark.django_db
ADDRESS = "/settings/profile/"


@pytest.fixture
def page(client, alice):
    client.force_login(alice)
    return client


def test_what_was_chosen_is_kept_and_shown(page, alice, settings):
    settings.CAN_MAIL = True
    page.post(ADDRESS, {"email": "alice@example.org", "email_when_done": "on", "language": "en"})

    alice.refresh_from_db()
    assert alice.email == "alice@example.org"
    assert Preferences.objects.get().email_when_done
    html = page.get("/settings/").text
    assert 'value="alice@example.org"' in html
    assert 'name="email_when_done" checked' in html


def test_the_language_is_the_pages_from_then_on(page):
    page.post(ADDRESS, {"language": "de"})

    assert '<html lang="de">' in page.get("/").text
    assert '<html lang="de">' in page.get("/settings/").text


def test_without_a_choice_it_is_the_browsers(page):
    assert '<html lang="de">' in page.get("/", headers={"Accept-Language": "de-AT,de;q=0.8"}).text
    assert '<html lang="en">' in page.get("/", headers={"Accept-Language": "fr"}).text


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"email": "nonsense", "language": "en"}, "This is no e-mail address."),
        ({"email_when_done": "on", "language": "en"}, "Give an address"),
        ({"language": "xx"}, "“xx” is not one of the languages."),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(page, chosen, words):
    answer = page.post(ADDRESS, chosen)

    assert answer.status_code == 422
    assert words in answer.text
    assert not Preferences.objects.exists()


def test_without_a_mail_server_no_mail_is_offered(page, settings):
    settings.CAN_MAIL = False

    assert "No mail server is set up" in page.get("/settings/").text


def test_only_staff_try_the_connection(page, alice):
    assert page.post("/settings/runpod/").status_code == 302

    alice.is_staff = True
    alice.save()
    assert "RUNPOD_API_KEY and RUNPOD_ENDPOINT_ID are not set" in page.post("/settings/runpod/").text
