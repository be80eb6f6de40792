"""Jobs made of files that are here already: one's own, of the right kind, as often as one likes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils.timezone import now

from assets.errors import NotFound
from assets.models import Asset
from conftest import keep
from jobs import retention
from jobs.models import Job, KeptFace
from jobs.submission import submit

pytestmark = pytest.mark.django_db
JOBS = "/v1/jobs"


@pytest.fixture
def clip(stored_asset) -> Asset:
    return stored_asset


@pytest.fixture
def photo(alice, photo_bytes) -> Asset:
    return keep(alice, "image", "face.jpg", photo_bytes)


@pytest.fixture
def asked(clip, photo) -> dict[str, str]:
    return {"mode": "video_swap", "reference_video_id": str(clip.pk), "source_image_id": str(photo.pk)}


def test_a_job_of_kept_files_takes_no_copy(api, asked, clip, photo):
    answer = api.post(JOBS, asked)

    job = Job.objects.get()
    assert answer.status_code == 202
    assert (job.reference_video, job.source_image) == (clip, photo)
    assert Asset.objects.count() == 2


def test_what_is_here_and_what_is_sent_go_together(api, asked, clip, photo, photo_file):
    del asked["source_image_id"]

    answer = api.post(JOBS, asked | {"source_images": photo_file, "source_image_ids": [photo.pk, photo.pk]})

    assert answer.status_code == 202
    sent, *named = Job.objects.get().photos
    assert named == [photo, photo]
    assert sent not in (photo, clip)


def test_a_song_of_kept_files(api, alice, photo, sound_bytes):
    song = keep(alice, "audio", "song.wav", sound_bytes)

    answer = api.post(JOBS, {"mode": "photo_sing", "source_image_id": photo.pk, "driving_audio_id": song.pk})

    assert answer.status_code == 202
    assert Job.objects.get().driving_audio == song


def refusal(answer) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["code"], body["errors"][0]["field"]


def test_a_strangers_file_is_not_found(api, bob, asked, photo_bytes):
    theirs = keep(bob, "image", "face.jpg", photo_bytes)

    answer = api.post(JOBS, asked | {"source_image_id": theirs.pk})

    assert refusal(answer) == (404, "not_found", "source_image_id")
    assert str(theirs.pk) in answer.json()["detail"]
    assert not Job.objects.exists()


@pytest.mark.parametrize("field", ["reference_video_id", "source_image_id"])
def test_a_file_that_never_was_is_not_found(api, asked, field):
    assert refusal(api.post(JOBS, asked | {field: uuid4()})) == (404, "not_found", field)


def test_a_deleted_file_is_not_found(api, asked, photo):
    photo.erase(now())

    assert refusal(api.post(JOBS, asked)) == (404, "not_found", "source_image_id")


def test_a_file_of_another_kind_is_refused(api, asked, clip):
    answer = api.post(JOBS, asked | {"source_image_id": clip.pk})

    assert refusal(answer) == (422, "invalid_choice", "source_image_id")


@pytest.mark.parametrize("field", ["source_image_id", "source_image_ids"])
def test_what_is_no_id_is_refused_by_the_fields_name(api, asked, field):
    assert refusal(api.post(JOBS, asked | {field: "first"})) == (422, "invalid_choice", field)


def test_a_file_and_an_id_for_one_part_are_refused(api, asked, video_file):
    answer = api.post(JOBS, asked | {"reference_video": video_file})

    assert refusal(answer) == (422, "invalid_choice", "reference_video")
    assert Asset.objects.count() == 2


def test_a_refused_job_leaves_the_kept_files(api, asked, photo, video_file):
    del asked["reference_video_id"]

    answer = api.post(JOBS, asked | {"reference_video": video_file, "faces": "nonsense"})

    assert answer.status_code == 422
    assert Asset.objects.get(pk=photo.pk).is_available
    assert Asset.objects.available().count() == 2  # the other is the clip that was there before


def test_a_file_that_goes_while_others_are_proved_makes_no_job(alice, clip, photo):
    Asset.objects.filter(pk=photo.pk).update(deleted_at=now())

    with pytest.raises(NotFound, match=r"face\.jpg.* has been deleted"):
        submit(
            owner=alice,
            parts=[("reference_video", clip), ("source_image", photo)],
            consent="yes",
            consent_via="a test",
            mode="video_swap",
        )

    assert not Job.objects.exists()


def test_a_file_goes_with_the_last_job_that_needs_it(api, asked, photo):
    jobs = [api.post(JOBS, asked).json()["id"] for _ in range(2)]
    path = Path(photo.file.path)

    api.delete(f"{JOBS}/{jobs[0]}")
    assert path.exists()
    api.delete(f"{JOBS}/{jobs[1]}")
    assert not path.exists()


def test_the_answer_names_the_files_so_that_they_can_be_used_again(api, asked, photo):
    job = api.get(f"{JOBS}/{api.post(JOBS, asked).json()['id']}").json()

    assert job["input_config"]["source_image"]["id"] == str(photo.pk)


def test_a_face_of_the_library_stays_when_its_job_goes(api, alice, asked, photo):
    KeptFace.objects.create(owner=alice, asset=photo, name="Alice")

    api.delete(f"{JOBS}/{api.post(JOBS, asked).json()['id']}")

    assert Asset.objects.get(pk=photo.pk).is_available
    assert Path(photo.file.path).exists()


def test_a_face_of_the_library_stays_though_no_job_uses_it(alice, photo):
    KeptFace.objects.create(owner=alice, asset=photo, name="Alice")

    retention.clear(now() + timedelta(days=9999))

    assert Asset.objects.get(pk=photo.pk).is_available


def test_a_face_of_the_library_outlives_the_time_of_its_jobs_files(settings, job, alice):
    settings.RETENTION_DAYS = dict.fromkeys(settings.RETENTION_DAYS, 30)
    KeptFace.objects.create(owner=alice, asset=job.source_image, name="Alice")
    Job.objects.update(status=Job.Status.FAILED, finished_at=now())

    found = retention.clear(now() + timedelta(days=31))

    assert (found["video_files"], found["image_files"]) == (1, 0)
    assert not retention.expire_file(job.pk, job.source_image_id, now() + timedelta(days=31), days=30)
    assert Job.objects.get().source_image.is_available
