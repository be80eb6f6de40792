from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from assets.errors import NotFound
from assets.models import Token

pytestmark = pytest.mark.django_db
DOWNLOAD, UPLOAD = Token.Purpose.DOWNLOAD, Token.Purpose.UPLOAD


@pytest.fixture
def token(stored_asset) -> Token:
    return Token.objects.create(asset=stored_asset, purpose=DOWNLOAD, expires_at=now() + timedelta(hours=1))


def test_a_live_token_opens_its_asset(token):
    assert Token.objects.redeem(token.value, DOWNLOAD, now()).asset == token.asset


def test_the_first_use_is_noted(token):
    first = now()
    Token.objects.redeem(token.value, DOWNLOAD, first)
    Token.objects.redeem(token.value, DOWNLOAD, first + timedelta(minutes=1))

    token.refresh_from_db()
    assert token.redeemed_at == first


@pytest.mark.parametrize(
    "change", [lambda v: v[:-1], lambda v: "0" + v[1:], lambda v: v + "é", lambda v: "", str.upper]
)
def test_a_changed_token_opens_nothing(token, change):
    changed = change(token.value)

    if changed != token.value:
        with pytest.raises(NotFound):
            Token.objects.redeem(changed, DOWNLOAD, now())


def test_an_expired_token_opens_nothing(token):
    with pytest.raises(NotFound):
        Token.objects.redeem(token.value, DOWNLOAD, token.expires_at)


def test_a_revoked_token_opens_nothing(token):
    Token.objects.filter(pk=token.pk).revoke(now())

    with pytest.raises(NotFound):
        Token.objects.redeem(token.value, DOWNLOAD, now())


def test_a_download_token_takes_no_upload(client, token):
    response = client.put(token.path, data=b"bytes", content_type="video/mp4")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_all_that_is_wrong_with_a_token_looks_the_same_to_a_stranger(client, token):
    expired = Token.objects.create(asset=token.asset, purpose=DOWNLOAD, expires_at=now())

    answers = {client.get(path).content for path in (expired.path, "/v1/assets/nonsense", f"{token.path}x")}

    assert len(answers) == 1
