from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.timezone import now

from assets.models import Asset, Token

pytestmark = pytest.mark.django_db


@pytest.fixture
def expected(alice) -> Asset:
    return Asset.objects.expect(owner=alice, kind=Asset.Kind.OUTPUT, name="result.mp4")


@pytest.fixture
def token(expected) -> Token:
    return Token.objects.create(
        asset=expected, purpose=Token.Purpose.UPLOAD, expires_at=now() + timedelta(hours=1), max_bytes=1000
    )


def put(client, token, data: bytes, **extra):
    return client.put(token.path, data=data, content_type="video/mp4", **extra)


def temp_files() -> list[Path]:
    return list(settings.FILE_UPLOAD_TEMP_DIR.iterdir())


def test_a_result_is_kept_whole(client, token):
    response = put(client, token, b"x" * 1000)

    asset = Asset.objects.get()
    assert response.status_code == 201
    assert (asset.size, asset.is_available) == (1000, True)
    assert asset.file.storage.open(asset.file.name).read() == b"x" * 1000
    assert temp_files() == []


def test_a_second_delivery_replaces_the_first_and_its_file(client, token):
    put(client, token, b"first")
    first = Asset.objects.get().file

    put(client, token, b"second")

    asset = Asset.objects.get()
    assert asset.file.storage.open(asset.file.name).read() == b"second"
    assert not first.storage.exists(first.name)


def test_a_result_larger_than_the_link_takes_is_413(client, token):
    response = put(client, token, b"x" * 1001)

    assert response.status_code == 413
    assert response.json()["code"] == "too_large"
    assert not Asset.objects.get().is_available


def test_a_body_that_ends_early_is_refused_and_leaves_nothing(client, token):
    response = put(client, token, b"", CONTENT_LENGTH="500", **{"wsgi.input": io.BytesIO(b"short")})

    assert (response.status_code, response.json()["code"]) == (400, "incomplete_body")
    assert not Asset.objects.get().is_available
    assert temp_files() == []


def test_a_body_without_a_length_is_411(client, token):
    response = put(client, token, b"bytes", CONTENT_LENGTH="")

    assert (response.status_code, response.json()["code"]) == (411, "no_length")


def test_a_chunked_body_is_411(client, token):
    response = put(client, token, b"bytes", HTTP_TRANSFER_ENCODING="chunked")

    assert response.status_code == 411


def test_an_empty_body_is_refused(client, token):
    assert put(client, token, b"", CONTENT_LENGTH="0").json()["code"] == "empty_file"


def test_a_revoked_link_takes_nothing(client, token):
    Token.objects.all().revoke(now())

    assert put(client, token, b"late").status_code == 404
    assert not Asset.objects.get().is_available
