"""Files over the API: sent before there is a job, and who was seen in them."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.test import Client
from django.utils.timezone import now
from django_q.models import OrmQ

from assets import space
from assets.models import Asset
from jobs.analyses import Analysis
from jobs.models import Job
from jobs.tests.test_files import PEOPLE, PICTURE

pytestmark = pytest.mark.django_db


def looks_queued() -> int:
    return sum(row.func() == "jobs.looks.look" for row in OrmQ.objects.all())


@pytest.fixture
def ask(api):
    def of(asset: Asset) -> dict:
        return api.get(f"/v1/files/{asset.pk}").json()

    return of


def test_from_the_file_to_the_job(api, alice, video_file, photo_file):
    sent = api.post("/v1/files", {"reference_video": video_file})
    clip = sent.json()
    Analysis.objects.filter(asset_id=clip["id"]).update(done_at=now(), people=PEOPLE)

    look = api.get(sent["Location"]).json()["look"]
    target = {name: look["people"][1][name] for name in ("time", "box")}
    faces = f'[{{"target": {{"time": {target["time"]}, "box": {target["box"]}}}, "source": 0}}]'
    form = {
        "mode": "video_swap",
        "reference_video_id": clip["id"],
        "source_image": photo_file,
        "faces": faces,
    }
    answer = api.post("/v1/jobs", form)

    assert (sent.status_code, clip["kind"], clip["seconds"]) == (201, "video", pytest.approx(1, abs=0.1))
    assert clip["look"] == {"status": "queued", "people": [], "error": None}
    assert answer.status_code == 202, answer.json()
    job = Job.objects.get()
    assert (job.reference_video_id, job.owner) == (UUID(clip["id"]), alice)
    assert job.faces == [{"target": {"time": 0.0, "box": [0.5, 0.2, 0.7, 0.4]}, "source": 0}]


def test_the_people_of_a_video_are_told_without_their_pictures(api, ask, stored_asset):
    people = [{**person, "reason": "", "sentence": ""} for person in PEOPLE]  # as the look keeps them
    Analysis.objects.create(asset=stored_asset, done_at=now(), people=people)

    look = ask(stored_asset)["look"]

    assert (look["status"], look["error"]) == ("done", None)
    assert [(each["number"], each["time"], each["seen"]) for each in look["people"]] == [
        (1, 1.5, 0.5),
        (2, 0, 0.004),
    ]
    assert {each["sentence"] for each in look["people"]} == {None}
    assert PICTURE not in str(look)


def test_a_look_that_refuses_says_why_in_english(api, stored_asset):
    sentence = "No face was found in any of 24 pictures, taken from all through the video."
    Analysis.objects.create(
        asset=stored_asset, done_at=now(), error_code="no_face_in_video", error_message=sentence
    )

    look = api.get(f"/v1/files/{stored_asset.pk}", headers={"Accept-Language": "de"}).json()["look"]

    error = {"code": "no_face_in_video", "message": sentence}
    assert look == {"status": "failed", "people": [], "error": error}


def test_a_file_of_a_job_is_looked_at_once_when_it_is_asked_for(ask, job):
    assert looks_queued() == 0

    for _ in range(2):
        assert ask(job.source_image)["look"]["status"] == "queued"

    assert looks_queued() == 1


def test_a_result_has_no_look(ask, done_job):
    assert ask(done_job.output)["look"] is None
    assert looks_queued() == 0


def test_a_strangers_file_and_a_deleted_one_are_not_there(api, bob, client, stored_asset):
    client.force_login(bob)
    assert client.get(f"/v1/files/{stored_asset.pk}").status_code == 404
    assert client.get("/v1/files/none").status_code == 404
    assert looks_queued() == 0

    stored_asset.erase(now())
    assert api.get(f"/v1/files/{stored_asset.pk}").status_code == 404
    assert Client().get(f"/v1/files/{stored_asset.pk}").status_code == 401


def test_sending_is_refused_as_a_jobs_file_is(api, photo_file, settings):
    wrong = api.post("/v1/files", {"reference_video": photo_file})
    none = api.post("/v1/files", {})
    photo_file.seek(0)
    settings.MAX_UPLOAD_BYTES = 100
    large = api.post("/v1/files", {"source_image": photo_file})
    stranger = Client().post("/v1/files", {"source_image": photo_file})

    assert (wrong.status_code, wrong.json()["code"]) == (415, "unsupported_media")
    assert (none.status_code, none.json()["code"]) == (422, "missing_field")
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert stranger.status_code == 401
    assert not Asset.objects.exists()


def test_nothing_is_taken_without_room_for_the_file_and_its_copy(api, settings, monkeypatch, video_file):
    monkeypatch.setattr(space, "free_bytes", lambda: settings.MIN_FREE_BYTES + video_file.size * 3 // 2)

    answer = api.post("/v1/files", {"reference_video": video_file})

    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")


def test_a_file_costs_the_same_queries_however_many_are_seen(
    api, ask, stored_asset, django_assert_num_queries
):
    analysis = Analysis.objects.create(asset=stored_asset, done_at=now(), people=PEOPLE[:1])
    ask(stored_asset)  # notes that the key was used

    with django_assert_num_queries(2):
        ask(stored_asset)
    Analysis.objects.filter(pk=analysis.pk).update(people=PEOPLE * 6)
    with django_assert_num_queries(2):
        assert len(ask(stored_asset)["look"]["people"]) == 12
