"""Guessing passwords gets slower and slower, and keeps nobody out who knows theirs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

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
