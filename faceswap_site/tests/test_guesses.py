"""Guessing passwords gets slower and slower, and keeps nobody out who knows theirs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from faceswap_site.callers import warn_of_proxy
from faceswap_site.guesses import FREE_OF_ADDRESS, FREE_OF_NAME, LONGEST_WAIT, Guesses

pytestmark = pytest.mark.django_db
RIGHT = "alice's long password"
HERE, THERE = "203.0.113.5", "198.51.100.7"


@pytest.fixture
def guess(client):
    """Try to sign in, by itself with a wrong password."""

    def post(name="alice", password="wrong", address=HERE, **headers):
        return client.post(
            "/login/", {"username": name, "password": password}, REMOTE_ADDR=address, headers=headers
        )

    return post


def later(by: timedelta) -> None:
    for row in Guesses.objects.all():
        Guesses.objects.filter(pk=row.pk).update(last_at=row.last_at - by)


def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(guess, alice):
    assert [guess().status_code for _ in range(FREE_OF_NAME)] == [200] * FREE_OF_NAME

    refused = guess(password=RIGHT)

    assert refused.status_code == 429
    assert refused["Retry-After"] == "10"
    assert "Too many wrong passwords came from here. Try again in 10 seconds." in refused.text
    later(timedelta(seconds=10))
    assert guess(password=RIGHT).status_code == 302


def test_each_wait_is_longer_but_never_longer_than_minutes(guess, alice):
    waits = []
    for _ in range(FREE_OF_NAME + 8):
        response = guess()
        if response.status_code == 429:
            waits.append(int(response["Retry-After"]))
            later(timedelta(seconds=waits[-1]))
            guess()

    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]
    assert waits[-1] == LONGEST_WAIT.total_seconds()


def test_a_stranger_elsewhere_keeps_no_owner_out(guess, alice):
    for _ in range(FREE_OF_NAME + 1):
        assert guess(address=THERE)

    assert guess(address=THERE).status_code == 429
    assert guess(password=RIGHT).status_code == 302


def test_one_address_cannot_try_name_after_name(guess, alice):
    for number in range(FREE_OF_ADDRESS):
        assert guess(name=f"somebody-{number}").status_code == 200

    assert guess(name="somebody-else").status_code == 429


def test_signing_in_does_not_count(guess, alice, client):
    for _ in range(FREE_OF_NAME - 1):
        guess()
    assert guess(password=RIGHT).status_code == 302
    client.logout()

    assert guess().status_code == 200
    assert Guesses.objects.get(key__startswith="from:").count == FREE_OF_NAME


def test_an_empty_password_is_no_guess_and_no_fresh_start(guess, alice):
    for password in ["wrong", ""] * FREE_OF_NAME:
        assert guess(password=password).status_code == 200

    assert guess().status_code == 429


def test_another_case_of_a_name_or_a_neighbouring_address_is_no_fresh_start(guess, alice):
    for number in range(FREE_OF_NAME):
        guess(name=["alice", "ALICE"][number % 2], address=f"2001:db8::{number}")

    assert guess(address="2001:db8::ffff").status_code == 429
    assert guess(address="2001:db8:1::1").status_code == 200


def test_behind_a_proxy_the_address_is_the_one_that_it_saw_itself(guess, alice, settings):
    settings.BEHIND_TLS_PROXY = True
    for number in range(FREE_OF_NAME):
        guess(address="127.0.0.1", **{"X-Forwarded-For": f"192.0.2.{number}, {THERE}"})

    assert guess(address="127.0.0.1", **{"X-Forwarded-For": THERE}).status_code == 429
    assert guess(address="127.0.0.1", **{"X-Forwarded-For": HERE}).status_code == 200


def test_a_browser_that_was_signed_in_from_is_not_kept_out_by_others_at_its_address(guess, alice, client):
    assert guess(password=RIGHT).status_code == 302
    known = client.cookies["known"].value
    client.logout()
    for number in range(FREE_OF_ADDRESS):
        guess(name=["alice", f"somebody-{number}"][number % 2])
    assert guess(password=RIGHT).status_code == 429

    client.cookies["known"] = known

    assert guess(password=RIGHT).status_code == 302


def test_nor_is_it_any_freer_to_guess(guess, alice, client):
    guess(password=RIGHT)
    known = client.cookies["known"].value
    client.logout()
    client.cookies["known"] = known

    assert [guess().status_code for _ in range(FREE_OF_NAME)] == [200] * FREE_OF_NAME

    assert guess(password=RIGHT).status_code == 429


@pytest.mark.parametrize("forged", ["another's", "changed", "old", "nonsense"])
def test_no_browser_is_known_by_a_mark_that_is_not_its_own(guess, alice, bob, client, forged, monkeypatch):
    name = "bob" if forged == "another's" else "alice"
    if forged == "old":
        monkeypatch.setattr("faceswap_site.callers.KNOWN_FOR", timedelta(seconds=-1))
    guess(name, password=f"{name}'s long password")
    known = client.cookies["known"].value
    client.logout()
    for number in range(FREE_OF_NAME):
        mark = {"changed": f"{number}{known}", "nonsense": f":{number}:"}.get(forged, known)
        client.cookies["known"] = mark
        guess()

    assert guess(password=RIGHT).status_code == 429
    assert Guesses.objects.get(key__startswith="from:").count == FREE_OF_NAME


def test_the_mark_is_for_the_sign_in_page_alone_and_tells_no_name(guess, alice, client):
    guess(password=RIGHT)

    known = client.cookies["known"]

    assert known["path"] == "/login/"
    assert known["httponly"]
    assert "alice" not in known.value


def test_a_proxy_that_nobody_named_is_told_of_once_and_not_believed(guess, alice, caplog):
    warn_of_proxy.cache_clear()
    for number in range(FREE_OF_NAME):
        guess(address="172.17.0.1", **{"X-Forwarded-For": f"192.0.2.{number}"})

    assert guess(address="172.17.0.1", **{"X-Forwarded-For": HERE}).status_code == 429
    assert [record.name for record in caplog.records].count("faceswap_site.callers") == 1


@pytest.mark.parametrize(
    ("address", "headers", "is_staff", "declared", "told"),
    [
        ("127.0.0.1", {"X-Forwarded-For": HERE}, True, False, True),
        ("172.17.0.1", {"Forwarded": "for=192.0.2.1"}, True, False, True),
        ("127.0.0.1", {"X-Forwarded-For": HERE}, False, False, False),
        ("127.0.0.1", {"X-Forwarded-For": HERE}, True, True, False),
        ("127.0.0.1", {}, True, False, False),
        # Anybody out there may send such a header.
        ("8.8.8.8", {"X-Forwarded-For": HERE}, True, False, False),
    ],
)
def test_the_settings_tell_the_operator_of_a_proxy_that_nobody_named(
    client, alice, settings, address, headers, is_staff, declared, told
):
    alice.is_staff = is_staff
    alice.save()
    client.force_login(alice)
    settings.BEHIND_TLS_PROXY = declared

    html = client.get("/settings/", REMOTE_ADDR=address, headers=headers).text

    assert ("<code>BEHIND_TLS_PROXY</code>" in html) == told


def test_guesses_are_forgotten_and_name_nobody(guess, alice):
    for _ in range(FREE_OF_NAME):
        guess()
    assert not Guesses.objects.filter(key__contains="alice").exists()
    later(timedelta(hours=1, seconds=1))

    guess(name="bob", address=THERE)

    assert Guesses.objects.count() == 2
    assert Guesses.objects.filter(last_at__gt=now() - timedelta(minutes=1)).count() == 2


def test_the_admin_has_no_way_in_of_its_own(client, alice):
    assert client.get("/admin/")["Location"] == "/admin/login/?next=/admin/"
    assert client.get("/admin/login/?next=/admin/jobs/")["Location"] == "/login/?next=/admin/jobs/"
    assert client.post("/admin/login/", {"username": "alice", "password": RIGHT}).status_code == 302
    assert "_auth_user_id" not in client.session
    client.force_login(alice)
    assert client.get("/admin/login/").status_code == 403
