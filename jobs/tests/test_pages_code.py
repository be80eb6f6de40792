"""The form of a new job as code: the call that is shown makes the job that the form would make."""

from __future__ import annotations

import json
import re
import shlex
from html import unescape
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from django.core.files.uploadedfile import SimpleUploadedFile

from conftest import keep
from jobs.models import Job

pytestmark = pytest.mark.django_db
CODE = "/new/code/"
PLAIN = {"mode": "video_swap", "quality": "balanced", "aspect_ratio": "original"}
COMPARED = [
    *("mode", "quality", "aspect_ratio", "enable_4k", "faces", "trim_start", "trim_end", "preview_seconds"),
    *("reference_video_id", "driving_audio_id"),
]

CASTING = [
    {"target": {"time": 0.5, "box": [0.1, 0.1, 0.4, 0.5]}, "source": 1},
    {"target": {"time": 0.5, "box": [0.5, 0.1, 0.9, 0.5]}, "source": None},
]
# What is said beside PLAIN; files by their names in `kept`.
FORMS = {
    "as proposed": {"reference_video_id": "clip", "source_image_ids": ["face"]},
    "all that can be said": {
        "reference_video_id": "clip",
        "source_image_ids": ["face", "other"],
        "quality": "max",
        "aspect_ratio": "9:16",
        "enable_4k": "on",
        "trim_start": "0.25",
        "trim_end": "0.75",
        "faces": json.dumps(CASTING),
    },
    "a photo that sings": {
        "mode": "photo_sing",
        "source_image_ids": ["face"],
        "driving_audio_id": "song",
        "reference_video_id": "clip",
        "quality": "fast",
        "trim_end": "0.5",
    },
}


@pytest.fixture
def kept(alice, clip_bytes, photo_bytes, sound_bytes):
    """The ids of alice's files."""
    files = {
        "clip": ("video", "clip.mp4", clip_bytes),
        "face": ("image", "face.jpg", photo_bytes),
        "other": ("image", "other.jpg", photo_bytes),
        "song": ("audio", "song.wav", sound_bytes),
    }
    return {name: str(keep(alice, *file).pk) for name, file in files.items()}


@pytest.fixture
def examples(tmp_path, monkeypatch, clip_bytes, photo_bytes, sound_bytes):
    """The files that the code names where none are chosen yet."""
    contents = {"clip.mp4": clip_bytes, "face.jpg": photo_bytes, "song.mp3": sound_bytes}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)


def shown(page, form) -> dict[str, str]:
    html = page.post(CODE, form).text
    return {
        name: unescape(text)
        for name, text in re.findall(r'<code id="code-(\w+)"[^>]*>(.*?)</code>', html, re.S)
    }


def file(name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, Path(name).read_bytes())


def run_curl(code: str, api) -> None:
    words = shlex.split(code.replace("\\\n", " "))
    assert (words[0], words[3]) == ("curl", "http://testserver/v1/jobs")
    assert words[words.index("-H") + 1] == "Authorization: Bearer $API_KEY"
    fields: dict[str, list] = {}
    for _, pair in filter(lambda two: two[0] == "-F", pairwise(words)):
        name, _, value = pair.partition("=")
        fields.setdefault(name, []).append(file(value[1:]) if value.startswith("@") else value)
    assert api.post("/v1/jobs", fields).status_code == 202


def run_python(code: str, api, monkeypatch) -> None:
    def post(address, *, headers, data, files=None):
        assert (address, headers) == ("http://testserver/v1/jobs", {"Authorization": "Bearer its key"})
        fields: dict[str, list] = {}
        for name, value in data:
            fields.setdefault(name, []).append(value)
        answer = api.post("/v1/jobs", {**fields, **(files or {})})
        assert answer.status_code == 202
        return SimpleNamespace(json=answer.json)

    monkeypatch.setenv("API_KEY", "its key")
    monkeypatch.setattr(requests, "post", post)
    exec(code, {})


@pytest.mark.parametrize("said", FORMS.values(), ids=FORMS)
def test_the_code_makes_the_job_that_the_form_makes(page, api, kept, monkeypatch, said):
    named = {
        name: [kept[each] for each in value] if isinstance(value, list) else kept.get(value, value)
        for name, value in said.items()
    }
    form = PLAIN | named
    page.post("/new/", form | {"consent": "on"})
    code = shown(page, form)

    run_curl(code["curl"], api)
    run_python(code["python"], api, monkeypatch)

    by_form, *by_code = [
        {field: getattr(job, field) for field in COMPARED} | {"photos": [photo.pk for photo in job.photos]}
        for job in Job.objects.order_by("created_at")
    ]
    assert by_code == [by_form, by_form]


@pytest.mark.parametrize(
    ("mode", "files"),
    [
        ("video_swap", {"reference_video": "clip.mp4", "source_image": "face.jpg"}),
        ("photo_sing", {"source_image": "face.jpg", "driving_audio": "song.mp3"}),
    ],
)
def test_what_is_not_chosen_yet_has_a_name_to_put_in(page, api, examples, monkeypatch, mode, files):
    code = shown(page, PLAIN | {"mode": mode})

    run_curl(code["curl"], api)
    run_python(code["python"], api, monkeypatch)

    for job in Job.objects.all():
        assert job.mode == mode
        assert {field: getattr(job, field).name for field in files} == files


def test_the_page_shows_no_key_and_asks_for_the_code_only_when_it_is_opened(page):
    html = page.get("/new/").text

    assert re.search(r'<details[^>]* hx-post="/new/code/" hx-trigger="toggle, follow', html)
    assert "fsk_" not in html + str(shown(page, PLAIN))


@pytest.mark.parametrize(
    "nonsense",
    [
        {"mode": "dance"},
        {"quality": ""},
        {"aspect_ratio": "\0"},
        {"faces": "\0"},
        {"trim_start": "nan"},
        {"trim_end": "x"},
        {"reference_video_id": "none"},
        {"source_image_ids": ["none", "\0"]},
    ],
    ids=repr,
)
def test_what_cannot_be_said_is_left_out(page, nonsense):
    code = shown(page, PLAIN | nonsense)

    (name,) = nonsense
    assert f"{name}=" not in code["curl"]
    assert name not in code["python"]
