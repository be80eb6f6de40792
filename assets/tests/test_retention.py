from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from assets import retention
from assets.models import Asset, Token
from jobs.models import Attempt

pytestmark = pytest.mark.django_db


def test_an_upload_that_died_half_way_is_cleared_after_a_while(alice):
    Asset.objects.expect(owner=alice, kind=Asset.Kind.VIDEO, name="clip.mp4")

    assert retention.clear(now())["assets"] == 0
    assert retention.clear(now() + timedelta(hours=2))["assets"] == 1


def test_the_place_of_a_result_that_never_came_stays_with_its_attempt(job, settings):

    Attempt.objects.begin(job, provider=settings.COMPUTE_PROVIDER, at=now())

    assert retention.clear(now() + timedelta(days=2))["assets"] == 0


def test_what_is_stored_stays(stored_asset):
    retention.clear(now() + timedelta(days=365))

    stored_asset.refresh_from_db()
    assert stored_asset.is_available


def test_tokens_long_expired_go(stored_asset):
    Token.objects.create(asset=stored_asset, purpose=Token.Purpose.DOWNLOAD, expires_at=now())

    assert retention.clear(now() + timedelta(days=6))["tokens"] == 0
    assert retention.clear(now() + timedelta(days=8))["tokens"] == 1


def test_erasing_takes_the_bytes_and_says_when(stored_asset):
    at = now()

    stored_asset.erase(at)
    stored_asset.erase(at + timedelta(hours=1))

    asset = Asset.objects.get()
    assert asset.deleted_at == at
    assert not asset.file.storage.exists(asset.file.name)
