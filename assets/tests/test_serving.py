from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from assets.models import Token

pytestmark = pytest.mark.django_db


@pytest.fixture
def token(stored_asset) -> Token:
    return Token.objects.create(
        asset=stored_asset, purpose=Token.Purpose.DOWNLOAD, expires_at=now() + timedelta(hours=1)
    )


@pytest.fixture
def content(stored_asset) -> bytes:
    return stored_asset.file.storage.open(stored_asset.file.name).read()


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def test_the_whole_file_comes_with_its_length_and_etag(client, token, content):
    response = client.get(token.path)

    assert response.status_code == 200
    assert body(response) == content
    assert response["Content-Length"] == str(len(content))
    assert response["Accept-Ranges"] == "bytes"
    assert response["ETag"] == f'"{token.asset.sha256}"'


def test_a_range_comes_as_206(client, token, content):
    response = client.get(token.path, headers={"Range": "bytes=2-5"})

    assert response.status_code == 206
    assert body(response) == content[2:6]
    assert response["Content-Range"] == f"bytes 2-5/{len(content)}"
    assert response["Content-Length"] == "4"


def test_a_suffix_range_comes_from_the_end(client, token, content):
    response = client.get(token.path, headers={"Range": "bytes=-3"})

    assert body(response) == content[-3:]


def test_a_range_past_the_end_is_416_and_names_the_size(client, token, content):
    response = client.get(token.path, headers={"Range": f"bytes={len(content)}-"})

    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(content)}"


def test_if_range_with_another_version_sends_it_all(client, token, content):
    headers = {"Range": "bytes=2-5", "If-Range": '"another"'}

    assert client.get(token.path, headers=headers).status_code == 200
    headers["If-Range"] = f'"{token.asset.sha256}"'
    assert client.get(token.path, headers=headers).status_code == 206


def test_head_tells_the_length_and_sends_nothing(client, token, content):
    response = client.head(token.path)

    assert response["Content-Length"] == str(len(content))
    assert body(response) == b""


def test_a_file_is_served_as_the_hostile_content_it_is(client, token):
    response = client.get(token.path)

    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert response["Cache-Control"] == "private, no-store"


def test_a_file_whose_bytes_are_gone_is_404(client, token):
    token.asset.file.storage.delete(token.asset.file.name)

    assert client.get(token.path).status_code == 404
