"""Several jobs at once: the form that makes them, the page that follows them, and what ends them."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils.timezone import now

from assets.models import Asset
from assets.uploads import bounds_of
from conftest import keep
from jobs import consent
from jobs.batch_form import NewBatch
from jobs.batch_progress import progress_of
from jobs.batches import Batch
from jobs.dispatch import dispatch
from jobs.models import Analysis, Attempt, Job

pytestmark = pytest.mark.django_db
NEW = reverse("jobs:new-batch")
WISHES = {"quality": "fast", "aspect_ratio": "1:1", "consent": "on"}


@pytest.fixture
def form(alice, clip_bytes, photo_bytes):
    """A form of alice's with so many clips and photos that are here."""

    def fill(clips: int, photos: int) -> dict:
        return WISHES | {
            "reference_video_id": [keep(alice, "video", f"{n}.mp4", clip_bytes).pk for n in range(clips)],
            "source_image_id": [keep(alice, "image", f"{n}.jpg", photo_bytes).pk for n in range(photos)],
        }

    return fill


@pytest.fixture
def batch(page, provider, form) -> Batch:
    """Two clips with one face, all waiting."""
    page.post(NEW, form(2, 1))
    return Batch.objects.get()


def of(batch: Batch, act: str = "batch") -> str:
    return reverse(f"jobs:{act}", args=[batch.pk])


def errors(html: str) -> list[str]:
    return re.findall(r'class="field-error"[^>]*>([^<]+)<', html)


def pairs() -> list[tuple[str, str]]:
    return list(Job.objects.order_by("created_at").values_list("reference_video__name", "source_image__name"))


@pytest.mark.parametrize(
    ("clips", "photos", "name"),
    [
        (3, 1, "0.jpg in 3 clips"),
        (1, 2, "2 faces in 0.mp4"),
        (2, 2, "2 faces in 2 clips"),
        (1, 1, "0.jpg in 0.mp4"),
    ],
)
def test_every_clip_gets_every_face(page, form, clips, photos, name):
    answer = page.post(NEW, form(clips, photos))

    batch = Batch.objects.get()
    assert (answer["Location"], batch.name) == (of(batch), name)
    assert pairs() == [(f"{clip}.mp4", f"{photo}.jpg") for clip in range(clips) for photo in range(photos)]
    jobs = Job.objects.filter(
        batch=batch, quality="fast", aspect_ratio="1:1", consent_wording=consent.STATEMENT
    )
    assert jobs.count() == clips * photos


def test_without_scripts_the_files_come_with_the_form(page, clip_bytes, photo_bytes):
    clips = [SimpleUploadedFile(f"{n}.mp4", clip_bytes, "video/mp4") for n in range(2)]

    page.post(
        NEW, WISHES | {"reference_video": clips, "source_image": [SimpleUploadedFile("f.jpg", photo_bytes)]}
    )

    assert pairs() == [("0.mp4", "f.jpg"), ("1.mp4", "f.jpg")]
    assert Analysis.objects.count() == 3


def test_files_that_came_stay_when_the_form_comes_back(page, video_file, photo_file):
    bad = SimpleUploadedFile("notes.mp4", b"This is no video.", "video/mp4")

    answer = page.post(NEW, {"quality": "fast", "aspect_ratio": "1:1", "reference_video": [bad, video_file]})

    clip = Asset.objects.get()
    assert answer.status_code == 422
    assert f'name="reference_video_id" value="{clip.pk}"' in answer.text
    assert any("notes.mp4" in error for error in errors(answer.text))
    assert "Choose at least one photo of a face." in errors(answer.text)
    assert any("Tick this box" in error for error in errors(answer.text))
    page.post(NEW, WISHES | {"reference_video_id": clip.pk, "source_image": photo_file})
    assert pairs() == [("clip.mp4", "face.jpg")]


def test_a_file_over_the_cap_is_told_and_makes_nothing(page, settings, video_file, photo_file):
    settings.MAX_UPLOAD_BYTES = 1000

    answer = page.post(NEW, {"reference_video": video_file, "source_image": photo_file} | WISHES)

    assert answer.status_code == 422
    assert '<option value="balanced" selected>' in answer.text
    assert any("is larger than" in error for error in errors(answer.text))
    assert not Batch.objects.exists()


@pytest.mark.parametrize(
    ("clips", "photos", "sentence"),
    [(20, 1, "There are 21 files; at most 20"), (9, 5, "9 clips with 5 faces make 45 videos; at most 40")],
)
def test_too_much_at_once_is_refused_with_the_figures(page, form, clips, photos, sentence):
    answer = page.post(NEW, form(clips, photos))

    assert answer.status_code == 422
    assert any(sentence in error for error in errors(answer.text))
    assert not Job.objects.exists()


