"""Several photos, and who in the clip gets which."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.timezone import now

from assets.models import Asset
from jobs import retention
from jobs.deletion import delete_files
from jobs.errors import NotRetryable
from jobs.faces import MOST
from jobs.models import Job

pytestmark = pytest.mark.django_db
SOMEBODY = {"time": 0.2, "box": [0.1, 0.2, 0.5, 0.9]}


@pytest.fixture
def photos(photo_bytes):
    return lambda number: [SimpleUploadedFile(f"face{i}.jpg", photo_bytes) for i in range(number)]


@pytest.fixture
def post(api, video_file, photos):
    """Submit the clip with so many photos and these faces."""

    def send(faces="", *, number=2, **parts):
        text = faces if isinstance(faces, str) else json.dumps(faces)
        form = {"mode": "video_swap", "reference_video": video_file, "faces": text}
        return api.post("/v1/jobs", form | {"source_images": photos(number)} | parts)

    return send


@pytest.fixture
def couple(post) -> Job:
    faces = [{"target": SOMEBODY, "source": 1}, {"target": SOMEBODY | {"time": 0}, "source": None}]
    assert post(faces).status_code == 202
    return Job.objects.get()


def test_photos_keep_their_order_and_the_faces_what_was_said(couple, api):
    shown = api.get(f"/v1/jobs/{couple.pk}").json()["input_config"]

    assert [photo.name for photo in couple.photos] == ["face0.jpg", "face1.jpg"]
    assert [photo["name"] for photo in shown["source_images"]] == ["face0.jpg", "face1.jpg"]
    assert shown["faces"] == couple.faces
    assert [face["source"] for face in couple.faces] == [1, None]


def test_one_photo_may_come_in_the_list_too(post):
    assert post(number=1).status_code == 202
    assert Job.objects.get().source_image.name == "face0.jpg"


@pytest.mark.parametrize(
    "faces",
    [
        "no json",
        "[" * 5000,
        "{}",
        "[]",
        [5],
        [{"source": 0}],
        [{"target": SOMEBODY}],
        [{"target": SOMEBODY, "source": 2}],
        [{"target": SOMEBODY, "source": -1}],
        [{"target": SOMEBODY, "source": True}],
        [{"target": SOMEBODY, "source": 0.0}],
        [{"target": SOMEBODY | {"time": -1}, "source": 0}],
        [{"target": SOMEBODY | {"time": 9999}, "source": 0}],
        '[{"target": {"time": NaN, "box": [0, 0, 1, 1]}, "source": 0}]',
        [{"target": SOMEBODY | {"box": [0, 0, 1]}, "source": 0}],
        [{"target": SOMEBODY | {"box": [0.5, 0, 0.5, 1]}, "source": 0}],
        [{"target": SOMEBODY | {"box": [0, 0, 2, 1]}, "source": 0}],
        [{"target": SOMEBODY | {"box": "all"}, "source": 0}],
        [{"target": SOMEBODY, "source": 0}] * (MOST + 1),
    ],
)
def test_faces_that_make_no_sense_are_refused_and_leave_nothing(post, faces):
    answer = post(faces)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_choice")
    assert answer.json()["errors"][0]["field"] == "faces"
    assert not Job.objects.exists()
    assert not Asset.objects.filter(deleted_at=None).exists()


def test_both_ways_of_sending_a_photo_at_once_are_refused(post, photo_file):
    answer = post(source_image=photo_file)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "source_images")


def test_too_many_photos_are_refused(post):
    assert post(number=9).status_code == 422


def test_a_song_has_no_use_for_faces(post):
    answer = post([{"target": SOMEBODY, "source": 0}], mode="photo_sing")

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "faces")


def test_a_bad_photo_among_good_ones_is_named_by_its_field(post, photos):
    answer = post(source_images=[*photos(1), SimpleUploadedFile("notes.txt", b"no photo at all")])

    assert answer.json()["errors"][0]["field"] == "source_images"
    assert not Asset.objects.filter(deleted_at=None).exists()


def test_deleting_the_job_deletes_every_photo(couple):
    delete_files(couple, "by a test")

    assert all(asset.deleted_at for asset in Asset.objects.all())


def test_every_photo_is_kept_as_long_as_its_job_and_then_deleted(couple, settings):
    settings.RETENTION_DAYS = {"video": 0, "image": 1, "audio": 0, "output": 0}
    retention.clear(now() + timedelta(days=9))
    assert all(photo.is_available for photo in Job.objects.get().photos)

    couple.cancel("by a test")
    retention.clear(now() + timedelta(days=9))

    assert not any(photo.is_available for photo in Job.objects.get().photos)


def test_a_job_cannot_be_retried_without_one_of_its_photos(couple):
    couple.cancel("by a test")
    couple.photos[1].erase(couple.created_at)

    with pytest.raises(NotRetryable, match=r"face1\.jpg"):
        Job.objects.get().retry("by a test")
