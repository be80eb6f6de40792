"""The form of a new job: what comes of it, and what it says when something is wrong. Without scripts."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from assets.models import Asset
from conftest import keep
from jobs import consent
from jobs.analyses import Analysis
from jobs.models import AspectRatio, Job

pytestmark = pytest.mark.django_db
NEW = "/new/"


@pytest.fixture
def send(page, video_file, photo_file):
    """Send a good form, with some fields replaced (None: left out)."""

    def post(headers: dict[str, str] | None = None, **fields):
        good = {"mode": "video_swap", "quality": "fast", "aspect_ratio": "1:1", "consent": "on"}
        form = good | {"reference_video": video_file, "source_image": photo_file} | fields
        form = {name: value for name, value in form.items() if value is not None}
        return page.post(NEW, form, headers=headers or {})

    return post


def file(content: bytes, name: str = "clip.mp4") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def beside(html: str, field: str) -> str:
    """Return what stands in the place for errors beside this field."""
    return re.search(rf'<div id="error-{field}"[^>]*>(.*?)</div>', html, re.DOTALL)[1].strip()


def test_the_form_proposes_the_shape_of_the_original(page):
    html = page.get(NEW).text

    assert re.search(r'name="aspect_ratio" value="original" checked', html)
    assert re.search(r'name="mode" value="video_swap" checked', html)
    assert consent.STATEMENT in html


def test_the_files_come_first_but_for_the_token_and_what_decides_which_are_asked_for(page):
    html = page.get(NEW).text

    form = html[html.index('id="new"') :]
    marks = [
        "csrfmiddlewaretoken",
        'name="mode"',
        'type="file"',
        "trim_start",
        'id="casting"',
        'name="quality"',
    ]
    marks += ['name="consent"', 'id="submit"']
    assert sorted(marks, key=form.index) == marks


def test_a_good_form_becomes_a_job(send, alice):
    response = send(enable_4k="on")

    job = Job.objects.get()
    assert response["Location"] == reverse("jobs:detail", args=[job.pk])
    assert (job.owner, job.mode, job.quality, job.aspect_ratio) == (alice, "video_swap", "fast", "1:1")
    assert job.enable_4k
    assert (job.reference_video.name, job.source_image.name) == ("clip.mp4", "face.jpg")


def test_consent_is_recorded_word_for_word(send):
    send()

    job = Job.objects.get()
    assert job.consent_wording == "I have the right to use this face and this video."
    assert job.consent_via == "web form"


def test_a_photo_sings_a_song_without_a_video(send, sound_file):
    send(mode="photo_sing", reference_video=None, driving_audio=sound_file)

    job = Job.objects.get()
    assert job.reference_video is None
    assert job.driving_audio.name == "song.wav"


def test_with_scripts_the_answer_leads_on_to_the_job(send):
    response = send(headers={"HX-Request": "true"})

    assert response["HX-Redirect"] == Job.objects.get().get_absolute_url()


def test_all_that_is_missing_is_said_at_once_each_beside_its_field(send):
    response = send(reference_video=None, source_image=None, consent=None)

    assert response.status_code == 422
    assert "Choose the video that the face goes into." in beside(response.text, "reference_video")
    assert "Choose a photo that shows the face." in beside(response.text, "source_image")
    assert "Tick this box" in beside(response.text, "consent")
    assert beside(response.text, "driving_audio") == ""
    assert not Asset.objects.exists()


def test_a_photo_needs_something_to_sing(send):
    response = send(mode="photo_sing", reference_video=None)

    assert "Choose the song or speech" in beside(response.text, "driving_audio")
    assert beside(response.text, "reference_video") == ""


def test_what_was_chosen_is_kept_and_the_files_are_asked_for_again(send):
    response = send(source_image=None, quality="max", enable_4k="on")

    assert 'value="max" checked' in response.text
    assert 'value="1:1" checked' in response.text
    assert re.search(r'id="id_enable_4k"[^>]* checked', response.text)
    assert re.search(r'id="id_consent"[^>]* checked', response.text)
    assert "choose them once more" in response.text


def test_with_scripts_only_the_sentences_come_back(page, send):
    response = send(source_image=None, headers={"HX-Request": "true"})

    assert response.status_code == 422
    assert "Choose a photo" in beside(response.text, "source_image")
    assert "<form" not in response.text
    assert "<input" not in response.text
    places = set(re.findall(r'id="(error-\w+)"', page.get(NEW).text))
    assert set(re.findall(r'id="(error-\w+)"', response.text)) == places


@pytest.mark.parametrize(
    ("field", "value"), [("mode", "dance"), ("quality", "ultra"), ("aspect_ratio", "2:1")]
)
def test_a_wrong_choice_is_named(send, field, value):
    response = send(**{field: value})

    assert f"“{value}” is not one of these" in beside(response.text, field)


@pytest.mark.parametrize("field", ["reference_video", "source_image"])
@pytest.mark.parametrize(
    ("content", "words"), [(b"", "is empty."), (b"only text, whatever the name says " * 50, "is not a")]
)
def test_a_file_that_is_none_is_refused_beside_its_field(send, field, content, words):
    response = send(**{field: file(content)})

    assert response.status_code == 422
    assert words in beside(response.text, field)
    assert not Job.objects.exists()


def test_a_clip_cut_short_is_refused(send, clip_bytes):
    response = send(reference_video=file(clip_bytes[: len(clip_bytes) // 2]))

    assert "damaged or cut short" in beside(response.text, "reference_video")


def test_at_a_file_over_the_limit_what_came_before_it_stays_and_the_rest_is_proposed_anew(page, settings):
    settings.MAX_UPLOAD_BYTES = 1024 * 1024

    long = file(bytes(1024 * 1024 + 1), "long.mp4")
    response = page.post(NEW, {"mode": "photo_sing", "reference_video": long, "quality": "max"})

    assert response.status_code == 422
    assert "is larger than 1 MB" in beside(response.text, "reference_video")
    assert beside(response.text, "source_image") == ""
    assert beside(response.text, "consent") == ""
    assert 'value="photo_sing" checked' in response.text
    assert 'value="balanced" checked' in response.text
    assert not list(Path(settings.FILE_UPLOAD_TEMP_DIR).glob("*.upload*"))


def test_files_too_large_together_are_refused_on_a_page_in_words(send, settings):
    settings.MAX_UPLOAD_BYTES = 1024

    response = send(reference_video=file(bytes(2 * 1024 * 1024)), headers={"Accept": "text/html,*/*;q=0.8"})

    assert response.status_code == 413
    assert "<h1>The upload is too large.</h1>" in response.text


def test_a_form_field_that_is_none_of_ours_changes_nothing(send):
    response = send(**{"reference_video-clear": "on", "source_image-clear": "on"})

    assert response.status_code == 302


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.mp4", "passwd.mp4"),
        ("<img src=x onerror=alert(1)>.mp4", "&lt;img src=x onerror=alert(1)&gt;.mp4"),
        ("Ferien “am See” 🎬.mp4", "Ferien “am See” 🎬.mp4"),
        ("O'Hara's & sons.mp4", "O&#x27;Hara&#x27;s &amp; sons.mp4"),
    ],
)
def test_a_strange_name_is_shown_and_does_no_harm(send, page, clip_bytes, name, shown):
    send(reference_video=file(clip_bytes, name))
    html = page.get(Job.objects.get().get_absolute_url()).text

    assert shown in html
    assert "<img src=x" not in html
    assert ".." not in Job.objects.get().reference_video.file.name


def test_a_refused_file_with_a_strange_name_is_quoted_harmlessly(send):
    response = send(reference_video=file(b"text " * 50, "<b>bold</b> 'x'.mp4"))

    assert "<b>bold" not in response.text
    assert not Job.objects.exists()


def test_a_form_without_its_token_is_explained(alice, video_file, photo_file):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)

    response = strict.post(NEW, {"mode": "video_swap", "reference_video": video_file})

    assert response.status_code == 403
    assert "Open the page again" in response.text
    assert not Job.objects.exists()


def test_every_shape_can_be_chosen(page):
    html = page.get(NEW).text

    assert all(f'name="aspect_ratio" value="{value}"' in html for value in AspectRatio.values)


# --- The page like another job, and what it says of time


def test_again_begins_with_the_files_and_wishes_of_a_job_and_asks_for_consent_anew(page, job):
    faces = [{"target": {"time": 0.5, "box": [0.1, 0.1, 0.5, 0.5]}, "source": None}]
    Job.objects.update(faces=faces, quality="max", aspect_ratio="4:5", trim_start=0.25, trim_end=0.75)

    html = page.get(f"{NEW}?again={job.pk}").text

    assert f'name="reference_video_id" value="{job.reference_video_id}"' in html
    assert f'name="source_image_ids" value="{job.source_image_id}"' in html
    assert 'value="max" checked' in html
    assert 'value="4:5" checked' in html
    assert json.loads(unescape(re.search(r'name="faces" value="([^"]+)"', html)[1])) == faces
    assert re.search(r'name="trim_start" value="0.25"', html)
    assert not re.search(r'id="id_consent"[^>]* checked', html)
    assert Analysis.objects.count() == 2


def test_again_without_a_file_says_which_is_gone_and_forgets_who_was_in_it(page, job):
    Job.objects.update(faces=[{"target": {"time": 0.5, "box": [0, 0, 1, 1]}, "source": 0}], trim_start=0.25)
    job.reference_video.erase(now())

    html = page.get(f"{NEW}?again={job.pk}").text

    assert "“clip.mp4” of that job has been deleted" in html
    assert "reference_video_id" not in html
    assert f'value="{job.source_image_id}"' in html
    assert 'name="trim_start" value' not in html
    assert "target&quot;" not in html


@pytest.mark.parametrize("again", ["nonsense", str(UUID(int=1))])
def test_again_like_no_job_is_not_found(page, again):
    assert page.get(f"{NEW}?again={again}").status_code == 404


def test_again_is_for_the_owner(client, bob, job):
    client.force_login(bob)

    assert client.get(f"{NEW}?again={job.pk}").status_code == 404


def test_a_file_that_was_chosen_takes_the_place_of_the_kept_one(send, job):
    kept = {"reference_video_id": job.reference_video_id, "source_image_ids": [job.source_image_id]}
    faces = json.dumps([{"target": {"time": 0.5, "box": [0, 0, 1, 1]}, "source": 0}])

    assert send(**kept, faces=faces).status_code == 302

    new = Job.objects.exclude(pk=job.pk).get()
    assert new.reference_video != job.reference_video
    assert (new.source_image == job.source_image, new.more_photos.count(), new.faces) == (False, 0, [])


def test_kept_files_stay_when_the_form_comes_back(send, job):
    response = send(reference_video=None, reference_video_id=job.reference_video_id, consent=None)

    assert response.status_code == 422
    assert f'name="reference_video_id" value="{job.reference_video_id}"' in response.text


def test_another_persons_file_is_not_shown(send, bob, clip_bytes):
    theirs = keep(bob, "video", "secret.mp4", clip_bytes)

    response = send(reference_video=None, reference_video_id=theirs.pk)

    assert response.status_code == 422
    assert "secret.mp4" not in response.text


def test_a_wrong_part_is_said_beside_its_times(send):
    response = send(trim_start="5")

    assert "trim.start must be a second of the clip" in beside(response.text, "trim_start")


def test_the_preview_is_a_button_of_the_same_form(page):
    assert re.search(r'<button[^>]*name="preview_seconds" value="3"', page.get(NEW).text)


def test_how_many_files_and_jobs_there_are_costs_no_query(count_queries, done_job, photo_bytes):
    def one_more(number: int) -> None:
        photo = keep(done_job.owner, "image", f"{number}.jpg", photo_bytes)
        done_job.more_photos.create(number=number, asset=photo)
        Job.objects.get(pk=done_job.pk).again(consent_via="test")
        count_queries(again)  # asks for looks

    again = f"{NEW}?again={done_job.pk}"
    one_more(1)
    few, alone = count_queries(again), count_queries(NEW)
    for number in range(2, 5):
        one_more(number)

    assert count_queries(NEW) == alone <= 5
    assert count_queries(again) == few <= 9


def test_a_file_that_is_here_is_shown_as_one_that_was_sent(page, alice, bob, photo_bytes):
    photo, theirs = (keep(owner, "image", "face.jpg", photo_bytes) for owner in (alice, bob))

    html = page.get(reverse("jobs:file-card", args=[photo.pk])).text

    assert f'name="source_image_ids" value="{photo.pk}"' in html
    assert Analysis.objects.get().asset == photo
    assert page.get(reverse("jobs:file-card", args=[theirs.pk])).status_code == 404