def test_nothing_is_made_of_files_in_which_no_face_was_found(page, form):
    asked = form(2, 3)
    faceless = [asked["reference_video_id"][0], *asked["source_image_id"][1:]]
    for key, code in zip(faceless, ["no_face_in_video", "no_face_in_source", "look_failed"], strict=True):
        Analysis.objects.create(asset_id=key, done_at=now(), error_code=code)

    answer = page.post(NEW, asked, follow=True)

    assert pairs() == [("1.mp4", "0.jpg"), ("1.mp4", "2.jpg")]
    assert Batch.objects.get().name == "2 faces in 1.mp4"
    assert "Left out, for no face was found there: “0.mp4”, “1.jpg”." in answer.text


def test_where_no_photo_shows_a_face_another_is_asked_for(page, form):
    asked = form(1, 1)
    photo = Asset.objects.get(pk=asked["source_image_id"][0])
    Analysis.objects.create(asset=photo, done_at=now(), error_code="no_face_in_source")

    answer = page.post(NEW, asked)

    assert answer.status_code == 422
    assert errors(answer.text) == ["No face was found in these photos: choose another one."]
    assert f'name="source_image_id" value="{photo.pk}"' in answer.text
    assert not Batch.objects.exists()


@pytest.mark.parametrize("wrong", ["nonsense", uuid4(), "a stranger's", "a photo"])
def test_a_file_that_is_no_clip_of_ones_own_makes_nothing(page, bob, form, wrong):
    asked = form(1, 1)
    others = {
        "a stranger's": keep(bob, "video", "bob.mp4", b"any").pk,
        "a photo": asked["source_image_id"][0],
    }
    asked["reference_video_id"].append(others.get(wrong, wrong))

    answer = page.post(NEW, asked)

    assert answer.status_code == 422
    assert "A file is gone" in errors(answer.text)[0]
    assert "bob.mp4" not in answer.text
    assert not Job.objects.exists()


def test_the_same_file_twice_counts_once(page, form):
    asked = form(1, 1)
    asked["reference_video_id"] *= 2

    page.post(NEW, asked)

    assert len(pairs()) == 1


def test_all_jobs_are_made_or_none(page, alice, form, monkeypatch):
    asked = form(2, 1)
    found = NewBatch.clean

    def clean_and_lose_a_file(self):
        found(self)
        Asset.objects.get(name="1.mp4").erase(now())
        return self.cleaned_data

    monkeypatch.setattr(NewBatch, "clean", clean_and_lose_a_file)

    answer = page.post(NEW, asked)

    assert (answer.status_code, Job.objects.count(), Batch.objects.count()) == (422, 0, 0)
    assert "1.mp4" in errors(answer.text)[0]


def test_the_form_may_bring_as_many_files_as_it_takes(settings):
    assert bounds_of(NEW).limit() > 20 * settings.MAX_UPLOAD_BYTES
    assert bounds_of("/batches/").limit() < settings.MAX_UPLOAD_BYTES


def test_the_page_shows_one_line_of_progress_and_a_card_for_each(page, batch):
    first, second = Job.objects.order_by("created_at")
    dispatch(first.pk)
    Attempt.objects.update(stage="generating", percent=50)
    Job.objects.filter(pk=second.pk).update(status=Job.Status.FAILED)

    html = page.get(of(batch)).text

    assert len(re.findall('id="card-', html)) == 2
    assert re.search(r'id="batch-progress" max="100" value="75.0"', html)
    assert "0 of 2 done" in html
    assert "1 failed" in html
    assert f'hx-get="{of(batch, "batch-live")}?job={first.pk}"' in html


def test_news_are_the_figures_and_what_has_changed(page, batch):
    first, second = Job.objects.order_by("created_at")
    Job.objects.filter(pk=first.pk).update(status=Job.Status.FAILED)

    html = page.get(of(batch, "batch-live"), {"job": [first.pk, "nonsense"]}).text

    assert f'id="card-{first.pk}"' in html
    assert f"?job={second.pk}" in html
    assert f'id="state-{second.pk}"' not in html


def test_the_asking_slows_down_and_ends(page, batch):
    fresh = page.get(of(batch)).text
    Job.objects.update(queued_at=now() - timedelta(hours=1))
    old = page.get(of(batch)).text
    Job.objects.update(status=Job.Status.CANCELLED)

    assert "every 2s" in fresh
    assert "every 10s" in old
    assert "hx-trigger" not in page.get(of(batch)).text
    assert "hx-trigger" not in page.get(of(batch, "batch-live")).text


