"""Each wrong input is a problem document with its own code and a sentence, and leaves nothing behind."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from assets.models import Asset
from jobs.models import Job

pytestmark = pytest.mark.django_db


def stored_files() -> list[Path]:
    return [path for path in Path(django_settings.MEDIA_ROOT).rglob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def nothing_stays_behind(db):
    before = set(stored_files())
    yield
    assert not Job.objects.exists()
    assert not Asset.objects.filter(deleted_at=None).exists()
    assert set(stored_files()) == before


def file(content: bytes, name: str = "clip.mp4") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


@pytest.fixture
def refused(api, video_file, photo_file):
    """Submit a good form with some parts replaced (None: left out) and return status and problem."""

    def submit(**parts):
        form = {"mode": "video_swap", "reference_video": video_file, "source_image": photo_file} | parts
        response = api.post("/v1/jobs", {name: part for name, part in form.items() if part is not None})
        assert response["Content-Type"] == "application/problem+json"
        problem = response.json()
        assert problem["detail"].endswith(".")
        return response.status_code, problem["code"], problem["errors"][0]["field"]

    return submit


def bomb() -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("field", ["mode", "reference_video", "source_image"])
def test_a_missing_part(refused, field):
    assert refused(**{field: None}) == (422, "missing_field", field)


def test_a_photo_with_nothing_to_sing(refused):
    assert refused(mode="photo_sing", reference_video=None) == (422, "missing_field", "driving_audio")


@pytest.mark.parametrize(
    ("field", "value"),
    [("mode", "dance"), ("quality", "ultra"), ("aspect_ratio", "2:1"), ("enable_4k", "perhaps")],
)
def test_a_wrong_choice(refused, field, value):
    assert refused(**{field: value}) == (422, "invalid_choice", field)


@pytest.mark.parametrize("field", ["reference_video", "source_image"])
def test_zero_bytes(refused, field):
    assert refused(**{field: file(b"")}) == (422, "empty_file", field)


@pytest.mark.parametrize(
    "content",
    [
        b"just a text that calls itself a film",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\nhttp://127.0.0.1/x.ts\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile other.mp4\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"RIFF\x00\x01\x00\x00AVI LIST" + bytes(100),
        b"\x47\x40\x00\x10" + bytes(184),
    ],
    ids=["text", "playlist", "concat", "session description", "picture", "avi", "transport stream"],
)
def test_something_else_called_mp4(refused, content):
    assert refused(reference_video=file(content)) == (415, "unsupported_media", "reference_video")


def test_a_truncated_video(refused, clip_bytes):
    cut = clip_bytes[: int(len(clip_bytes) * 0.6)]

    assert refused(reference_video=file(cut)) == (422, "unreadable_media", "reference_video")


def test_a_truncated_video_whose_index_comes_first(refused, faststart_bytes):
    cut = faststart_bytes[: int(len(faststart_bytes) * 0.6)]

    assert refused(reference_video=file(cut)) == (422, "unreadable_media", "reference_video")


def test_a_video_without_video(refused):
    speech = (django_settings.BASE_DIR / "worker" / "samples" / "speech.m4a").read_bytes()

    assert refused(reference_video=file(speech)) == (422, "unreadable_media", "reference_video")


def test_a_video_that_is_too_long(refused, settings):
    settings.MAX_VIDEO_SECONDS = 0.2

    assert refused() == (422, "too_long", "reference_video")


def test_a_video_with_too_many_pixels(refused, settings):
    settings.MAX_VIDEO_PIXELS = 100

    assert refused() == (422, "too_many_pixels", "reference_video")


def test_a_picture_bomb(refused):
    assert refused(source_image=file(bomb(), "face.png")) == (422, "too_many_pixels", "source_image")


def test_a_truncated_picture(refused, photo_bytes):
    cut = photo_bytes[: len(photo_bytes) // 2]

    assert refused(source_image=file(cut, "face.png")) == (422, "unreadable_media", "source_image")


def test_a_picture_of_another_kind(refused):
    assert refused(source_image=file(b"GIF89a" + bytes(50), "face.gif")) == (
        415,
        "unsupported_media",
        "source_image",
    )


def test_a_sound_that_is_none(refused):
    parts = {"mode": "photo_sing", "driving_audio": file(b"la la la", "song.mp3")}

    assert refused(**parts) == (415, "unsupported_media", "driving_audio")


def test_a_file_over_the_cap(refused, settings, clip_bytes):
    settings.MAX_UPLOAD_BYTES = len(clip_bytes) - 1

    assert refused() == (413, "too_large", "reference_video")


def test_a_body_over_the_cap_is_refused_by_its_length(api, settings):
    settings.MAX_UPLOAD_BYTES = 1000

    response = api.post("/v1/jobs", {"mode": "video_swap", "reference_video": file(bytes(2_000_000))})

    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_a_body_without_a_length(api):
    response = api.post("/v1/jobs", {"mode": "video_swap"}, CONTENT_LENGTH="")

    assert (response.status_code, response.json()["code"]) == (411, "no_length")


def test_a_strangers_upload_is_not_even_read(client, monkeypatch):
    def fail(*args):
        raise AssertionError("the body was read")

    monkeypatch.setattr("django.http.HttpRequest.parse_file_upload", fail)

    response = client.post("/v1/jobs", {"mode": "video_swap", "reference_video": file(b"anything")})

    assert response.status_code == 401
