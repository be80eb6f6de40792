from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.utils.timezone import now

from assets.models import Asset
from jobs import consent
from jobs.dispatch import dispatch
from jobs.models import ApiKey, Attempt, Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def done_job(job, clip_bytes) -> Job:
    output = Asset.objects.expect(owner=job.owner, kind=Asset.Kind.OUTPUT, name="result.mp4")
    output.keep(ContentFile(clip_bytes), size=len(clip_bytes), sha256="0" * 64)
    Job.objects.update(status=Job.Status.DONE, output=output)
    job.refresh_from_db()
    return job


def test_a_submitted_job_is_queued_and_says_where_it_is(api, video_file, photo_file):
    response = api.post(
        "/v1/jobs", {"mode": "video_swap", "reference_video": video_file, "source_image": photo_file}
    )

    job = Job.objects.get()
    assert response.status_code == 202
    assert response.json() == {"id": str(job.pk), "status": "queued", "stage": "queued"}
    assert response["Location"].endswith(f"/v1/jobs/{job.pk}")


def test_the_defaults_are_the_contracts(api, video_file, photo_file):
    api.post("/v1/jobs", {"mode": "video_swap", "reference_video": video_file, "source_image": photo_file})

    job = Job.objects.get()
    assert (job.quality, job.enable_4k, job.aspect_ratio) == ("balanced", False, "9:16")


def test_consent_is_recorded_with_the_job(api, alice, video_file, photo_file):
    api.post("/v1/jobs", {"mode": "video_swap", "reference_video": video_file, "source_image": photo_file})

    job = Job.objects.get()
    assert job.owner == alice
    assert job.consent_wording == consent.OPERATOR
    assert job.consent_via.startswith("key ")
    assert job.consent_at


def test_a_browser_session_must_consent(client, alice, video_file, photo_file):
    client.force_login(alice)
    form = {"mode": "video_swap", "reference_video": video_file, "source_image": photo_file}

    response = client.post("/v1/jobs", form)

    assert (response.status_code, response.json()["code"]) == (403, "consent_required")
    assert not Asset.objects.exists()


def test_the_request_id_goes_into_the_job_and_back(api, video_file, photo_file):
    response = api.post(
        "/v1/jobs",
        {"mode": "video_swap", "reference_video": video_file, "source_image": photo_file},
        headers={"X-Request-ID": "trace-7"},
    )

    assert response["X-Request-ID"] == "trace-7"
    assert Job.objects.get().request_id == "trace-7"


def test_a_job_has_every_field_of_the_contract(api, job):
    body = api.get(f"/v1/jobs/{job.pk}").json()

    assert set(body) == {
        *("id", "mode", "quality", "enable_4k", "aspect_ratio", "status", "stage", "progress", "created_at"),
        *(
            "updated_at",
            "started_at",
            "finished_at",
            "attempt",
            "request_id",
            "runpod_job_id",
            "error_message",
        ),
        *("error", "queue_position", "stage_timings", "input_config", "metrics", "output_url", "urls"),
    }
    assert set(body["progress"]) == {"percent", "frames_done", "frames_total", "eta_seconds"}
    assert set(body["metrics"]) == {
        *("queue_seconds", "run_seconds", "frames", "fps"),
        *("swapped", "missed", "identity", "flicker", "engine", "models"),
    }
    assert set(body["urls"]) == {"self", "output", "retry", "cancel"}
    assert body["output_url"] is None


def test_video_swap_says_that_it_ignores_a_driving_audio(api, video_file, photo_file, sound_file):
    files = {"reference_video": video_file, "source_image": photo_file, "driving_audio": sound_file}
    answer = api.post("/v1/jobs", {"mode": "video_swap", **files}).json()

    config = api.get(f"/v1/jobs/{answer['id']}").json()["input_config"]

    assert config["ignored"] == ["driving_audio"]
    assert "driving_audio" not in config
    assert not Asset.objects.filter(kind=Asset.Kind.AUDIO).exists()


def test_a_photo_may_sing_to_a_sound_without_a_video(api, photo_file, sound_file):
    response = api.post(
        "/v1/jobs", {"mode": "photo_sing", "source_image": photo_file, "driving_audio": sound_file}
    )

    assert response.status_code == 202


@pytest.mark.parametrize("path", ["", "/output", "/retry", "/cancel"])
def test_a_strangers_job_is_not_there(client, bob, job, path):
    _, key = ApiKey.objects.issue(owner=bob, name="bob's", accepted=consent.OPERATOR)
    send = client.get if path in ("", "/output") else client.post

    response = send(f"/v1/jobs/{job.pk}{path}", headers={"Authorization": f"Bearer {key}"})

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", [f"/v1/jobs/{uuid.UUID(int=7)}", "/v1/jobs/17", "/v1/nothing"])
def test_what_is_not_there_is_a_problem_document(api, path):
    response = api.get(path)

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


def test_jobs_are_listed_newest_first_in_pages(api, job, alice):
    for _ in range(4):
        Job.objects.create(owner=alice, mode=job.mode, source_image=job.source_image)

    first = api.get("/v1/jobs?limit=3").json()
    second = api.get(first["next"]).json()

    ids = [item["id"] for item in first["items"] + second["items"]]
    assert ids == [str(pk) for pk in Job.objects.order_by("-created_at").values_list("pk", flat=True)]
    assert second["next"] is None