def test_the_time_left_goes_by_the_pace_of_what_is_done(batch, provider):
    at, jobs = now(), list(Job.objects.order_by("created_at"))
    for job in jobs:
        dispatch(job.pk)
    jobs = list(Job.objects.with_parts().order_by("created_at"))
    assert progress_of(jobs, at).seconds_left is None
    for job, length, percent in zip(jobs, (2.0, 8.0), (100, 50), strict=True):
        job.reference_video.seconds, job.latest.percent = length, percent
        job.latest.started_at = at - timedelta(seconds=20)
    jobs[0].status, jobs[0].finished_at = Job.Status.DONE, at - timedelta(seconds=10)

    # 10 s of work for 2 s of clip; half of 8 s are left, and one worker is at them.
    assert progress_of(jobs, at).seconds_left == pytest.approx(20)
    assert progress_of(jobs, at).percent == pytest.approx(75)
    # While none is done, the pace is that of what has begun: 20 s for 4 s.
    assert progress_of(jobs[1:], at).seconds_left == pytest.approx(20)


def test_the_rest_is_cancelled_and_what_has_ended_stays(page, batch):
    first = Job.objects.earliest("created_at")
    Job.objects.filter(pk=first.pk).update(status=Job.Status.DONE)

    page.post(of(batch, "cancel-batch"))

    assert [job.status for job in Job.objects.order_by("created_at")] == ["done", "cancelled"]


@pytest.mark.parametrize(
    ("status", "left"), [("failed", ["queued", "cancelled"]), ("cancelled", ["failed", "queued"])]
)
def test_the_failed_or_the_cancelled_are_tried_again(page, batch, status, left):
    first, second = Job.objects.order_by("created_at")
    Job.objects.filter(pk=first.pk).update(status=Job.Status.FAILED)
    Job.objects.filter(pk=second.pk).update(status=Job.Status.CANCELLED)

    page.post(of(batch, "retry-batch"), {"status": status})

    assert [job.status for job in Job.objects.order_by("created_at")] == left


def test_what_lost_its_files_is_not_tried_again(page, batch):
    Job.objects.update(status=Job.Status.FAILED)
    Asset.objects.get(name="0.mp4").erase(now())

    html = page.post(of(batch, "retry-batch"), {"status": "failed"}, follow=True).text

    assert "1 job stays as it is: its files are gone." in html
    assert Job.objects.filter(status=Job.Status.QUEUED).count() == 1


@pytest.mark.parametrize("status", ["", "done", "queued"])
def test_nothing_else_is_tried_again(page, batch, status):
    assert page.post(of(batch, "retry-batch"), {"status": status}).status_code == 404


def test_all_are_deleted_and_can_be_taken_back(page, batch):
    assert "2 jobs deleted" in page.post(of(batch, "delete-batch"), follow=True).text
    assert page.get(of(batch)).status_code == 404

    page.post(reverse("jobs:undo"))

    assert page.get(of(batch)).status_code == 200


def test_a_result_has_a_link_to_be_downloaded(page, done_job, alice):
    batch = Batch.objects.create(owner=alice, name="one")
    Job.objects.update(batch=batch)

    assert f'class="card-download" href="/v1/jobs/{done_job.pk}/output"' in page.get(of(batch)).text
    assert "card-download" not in page.get("/").text


def test_the_library_leads_to_the_batch(page, batch):
    assert page.get("/").text.count(f'href="{of(batch)}"') == 2
    assert f'href="{NEW}"' in page.get("/").text


@pytest.mark.parametrize("act", ["cancel-batch", "retry-batch", "delete-batch"])
def test_a_stranger_finds_no_batch(client, bob, batch, act):
    Job.objects.update(status=Job.Status.FAILED)
    client.force_login(bob)

    assert client.post(of(batch, act), {"status": "failed"}).status_code == 404
    assert client.get(of(batch)).status_code == client.get(of(batch, "batch-live")).status_code == 404
    assert Job.objects.filter(status=Job.Status.FAILED, hidden_at=None).count() == 2


@pytest.mark.parametrize("act", ["cancel-batch", "retry-batch", "delete-batch"])
def test_following_a_link_changes_nothing(page, batch, act):
    assert page.get(of(batch, act)).status_code == 405


def test_whoever_is_not_signed_in_is_asked_to(client, alice):
    batch = Batch.objects.create(owner=alice, name="any")

    for address in (NEW, of(batch), of(batch, "batch-live")):
        assert client.get(address)["Location"].startswith("/login/")


@pytest.mark.parametrize("act", ["batch", "batch-live"])
def test_many_jobs_take_as_many_queries_as_few(page, batch, form, count_queries, act):
    few = count_queries(of(batch, act))
    asked = form(8, 2)
    page.post(NEW, asked)
    many = Batch.objects.exclude(pk=batch.pk).get()

    assert many.jobs.count() == 16
    assert count_queries(of(many, act)) == few <= 5
