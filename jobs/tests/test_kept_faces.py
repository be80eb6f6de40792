"""The face library: photos kept, named, used again, let go; and nobody else's."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from django.utils.timezone import now

from assets.models import Asset
from assets.uploads import bounds_of
from conftest import keep
from jobs.analyses import Analysis
from jobs.deletion import delete_files
from jobs.models import Job, KeptFace

pytestmark = pytest.mark.django_db
FACES, NEW, BATCH = reverse("jobs:faces"), reverse("jobs:new"), reverse("jobs:new-batch")
HTMX = {"HX-Request": "true"}
GOOD = {"box": [0.1, 0.2, 0.3, 0.4], "picture": "", "usable": True, "taken": True}
SMALL = {**GOOD, "usable": False, "sentence": "The face is only 20 pixels high."}


def keep_face(owner, name: str = "aunt.jpg", people=(GOOD,), **seen) -> KeptFace:
    asset = keep(owner, "image", name, b"any")
    Analysis.objects.create(asset=asset, **{"done_at": now(), "people": list(people), **seen})
    return KeptFace.objects.keep(asset)


def of(face: KeptFace, act: str) -> str:
    return reverse(f"jobs:{act}", args=[face.pk])


def test_the_form_may_bring_a_file(settings):
    assert bounds_of(FACES).limit() > settings.MAX_UPLOAD_BYTES


def test_an_empty_library_says_what_it_is_for(page):
    html = page.get(FACES).text

    assert "No face is kept yet." in html
    assert "Keep this face" in html


def test_a_photo_is_taken_in_kept_and_looked_at(page, alice, photo_file):
    answer = page.post(FACES, {"source_image": photo_file})

    face = KeptFace.objects.get()
    assert answer["Location"] == FACES
    assert (face.owner, face.name, face.asset.is_available) == (alice, "face", True)
    assert Analysis.objects.get().asset == face.asset
    html = page.get(FACES).text
    assert "Looking at the face" in html
    assert f'hx-get="{of(face, "kept-face")}"' in html


def test_what_is_no_photo_is_refused_in_a_sentence_and_not_kept(page, video_file):
    answer = page.post(FACES, {"source_image": video_file}, headers=HTMX)

    assert answer.status_code == 422
    assert "clip.mp4" in re.search(r'class="field-error"[^>]*>([^<]+)<', answer.text)[1]
    assert not Asset.objects.exists()


@pytest.mark.parametrize("field", [None, "reference_video"])
def test_without_a_photo_nothing_is_kept(page, video_file, field):
    answer = page.post(FACES, {field: video_file} if field else {})

    assert answer.status_code == 422
    assert "A file is needed" in answer.text
    assert not Asset.objects.exists()


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (
            {"people": [], "error_code": "no_face_in_source", "error_message": "No face in it."},
            "No face in it.",
        ),
        ({"people": [SMALL]}, SMALL["sentence"]),
        ({"people": []}, "No face was found in the photo."),
    ],
)
def test_a_photo_without_a_usable_face_is_refused_with_its_sentence(page, alice, seen, sentence):
    face = keep_face(alice, **seen)

    card = page.get(of(face, "kept-face")).text

    assert sentence in card
    assert "hx-trigger" not in card
    assert "Use it" not in card
    assert "data-kept-face" not in page.get(NEW).text


def test_of_several_faces_the_one_that_would_be_used_counts(page, alice):
    face = keep_face(alice, people=[{**SMALL, "taken": False}, GOOD])

    assert f'href="/new/?face={face.asset_id}"' in page.get(FACES).text
    assert "only 20 pixels" not in page.get(FACES).text


@pytest.mark.parametrize("address", [NEW, BATCH])
def test_the_forms_offer_the_kept_faces(page, alice, address):
    face = keep_face(alice, "<aunt>.jpg")

    html = page.get(address).text

    assert f'data-kept-face="{face.asset_id}" data-name="&lt;aunt&gt;"' in html


def test_a_new_job_begins_with_the_face(page, alice):
    face = keep_face(alice)

    html = page.get(reverse("jobs:new"), {"face": face.asset_id}).text

    assert re.search(rf'name="source_image_ids?" value="{face.asset_id}"', html)


def test_a_new_job_does_not_begin_with_what_is_no_photo_of_ones_own(page, bob, job):
    for other in (keep_face(bob).asset_id, job.reference_video_id, "nonsense"):
        answer = page.get(reverse("jobs:new"), {"face": other})

        assert answer.status_code == 200
        assert str(other) not in answer.text.partition("<main")[2].partition("</main>")[0]


def test_a_face_gets_another_name(page, alice):
    face = keep_face(alice)

    page.post(of(face, "rename-face"), {"name": "  Aunt\n Ada " + "x" * 200})
    face.refresh_from_db()
    assert face.name == ("Aunt Ada " + "x" * 200)[:80]

    assert "needs a name" in page.post(of(face, "rename-face"), {"name": " \0"}, follow=True).text
    assert KeptFace.objects.get().name == face.name


def test_a_face_that_no_job_needs_goes_with_its_photo(page, alice):
    face = keep_face(alice)

    page.post(of(face, "remove-face"))

    assert not KeptFace.objects.exists()
    assert not Asset.objects.get(pk=face.asset_id).is_available
    assert not Analysis.objects.exists()


def test_the_photo_of_a_job_is_kept_once_and_stays_after_either(page, job):
    address = reverse("jobs:keep-face", args=[job.pk])
    assert "Keep this face" in page.get(job.get_absolute_url()).text

    assert "In your face library" in page.post(address, headers=HTMX).text
    assert page.post(address)["Location"] == job.get_absolute_url()
    assert "Keep this face" not in page.get(job.get_absolute_url()).text

    face = KeptFace.objects.get()
    assert Analysis.objects.get().asset == face.asset == job.source_image
    page.post(of(face, "remove-face"))
    assert Asset.objects.get(pk=job.source_image_id).is_available
    page.post(address)
    delete_files(Job.objects.get(), reason="deleted")
    assert Asset.objects.get(pk=job.source_image_id).is_available


def test_a_photo_that_is_gone_cannot_be_kept(page, job):
    job.source_image.erase(now())

    html = page.post(reverse("jobs:keep-face", args=[job.pk]), follow=True).text

    assert "has been deleted" in html
    assert not KeptFace.objects.exists()


@pytest.mark.parametrize("act", ["rename-face", "remove-face"])
def test_a_stranger_finds_no_face_to_change(client, alice, bob, act):
    face = keep_face(alice)
    client.force_login(bob)

    assert client.post(of(face, act), {"name": "mine"}).status_code == 404
    assert client.get(of(face, "kept-face")).status_code == 404
    assert KeptFace.objects.get().name == "aunt"


def test_a_stranger_sees_and_keeps_nothing(client, bob, job):
    keep_face(job.owner)
    client.force_login(bob)

    assert "aunt" not in client.get(FACES).text + client.get(NEW).text
    assert client.post(reverse("jobs:keep-face", args=[job.pk])).status_code == 404
    assert KeptFace.objects.count() == 1


def test_whoever_is_not_signed_in_is_asked_to(client):
    for address in (FACES, NEW):
        assert client.get(address)["Location"].startswith("/login/")


@pytest.mark.parametrize("address", [FACES, NEW, BATCH])
def test_many_faces_take_as_many_queries_as_one(page, alice, count_queries, address):
    keep_face(alice)
    one = count_queries(address)
    for number in range(5):
        keep_face(alice, f"{number}.jpg")

    assert count_queries(address) == one <= 4
    assert len(re.findall("/thumbnail/|icon", page.get(address).text)) >= 6
