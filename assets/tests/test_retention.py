from __future__ import annotations

from datetime import timedelta
from pathlib import Path

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
    at, path = now(), Path(stored_asset.file.path)

    stored_asset.erase(at)
    stored_asset.erase(at + timedelta(hours=1))

    asset = Asset.objects.get()
    assert (asset.deleted_at, asset.file.name) == (at, "")
    assert not path.exists()


def test_bytes_that_a_killed_process_left_of_a_deleted_file_go(stored_asset):
    path = Path(stored_asset.file.path)
    stored_asset.mark_deleted(now())  # and then: killed

    found = [retention.clear(now())["half_erased"] for _ in range(2)]

    assert found == [1, 0]
    assert not path.exists()


def test_bytes_that_a_killed_process_stored_without_a_word_go_with_their_row(stored_asset):
    path = Path(stored_asset.file.path)
    Asset.objects.update(file="", stored_at=None)

    retention.clear(now() + timedelta(hours=2))

    assert not path.exists()
    assert not Asset.objects.exists()


def test_many_rows_go_in_batches_and_a_round_ends(stored_asset, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 3)
    monkeypatch.setattr(retention, "BATCHES", 2)
    for _ in range(8):
        Token.objects.create(asset=stored_asset, purpose=Token.Purpose.DOWNLOAD, expires_at=now())
    later = now() + timedelta(days=8)

    found = [retention.clear(later)["tokens"] for _ in range(3)]

    assert found == [6, 2, 0]


def test_two_at_once_count_each_row_once(stored_asset):
    """Both have read which rows there are; each then deletes what the other left."""
    Token.objects.create(asset=stored_asset, purpose=Token.Purpose.DOWNLOAD, expires_at=now())
    first = Token.objects.stale(now() + timedelta(days=8), after=retention.KEEP_TOKENS)

    class ReadBefore:
        """Rows as this process saw them, before the other one deleted them."""

        model = Token
        keys = list(first.values_list("pk", flat=True))

        def values_list(self, *args, **kwargs):
            found, self.keys = self.keys, []
            return found

        def filter(self, **wanted):
            return first.filter(**wanted)

    second = ReadBefore()

    assert [retention.delete_in_batches(first), retention.delete_in_batches(second)] == [1, 0]
