"""A part of the clip, and previews, as a client asks for them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from jobs.attempts import execution_timeout
from jobs.forms import NewJob
from jobs.models import Job
from jobs.trim import part_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(api, video_file, photo_file):
    """Submit the clip, which is a second long, with this trim."""

    def send(trim="", **fields):
        text = trim if isinstance(trim, str) else json.dumps(trim)
        form = {"mode": "video_swap", "reference_video": video_file, "source_image": photo_file}
        return api.post("/v1/jobs", form | {"trim": text} | fields)

    return send


@pytest.mark.parametrize(
    ("trim", "preview", "part"),
    [
        ({"start": 0.2, "end": 0.8}, {}, (0.2, 0.8)),
        ({"start": 0.2, "end": None}, {}, (0.2, None)),
        ({"end": 0.8}, {}, (0, 0.8)),
        ({"start": 0.8, "end": 1}, {}, (0.8, 1)),
        ({"start": 0, "end": 1.04}, {}, (0, 1.04)),
        ({}, {}, None),
        ("", {"preview_seconds": 10}, (0, 10)),
        ({"start": 0.5}, {"preview_seconds": 1}, (0.5, 1.5)),
        ({"start": 0.2, "end": 0.8}, {"preview_seconds": 1}, (0.2, 0.8)),
    ],
)
def test_the_part_is_kept_and_shown(post, api, trim, preview, part):
    response = post(trim, **preview)

    assert response.status_code == 202
    job = Job.objects.get()
    assert part_of(job) == part
    shown = api.get(f"/v1/jobs/{job.pk}").json()["input_config"]
    asked = {"start": None, "end": None} | (trim or {})
    assert shown["trim"] == (asked if trim else None)
    assert shown["preview_seconds"] == preview.get("preview_seconds")


@pytest.mark.parametrize(
    ("trim", "named"),
    [
        ("[1, 2]", "[1, 2]"),
        ("{", "'{'"),
        ("[" * 100_000, "[["),
        ({"start": -0.1}, "-0.1"),
        ({"start": "0.5"}, "'0.5'"),
        ({"start": True}, "True"),
        ('{"end": NaN}', "nan"),
        ('{"end": 1e999}', "inf"),
        ({"end": 1.1}, "1.1"),
        ({"start": 0.5, "end": 0.5}, "from 0.5 s to 0.5 s"),
        ({"start": 0.6, "end": 0.4}, "from 0.6 s to 0.4 s"),
        ({"start": 0.5, "end": 0.69}, "0.69 s"),
        ({"start": 0.9}, "0.9 s"),
    ],
)
def test_what_is_no_part_of_the_clip_is_refused_by_its_value(post, trim, named):
    response = post(trim)

    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "invalid_choice")
    assert named in problem["detail"]
    assert problem["errors"][0]["field"] == "trim"
    assert not Job.objects.exists()


@pytest.mark.parametrize("seconds", ["0", "11", "2.5", "-1", "long"])
def test_a_preview_is_of_one_to_ten_whole_seconds(post, seconds):
    response = post(preview_seconds=seconds)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_choice")
    assert repr(seconds) in response.json()["detail"]


def test_the_driving_sound_is_what_is_trimmed_where_there_is_one(post, sound_file):
    """Both are a second long, but only the video has pictures, and so a frame more."""
    assert post({"end": 1.04}, mode="photo_sing", driving_audio=sound_file).status_code == 202


def test_a_song_without_a_video_can_be_trimmed(api, photo_file, sound_file):
    form = {"mode": "photo_sing", "driving_audio": sound_file, "source_image": photo_file}

    assert api.post("/v1/jobs", form | {"trim": '{"start": 0.5}'}).status_code == 202
    assert part_of(Job.objects.get()) == (0.5, None)


def test_time_for_a_part_is_counted_by_the_part(job, settings):
    settings.EXECUTION_TIMEOUT_MIN, settings.SECONDS_PER_CLIP_SECOND = timedelta(0), 60
    times = {"whole": {}, "part": {"trim_start": 0.25, "trim_end": 0.75}, "rest": {"trim_start": 0.25}}
    times["preview"] = {"trim_start": 0.25, "trim_end": 0.5, "preview_seconds": 5}

    seconds = {}
    for name, columns in times.items():
        Job.objects.update(**{"trim_start": None, "trim_end": None, **columns})
        job.reference_video.seconds = 1.0
        fresh = Job.objects.get()
        fresh.reference_video = job.reference_video
        seconds[name] = execution_timeout(fresh).total_seconds()

    assert seconds == {"whole": 60, "part": 30, "rest": 45, "preview": 15}


def test_the_form_takes_them_too(page, video_file, photo_file):
    wishes = {"mode": "video_swap", "quality": "fast", "aspect_ratio": "original", "consent": "on"}
    times = {"trim_start": "0.2", "trim_end": "0.8", "preview_seconds": "3"}
    files = {"reference_video": video_file, "source_image": photo_file}

    assert page.post("/new/", wishes | times | files).status_code == 302

    job = Job.objects.get()
    assert (job.trim_start, job.trim_end, job.preview_seconds) == (0.2, 0.8, 3)


@pytest.mark.parametrize("field", ["trim_start", "trim_end", "preview_seconds"])
def test_the_form_refuses_what_is_no_number(field):
    form = NewJob({field: "soon"})

    assert field in form.errors
