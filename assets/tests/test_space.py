"""Room on the disk, with a disk that says it is full; on a real one: jobs/tests/test_full_disk.py."""

from __future__ import annotations

import contextlib
import errno
import shutil
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.files.uploadhandler import StopUpload
from django.db import OperationalError
from django.utils.timezone import now

from assets import space
from assets.errors import StorageFull
from assets.models import Asset, Token
from assets.uploads import HashingUploadHandler, refused_upload
from jobs.models import Job

pytestmark = pytest.mark.django_db
MIB = 1024 * 1024
TEMPORARY_FILES = "django.core.files.uploadhandler.TemporaryFileUploadHandler"


@pytest.fixture
def disk(monkeypatch):
    """A disk with as much room as `disk.free` says."""
    disk = SimpleNamespace(free=settings.MIN_FREE_BYTES)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: disk)
    return disk


@pytest.fixture
def form(video_file, photo_file):
    return {"mode": "video_swap", "reference_video": video_file, "source_image": photo_file}


@pytest.fixture
def temp_files():
    before = set(settings.FILE_UPLOAD_TEMP_DIR.iterdir())
    return lambda: set(settings.FILE_UPLOAD_TEMP_DIR.iterdir()) - before


def refusal_of(response):
    return response.status_code, response.json()["code"]


def test_an_upload_is_refused_before_it_is_read(api, form, disk, monkeypatch):
    monkeypatch.setattr("assets.uploads.HashingUploadHandler.new_file", lambda *args: 1 / 0)

    response = api.post("/v1/jobs", form)

    assert refusal_of(response) == (507, "storage_full")
    assert "1 MB are needed and 512 MB are kept free" in response.json()["detail"]
    assert not Job.objects.exists()


def test_an_upload_needs_three_times_its_size(api, form, disk, clip_bytes):
    disk.free = settings.MIN_FREE_BYTES + 2 * len(clip_bytes)
    assert api.post("/v1/jobs", form).status_code == 507

    disk.free = settings.MIN_FREE_BYTES + MIB
    for file in (form["reference_video"], form["source_image"]):
        file.seek(0)
    assert api.post("/v1/jobs", form).status_code == 202


def test_a_person_reads_it_on_a_page(client, alice, form, disk):
    client.force_login(alice)

    response = client.post("/new/", form, headers={"Accept": "text/html"})

    assert response.status_code == 507
    assert b"512 MB are kept free" in response.content
    assert b"smaller files" not in response.content


def test_a_result_is_refused_before_it_is_read(client, stored_asset, disk):
    token = Token.objects.create(
        asset=stored_asset, purpose="upload", expires_at=now().replace(year=2100), max_bytes=MIB
    )

    response = client.put(token.path, b"video", content_type="video/mp4")

    assert refusal_of(response) == (507, "storage_full")


def test_a_small_message_needs_no_room(client, disk):
    disk.free = 0

    assert client.post("/v1/runpod/callback", {}, content_type="application/json").status_code == 401


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_while_a_form_comes(api, form, temp_files, monkeypatch, error):
    def fail(self, *args):
        raise OSError(error, "no room")

    monkeypatch.setattr(f"{TEMPORARY_FILES}.receive_data_chunk", fail)

    assert refusal_of(api.post("/v1/jobs", form)) == (507, "storage_full")
    assert not temp_files()
    assert not Job.objects.exists()


def test_a_small_rest_of_a_file_waits_in_no_buffer(rf):
    """It would find the disk full when the file is closed, where nobody listens."""
    request = rf.post("/v1/jobs")
    handler = HashingUploadHandler(request)
    handler.new_file("source_image", "face.jpg", "image/jpeg", None)
    with handler.file.file, open("/dev/full", "wb") as full:
        handler.file.file = full
        with pytest.raises(StopUpload):
            handler.receive_data_chunk(b"a few bytes", 0)
        with contextlib.suppress(OSError):
            full.close()

    assert refused_upload(request).code == "storage_full"


def test_a_person_whose_files_found_no_room_reads_it_beside_the_form(client, alice, form, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr("django.core.files.storage.FileSystemStorage._save", fail)
    client.force_login(alice)

    response = client.post("/new/", {**form, "consent": "on", "quality": "fast", "aspect_ratio": "original"})

    assert response.status_code == 422
    assert b"The disk ran full meanwhile" in response.content


def test_a_disk_that_fills_while_files_are_put_in_place(api, form, temp_files, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr("django.core.files.storage.FileSystemStorage._save", fail)

    assert refusal_of(api.post("/v1/jobs", form)) == (507, "storage_full")
    assert not any(asset.is_available for asset in Asset.objects.all())


def test_a_disk_that_fills_while_a_picture_is_made_clean(api, form, monkeypatch, tmp_path):
    """The probe's own process writes the copy and the thumbnails, here to a device that is always full."""
    monkeypatch.setattr("assets.uploads.temp_path", lambda suffix: "/dev/full")
    monkeypatch.setattr("assets.uploads.discard", lambda *paths: None)

    assert refusal_of(api.post("/v1/jobs", form)) == (507, "storage_full")
    assert not Asset.objects.exists()


def test_an_error_that_has_nothing_to_do_with_room_stays_what_it_is():
    with pytest.raises(PermissionError), space.full_disk_refused():
        raise PermissionError(errno.EACCES, "not yours")
    with pytest.raises(OperationalError), space.full_disk_refused():
        raise OperationalError("no such table")


def test_a_result_that_is_fetched_leaves_nothing_when_there_is_no_room(stored_asset, disk, temp_files):
    from assets.receiving import spooled

    disk.free = settings.MIN_FREE_BYTES + 2 * MIB

    def chunks():
        for _ in range(4):
            yield bytes(MIB)
            disk.free -= MIB

    with pytest.raises(StorageFull), spooled(chunks()) as keep:
        keep(stored_asset)
    assert not temp_files()


def test_a_misshapen_form_is_refused(api):
    response = api.post("/v1/jobs", b"no parts", content_type="multipart/form-data; boundary=")

    assert refusal_of(response) == (400, "invalid")


def test_the_readiness_page_says_when_room_is_short(client, disk):
    disk.free = MIB

    said = client.get("/readyz").json()["checks"]["storage"]

    assert said == "The disk has 1 MB left: 512 MB are kept free."


def test_the_file_that_was_cut_off_is_named(api, form, monkeypatch):
    def fail(self, *args):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(f"{TEMPORARY_FILES}.receive_data_chunk", fail)

    (error,) = api.post("/v1/jobs", form).json()["errors"]

    assert error["field"] == "reference_video"
