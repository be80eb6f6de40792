from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.django_db


def test_a_file_is_named_and_no_link_leads_past_its_owner(admin_client, stored_asset):
    page = admin_client.get(f"/admin/assets/asset/{stored_asset.pk}/change/").text

    assert stored_asset.file.name in page
    assert not [link for link in re.findall(r'href="([^"]*)"', page) if stored_asset.file.name in link]
    assert 'name="file"' not in page
