"""What the library's search finds, whatever somebody calls a file and whatever somebody types."""

from __future__ import annotations

import re
from importlib import import_module
from unicodedata import normalize

import pytest
from django.apps import apps
from django.db import connection
from django.urls import reverse

from assets.models import Asset
from jobs.models import Batch, Job

pytestmark = pytest.mark.django_db
LIBRARY = reverse("jobs:list")


@pytest.fixture
def submit(alice):
    """Make a job of alice's whose parts have these names; return its id."""

    def of(video: str, photo: str = "", *more: str, **asked) -> str:
        clip = Asset.objects.expect(owner=alice, kind="video", name=video)
        photos = [Asset.objects.expect(owner=alice, kind="image", name=name) for name in (photo, *more)]
        parts = {"reference_video": clip, "source_image": photos[0], "more_photos": photos[1:]}
        given = {"owner": alice, "consent": "yes", "consent_via": "form", "mode": "video_swap"}
        return str(Job.objects.submit(**given, **parts, **asked).pk)

    return of


def found(page, text: str) -> list[str]:
    response = page.get(LIBRARY, {"q": text})
    assert response.status_code == 200
    return re.findall(r'id="card-([0-9a-f-]+)"', response.text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Grüße aus Köln.mp4", "GRÜSSE köln"),
        ("Straße.mp4", "strasse"),
        (normalize("NFD", "Müller.mp4"), "müller"),  # as a Mac writes it
        ("Müller.mp4", normalize("NFD", "müller")),
        ("ÇOCUK ŞARKISI.mov", "çocuk"),
        ("КИНО.mp4", "кино"),
        ("映画　二.mp4", "二 映画"),
        ("100%_sure.mp4", "100%_"),
        ("back\\slash.mp4", "back\\"),
        ('it\'s "quoted".mp4', 'it\'s "quoted"'),
        ("party 🎉.mp4", "🎉"),
    ],
)
def test_a_name_is_found_as_people_write_it(page, submit, name, text):
    key, _ = submit(name), submit("another.mov")

    assert found(page, text) == [key]


@pytest.mark.parametrize(
    "text",
    [
        *("%", "_", "\\", "%%", "c_ip", "c%p", "clip\\", "[c]lip", "clip*", "' OR '1'='1", '") --'),
        *("clip\nmp4x", "cafe\u0301", "mp4face", "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 200),
    ],
)
def test_what_is_typed_means_itself(page, submit, text):
    submit("clip.mp4", "face.jpg")

    assert found(page, text) == []


@pytest.mark.parametrize("text", ["", " \t", "\x00", "c\x00lip", "a" * 201])
def test_what_cannot_be_searched_for_is_not_searched_for(page, submit, text):
    key = submit("clip.mp4")

    assert found(page, text) == [key]


def test_every_word_has_to_be_in_some_name(page, submit, alice):
    batch = Batch.objects.create(owner=alice, name="Five evenings")
    key = submit("Beach.mp4", "Ada.jpg", "Grace.jpg", batch=batch)
    submit("Beach.mp4", "Bob.jpg")

    for text in ("beach ada", "GRACE beach", "evening .mp4", "ada five  grace"):
        assert found(page, text) == [key]
    assert found(page, "ada bob") == []


def test_the_same_once_more_is_found_by_the_same_names(page, submit, monkeypatch):
    monkeypatch.setattr(Asset, "is_available", True)
    key = submit("Beach.mp4", "Ada.jpg", "Grace.jpg")

    again = Job.objects.get(pk=key).again(consent_via="test")

    assert found(page, "grace ada beach") == [str(again.pk), key]


def test_jobs_of_before_are_given_their_names_some_at_a_time(page, submit, alice, monkeypatch):
    batch = Batch.objects.create(owner=alice, name="Fünf Abende")
    keys = [submit(f"Straße {number}.mp4", "Ada.jpg", "Grace.jpg", batch=batch) for number in range(5)]
    before = dict(Job.objects.values_list("pk", "names"))
    Job.objects.update(names="")
    filling = import_module("jobs.migrations.0012_fill_names")
    monkeypatch.setattr(filling, "AT_ONCE", 2)

    filling.fill(apps, connection.schema_editor())

    assert dict(Job.objects.values_list("pk", "names")) == before
    assert found(page, "strasse grace fünf") == keys[::-1]
