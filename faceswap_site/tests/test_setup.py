"""The link that makes the owner's account."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.core.signing import TimestampSigner

from faceswap_site.setup import OWNER_LINK_TTL, check_owner_token, needs_owner, owner_link, owner_token

pytestmark = pytest.mark.django_db


def test_a_fresh_copy_has_a_link_for_its_owner(client):
    link = owner_link("http://testserver")

    assert client.get(link).status_code == 200


def test_there_is_no_link_once_somebody_can_sign_in(alice):
    assert owner_link("http://testserver") is None


def test_a_user_without_a_password_is_no_owner(django_user_model):
    django_user_model.objects.create_user("robot")

    assert needs_owner()


def test_a_user_who_was_shut_out_is_no_owner(alice):
    alice.is_active = False
    alice.save(update_fields=["is_active"])

    assert needs_owner()


def test_a_link_is_useless_once_there_is_an_owner(django_user_model):
    token = owner_token()
    assert check_owner_token(token)

    django_user_model.objects.create_user("owner", password="a long password")

    assert not check_owner_token(token)


@pytest.mark.parametrize("change", [str.swapcase, lambda token: token[:-1], lambda token: "", str.upper])
def test_a_changed_link_is_refused(change):
    assert not check_owner_token(change(owner_token()))


def test_an_old_link_is_refused(monkeypatch):
    token = owner_token()
    later = time.time() + (OWNER_LINK_TTL + timedelta(seconds=1)).total_seconds()

    monkeypatch.setattr("django.core.signing.time.time", lambda: later)

    assert not check_owner_token(token)


def test_a_token_signed_for_something_else_is_refused():
    assert not check_owner_token(TimestampSigner(salt="jobs.output", sep=".").sign("owner"))
