"""What people ask first, and examples that a program can be made of."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import SAMPLES
from faceswap_site.copies import Copy
from jobs import consent
from jobs.models import ApiKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client, alice):
    client.force_login(alice)
    return client


def example(text: str, name: str) -> str:
    return html.unescape(re.search(rf'<code id="{name}-example">(.*?)</code>', text, re.DOTALL)[1])


def test_every_page_leads_to_the_help(page):
    assert 'href="/help/"' in page.get("/").text
    assert "What makes a good result?" in page.get("/help/").text


def test_without_a_key_the_examples_have_none(page):
    assert "Bearer fsk_…" in example(page.get("/help/api/").text, "curl")
    assert not ApiKey.objects.exists()


def test_a_key_is_made_for_the_examples_and_shown_this_once(page, alice):
    shown = page.post("/help/api/", {"accepted": "on"}).text

    key = re.search(r"fsk_[0-9a-f]{8}_[\w-]+", example(shown, "curl"))[0]
    assert key in example(shown, "python")
    row = ApiKey.objects.get()
    assert (row.owner, row.accepted) == (alice, consent.KEY_HOLDER)
    assert page.get("/v1/jobs", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert key not in page.get("/help/api/").text


def test_no_key_is_made_unless_the_statement_is_agreed_to(page):
    answer = page.post("/help/api/", {})

    assert answer.status_code == 422
    assert "without it no key can be made" in answer.text
    assert not ApiKey.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["curl", "python", "people"])
def test_the_examples_work_as_they_stand(page, running_service: Copy, tmp_path: Path, name):
    shutil.copy(SAMPLES / "tiny.mp4", tmp_path / "clip.mp4")
    shutil.copy(SAMPLES / "astronaut.png", tmp_path / "face.jpg")
    key = running_service.manage("createapikey", "reader").strip()
    code = example(page.get("/help/api/").text, name).replace("fsk_…", key)
    code = code.replace("http://testserver", running_service.url)
    command = [sys.executable, "-c", code] if name == "python" else ["bash", "-euc", code]

    said = subprocess.run(command, cwd=tmp_path, check=True, timeout=120, stdout=subprocess.PIPE).stdout

    if name == "people":
        assert b'"people": [{"number": 1' in said
        assert said.endswith(b'"status": "queued", "stage": "queued"}')
    else:
        assert (tmp_path / "result.mp4").read_bytes()[4:8] == b"ftyp"
