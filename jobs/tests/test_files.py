"""Files that are sent as soon as they are chosen: kept, looked at, shown to their owner alone, removed."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from assets import space
from assets.models import Asset
from conftest import keep
from jobs import looks
from jobs.analyses import Analysis
from jobs.models import Job
from jobs.tests.test_outputs import deliver

pytestmark = pytest.mark.django_db
JPEG = b"\xff\xd8\xff\xe0picture"
PICTURE = b64encode(JPEG).decode()
PEOPLE = [
    {"time": 1.5, "box": [0.1, 0.2, 0.3, 0.4], "seen": 0.5, "picture": PICTURE},
    {"time": 0.0, "box": [0.5, 0.2, 0.7, 0.4], "seen": 0.004, "picture": PICTURE},
]
HTML = {"HX-Request": "true"}


def of_look(asset: Asset) -> str:
    return reverse("jobs:look", args=[asset.pk])


@pytest.fixture
def seen(stored_asset) -> Asset:
    Analysis.objects.create(asset=stored_asset, done_at=now(), people=PEOPLE)
    return stored_asset


def test_a_file_is_kept_and_a_look_at_it_asked_for(page, alice, video_file):
    answer = page.post("/files/", {"reference_video": video_file})

    asset = Asset.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": str(asset.pk),
        "field": "reference_video",
        "name": "clip.mp4",
        "size": asset.size,
        "content_type": "video/mp4",
        "seconds": 1.0,
        "width": 160,
        "height": 120,
        "fps": 25.0,
        "has_sound": True,
        "thumbnail_url": f"/files/{asset.pk}/thumbnail/",
        "look_url": f"/files/{asset.pk}/look/",
        "remove_url": f"/files/{asset.pk}/remove/",
    }
    assert (asset.owner, asset.is_available) == (alice, True)
    assert Analysis.objects.get().asset == asset


def test_a_page_gets_the_file_as_html(page, photo_file):
    html = page.post("/files/", {"source_image": photo_file}, headers=HTML).text

    asset = Asset.objects.get()
    assert f'name="source_image_ids" value="{asset.pk}"' in html
    assert "160×120" in html
    assert f'hx-get="{of_look(asset)}"' in html


def test_a_sound_is_not_looked_at(page, sound_file):
    answer = page.post("/files/", {"driving_audio": sound_file}).json()

    assert answer["look_url"] is None
    assert "hx-get" not in page.post("/files/", {"driving_audio": sound_file.open()}, headers=HTML).text


def test_what_is_no_video_is_refused_by_name_and_not_kept(page, photo_file):
    answer = page.post("/files/", {"reference_video": photo_file})

    assert answer.status_code == 415
    assert answer.json()["errors"][0]["field"] == "reference_video"
    assert not Asset.objects.exists()


def test_a_page_is_refused_in_a_sentence(page, photo_file):
    answer = page.post("/files/", {"reference_video": photo_file}, headers=HTML)

    assert answer.status_code == 415
    assert "is not a video file" in answer.text


@pytest.mark.parametrize(
    ("fields", "code"),
    [([], "missing_field"), (["cover"], "missing_field"), (["source_image"] * 2, "invalid_choice")],
)
def test_it_takes_one_file_of_a_known_field(page, photo_bytes, fields, code):
    files = [SimpleUploadedFile("face.jpg", photo_bytes) for _ in fields]
    form = {
        field: [file for file, name in zip(files, fields, strict=True) if name == field] for field in fields
    }

    answer = page.post("/files/", form)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not Asset.objects.exists()


def test_a_file_over_the_cap_is_refused(page, settings, video_file):
    settings.MAX_UPLOAD_BYTES = 1000

    answer = page.post("/files/", {"reference_video": video_file})

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_nothing_is_taken_without_room_for_the_file_and_its_copy(page, settings, monkeypatch, video_file):
    monkeypatch.setattr(space, "free_bytes", lambda: settings.MIN_FREE_BYTES + video_file.size * 3 // 2)

    answer = page.post("/files/", {"reference_video": video_file})

    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    assert not Asset.objects.exists()


def test_a_stranger_is_sent_to_sign_in_and_a_forged_form_refused(client, alice, video_file):
    assert client.post("/files/", {"reference_video": video_file}).status_code == 302

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post("/files/", {"reference_video": video_file.open()}).status_code == 403
    assert not Asset.objects.exists()


def test_while_the_look_is_under_way_the_page_asks_ever_more_seldom_and_then_no_more(page, stored_asset):
    analysis = Analysis.objects.create(asset=stored_asset)
    triggers = []
    for age in (0, 30, 120, 3600):
        Analysis.objects.update(created_at=now() - timedelta(seconds=age))
        html = page.get(of_look(stored_asset)).text
        triggers.append(html.partition('hx-trigger="load delay:')[2].partition('"')[0])

    assert triggers == ["1s", "3s", "10s", ""]
    assert not analysis.done_at


def test_people_are_shown_with_the_target_that_a_job_takes(page, seen):
    html = page.get(of_look(seen)).text

    assert "Person 1" in html
    assert "seen in 50 % of the clip" in html
    assert "seen in 1 % of the clip" in html
    target = '{"time": 1.5, "box": [0.1, 0.2, 0.3, 0.4]}'.replace('"', "&quot;")
    assert f'data-target="{target}"' in html
    assert "hx-trigger" not in html


def test_the_sentence_of_a_refusing_look_is_shown(page, stored_asset):
    Analysis.objects.create(
        asset=stored_asset, done_at=now(), error_code="no_face_in_video", error_message="No <face> at all."
    )

    html = page.get(of_look(stored_asset)).text

    assert "No &lt;face&gt; at all." in html
    assert "hx-trigger" not in html


def test_of_several_faces_in_a_photo_the_page_says_which_is_used_and_what_is_wrong_with_it(
    page, alice, photo_bytes
):
    face = {"box": [0.1, 0.2, 0.3, 0.4], "picture": PICTURE, "usable": True, "reason": "", "sentence": ""}
    first = {**face, "taken": True, "usable": False, "reason": "too_small", "sentence": "It is small."}
    photo = keep(alice, "image", "face.jpg", photo_bytes)
    Analysis.objects.create(asset=photo, done_at=now(), people=[first, {**face, "taken": False}])

    html = page.get(of_look(photo)).text

    assert html.count("will be used") == 1
    assert "It is small." in html
    assert "radio" not in html


def test_nobody_seen_is_no_refusal(page, stored_asset):
    Analysis.objects.create(asset=stored_asset, done_at=now())

    assert "Nobody was seen at a quick look" in page.get(of_look(stored_asset)).text


def test_the_picture_of_a_person(page, seen):
    answer = page.get(reverse("jobs:face", args=[seen.pk, 2]))

    assert (answer.content, answer["Content-Type"]) == (JPEG, "image/jpeg")
    assert answer["Cache-Control"] == "private, max-age=86400"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("number", [0, 3])
def test_there_are_no_more_pictures_than_people(page, seen, number):
    assert page.get(reverse("jobs:face", args=[seen.pk, number])).status_code == 404


def test_how_many_people_there_are_costs_no_query(count_queries, seen):
    Analysis.objects.update(people=PEOPLE[:1])
    one = count_queries(of_look(seen))
    Analysis.objects.update(people=PEOPLE * 6)

    assert count_queries(of_look(seen)) == one <= 4


def test_a_stranger_finds_nothing(client, bob, seen):
    client.force_login(bob)

    for name, args in (("look", []), ("face", [1]), ("file", []), ("thumbnail", [])):
        assert client.get(reverse(f"jobs:{name}", args=[seen.pk, *args])).status_code == 404, name
    assert client.post(reverse("jobs:remove-file", args=[seen.pk])).status_code == 404
    assert Asset.objects.get().is_available


def test_removing_erases_the_file_and_the_faces_in_it(page, seen):
    path = Path(seen.file.path)

    assert page.post(reverse("jobs:remove-file", args=[seen.pk])).status_code == 204

    assert not path.exists()
    assert not Analysis.objects.exists()
    assert page.get(of_look(seen)).status_code == 404
    assert page.get(reverse("jobs:face", args=[seen.pk, 1])).status_code == 404


def test_removing_leaves_what_a_job_needs(page, job):
    answer = page.post(reverse("jobs:remove-file", args=[job.source_image_id]), headers=HTML)

    assert (answer.status_code, answer.text) == (200, "")
    assert Job.objects.get().source_image.is_available


def test_a_result_is_not_removed_like_a_file(page, attempt, clip_bytes):
    deliver(attempt, clip_bytes)

    assert page.post(reverse("jobs:remove-file", args=[attempt.output_id])).status_code == 404


def test_following_a_link_removes_nothing(page, seen):
    assert page.get(reverse("jobs:remove-file", args=[seen.pk])).status_code == 405
    assert page.get("/files/").status_code == 405


@pytest.fixture
def send(page, alice, stored_asset, photo_bytes):
    """Send the form with the ids of a clip and a photo, some fields replaced."""
    photo = keep(alice, "image", "face.jpg", photo_bytes)
    good = {"mode": "video_swap", "quality": "fast", "aspect_ratio": "1:1", "consent": "on"}
    good |= {"reference_video_id": str(stored_asset.pk), "source_image_ids": [str(photo.pk)] * 2}
    return lambda **fields: page.post("/new/", good | fields)


def test_the_form_takes_several_photos(send):
    send()

    assert len(Job.objects.get().photos) == 2


@pytest.mark.parametrize(
    ("fields", "place", "sentence"),
    [
        ({"reference_video_id": str(UUID(int=1))}, "reference_video", "There is no file"),
        ({"reference_video_id": "junk"}, "reference_video", "Choose the video"),
        ({"source_image_ids": ["junk"]}, "source_image", "Choose a photo"),
        ({"source_image_ids": [str(UUID(int=1))]}, "source_image", "There is no file"),
        ({"faces": "nonsense"}, "reference_video", "faces is no JSON"),
    ],
)
def test_what_is_wrong_with_a_hidden_field_is_said_where_people_look(send, fields, place, sentence):
    html = send(**fields).text

    assert sentence in html.partition(f'id="error-{place}"')[2].partition("</div>")[0]
    assert not Job.objects.exists()


def test_from_the_file_to_the_job(page, alice, video_file, photo_file, monkeypatch):
    """Both files first, then the form with their ids and the person that was chosen."""
    monkeypatch.setattr(looks, "ask_the_worker", lambda *asked: json.dumps({"people": PEOPLE[1:]}).encode())
    clip = page.post("/files/", {"reference_video": video_file}).json()["id"]
    photo = page.post("/files/", {"source_image": photo_file}).json()["id"]
    looks.look(Analysis.objects.get(asset=clip).pk)
    target = {name: Analysis.objects.get(asset=clip).people[0][name] for name in ("time", "box")}

    answer = page.post(
        "/new/",
        {
            "mode": "video_swap",
            "quality": "fast",
            "aspect_ratio": "1:1",
            "consent": "on",
            "reference_video_id": clip,
            "source_image_id": photo,
            "faces": json.dumps([{"target": target, "source": 0}]),
        },
    )

    job = Job.objects.get()
    assert answer["Location"] == job.get_absolute_url()
    assert (str(job.reference_video_id), str(job.source_image_id)) == (clip, photo)
    assert job.faces == [{"target": target, "source": 0}]
    assert Asset.objects.count() == 2