def test_a_list_may_be_narrowed_to_a_status(api, job):
    assert api.get("/v1/jobs?status=done").json()["items"] == []
    assert len(api.get("/v1/jobs?status=queued").json()["items"]) == 1


@pytest.mark.parametrize("query", ["status=nonsense", "cursor=nonsense", "cursor=bm9uc2Vuc2U="])
def test_a_wrong_query_is_an_invalid_choice(api, query):
    response = api.get(f"/v1/jobs?{query}")

    assert (response.status_code, response.json()["code"]) == (422, "invalid_choice")


def test_a_list_costs_the_same_number_of_queries_at_any_length(api, job, alice, django_assert_num_queries):
    def places():
        return [item["queue_position"] for item in api.get("/v1/jobs").json()["items"]]

    places()  # notes that the key was used
    with django_assert_num_queries(4):
        assert places() == [None]
    dispatch(job.pk)
    for _ in range(10):
        dispatch(Job.objects.create(owner=alice, mode=job.mode, source_image=job.source_image).pk)
    with django_assert_num_queries(5):
        assert places() == list(range(11, 0, -1))


def test_a_job_that_waits_for_a_worker_says_its_place(api, job):
    dispatch(job.pk)
    assert api.get(f"/v1/jobs/{job.pk}").json()["queue_position"] == 1

    Job.objects.get().cancel("asked")
    assert api.get(f"/v1/jobs/{job.pk}").json()["queue_position"] is None


def test_a_job_that_is_not_open_cannot_be_cancelled(api, done_job):
    response = api.post(f"/v1/jobs/{done_job.pk}/cancel")

    assert (response.status_code, response.json()["code"]) == (409, "not_cancellable")


def test_a_done_job_cannot_be_retried(api, done_job):
    response = api.post(f"/v1/jobs/{done_job.pk}/retry")

    assert (response.status_code, response.json()["code"]) == (409, "not_retryable")


def test_the_figures_say_how_fast_the_frames_were_made(api, job, settings):
    began = now()
    attempt = Attempt.objects.begin(job, provider=settings.COMPUTE_PROVIDER, at=began)
    Attempt.objects.update(started_at=began, metrics={"frames": 180, "fps": 30})
    attempt.close(Attempt.Outcome.COMPLETED, began + timedelta(seconds=4))

    metrics = api.get(f"/v1/jobs/{job.pk}").json()["metrics"]

    assert (metrics["run_seconds"], metrics["frames"], metrics["fps"]) == (4, 180, 45)


def test_what_the_worker_measured_is_shown(api, job, settings):
    measured = {
        "frames": 25,
        "swapped": 25,
        "missed": [[0.5, 1.25]],
        "identity": [[0.0, 0.41]],
        "flicker": 1.1,
        "engine": "TrueFaceSwapVideo worker",
        "models": {"mesh_attention": "ab12"},
    }
    attempt = Attempt.objects.begin(job, provider=settings.COMPUTE_PROVIDER, at=now())
    Attempt.objects.update(started_at=now(), metrics=measured, frames_done=24, frames_total=25)
    attempt.close(Attempt.Outcome.COMPLETED, now())
    Job.objects.update(status=Job.Status.DONE)

    shown = api.get(f"/v1/jobs/{job.pk}").json()

    assert measured.items() <= shown["metrics"].items()
    assert (shown["progress"]["frames_done"], shown["progress"]["frames_total"]) == (25, 25)


def test_the_output_link_plays_without_a_key(api, client, done_job, clip_bytes):
    url = api.get(f"/v1/jobs/{done_job.pk}").json()["output_url"]

    response = client.get(url, headers={"Range": "bytes=0-9"})

    assert response.status_code == 206
    assert b"".join(response.streaming_content) == clip_bytes[:10]


def test_the_output_link_opens_no_other_job(api, client, done_job):
    token = api.get(f"/v1/jobs/{done_job.pk}").json()["output_url"].partition("token=")[2]
    other = Job.objects.create(owner=done_job.owner, mode=done_job.mode, source_image=done_job.source_image)

    assert client.get(f"/v1/jobs/{other.pk}/output?token={token}").status_code == 401


def test_the_output_link_ends_after_a_day(api, client, done_job, settings):
    url = api.get(f"/v1/jobs/{done_job.pk}").json()["output_url"]
    settings.OUTPUT_LINK_TTL *= 0

    assert client.get(url).status_code == 401


def test_an_unfinished_job_has_no_output(api, job):
    response = api.get(f"/v1/jobs/{job.pk}/output")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_deleting_erases_the_files_and_keeps_the_row(api, done_job):
    files = [asset.file for asset in Asset.objects.all()]

    assert api.delete(f"/v1/jobs/{done_job.pk}").status_code == 204

    assert api.get(f"/v1/jobs/{done_job.pk}").status_code == 404
    assert Job.objects.get(pk=done_job.pk).deleted_at
    assert not any(file.storage.exists(file.name) for file in files)


def test_deleting_an_open_job_cancels_it_first(api, job):
    api.delete(f"/v1/jobs/{job.pk}")

    assert Job.objects.get().status == Job.Status.CANCELLED


def test_the_schema_and_its_page_are_open(client, db):
    assert client.get("/v1/openapi.json").status_code == 200
    assert client.get("/v1/docs").status_code == 200
