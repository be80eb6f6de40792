"""One `Idempotency-Key`, one job, whatever a client sends again."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.timezone import now

from assets.models import Asset
from jobs import idempotency
from jobs.idempotency import IdempotencyKey
from jobs.models import Job

pytestmark = pytest.mark.django_db
KEY = "order-4711"


@pytest.fixture
def send(api, clip_bytes, photo_bytes):
    """Send the same form, unless told otherwise."""

    def post(key: str | None = KEY, client: Client = api, photo: bytes = photo_bytes, **fields: str):
        form = {
            "mode": "video_swap",
            "reference_video": SimpleUploadedFile("clip.mp4", clip_bytes, "video/mp4"),
            "source_image": SimpleUploadedFile("face.jpg", photo, "image/jpeg"),
        }
        headers = {} if key is None else {"Idempotency-Key": key}
        return client.post("/v1/jobs", {**form, **fields}, headers=headers)

    return post


def test_the_same_request_again_gets_the_first_answer(send):
    first = send()
    Job.objects.update(status=Job.Status.FAILED)

    again = send()

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content
    assert again["Location"] == first["Location"]
    assert (again["Idempotency-Replayed"], "Idempotency-Replayed" in first) == ("true", False)
    assert Job.objects.count() == 1


def test_without_a_key_each_request_makes_a_job(send):
    send(key=None)
    send(key=None)

    assert Job.objects.count() == 2


@pytest.mark.parametrize("change", [{"quality": "max"}, {"source_image": ""}, {"photo": b"another"}])
def test_the_same_key_with_other_content_is_a_conflict(send, change):
    send()

    answer = send(**change)

    assert answer.status_code == 422
    assert Job.objects.count() == 1


def test_a_conflict_says_so(send):
    send()

    answer = send(quality="max").json()

    assert answer["code"] == "idempotency_conflict"
    assert KEY in answer["detail"]


def test_a_key_is_its_owners_alone(send, bob):
    from jobs import consent
    from jobs.models import ApiKey

    _, key = ApiKey.objects.issue(owner=bob, name="bob's", accepted=consent.OPERATOR)
    send()

    answer = send(client=Client(headers={"Authorization": f"Bearer {key}"}))

    assert "Idempotency-Replayed" not in answer
    assert Job.objects.count() == 2


def test_while_the_first_is_at_work_the_second_is_told_to_wait(send, alice, monkeypatch):
    IdempotencyKey.objects.claim(owner=alice, value=KEY, at=now())

    answer = send()

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert int(answer["Retry-After"]) > 0
    assert Job.objects.count() == 0


def test_a_request_that_was_killed_holds_its_key_for_the_length_of_a_lease(send, alice):
    killed = IdempotencyKey.objects.claim(owner=alice, value=KEY, at=now() - timedelta(seconds=10))
    assert send().status_code == 409

    IdempotencyKey.objects.filter(pk=killed.pk).update(lease_until=now())

    assert send().status_code == 202


def test_a_request_that_lost_its_lease_makes_no_second_job(send, alice, monkeypatch):
    """Its upload took longer than the lease; meanwhile another request took over."""
    other = uuid4()
    monkeypatch.setattr(
        "jobs.api.refuse_what_was_cut_off", lambda request: IdempotencyKey.objects.update(holder=other)
    )

    answer = send()

    assert answer.status_code == 409
    assert Job.objects.count() == 0
    assert [asset.is_available for asset in Asset.objects.all()] == [False, False]
    assert IdempotencyKey.objects.get().holder == other  # and not freed by us


def test_a_refused_request_frees_its_key(send):
    assert send(quality="best").status_code == 422
    assert not IdempotencyKey.objects.exists()

    assert send().status_code == 202


def test_a_request_that_fails_here_frees_its_key(send, monkeypatch):
    monkeypatch.setattr("jobs.api.submit", lambda **asked: 1 / 0)

    assert send().status_code == 500
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_of_no_or_too_many_characters_is_refused(send, key):
    answer = send(key=key)

    assert answer.status_code == 422
    assert "1 to 255" in answer.json()["detail"]
    assert Job.objects.count() == 0


def test_a_key_of_255_characters_is_taken(send):
    assert send(key="x" * 255).status_code == 202


def test_the_key_is_taken_before_the_body_is_read(send, alice, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "assets.uploads.HashingUploadHandler.new_file",
        lambda *args, **kwargs: (
            seen.append(IdempotencyKey.objects.filter(owner=alice, value=KEY).count()) or 1 / 0
        ),
    )

    send()

    assert seen == [1]


def test_a_stranger_takes_no_key(send):
    assert send(client=Client()).status_code == 401
    assert not IdempotencyKey.objects.exists()


def test_a_browser_session_may_use_one_too(send, alice):
    browser = Client()
    browser.force_login(alice)

    first, again = (send(client=browser, consent="true") for _ in range(2))

    assert again.content == first.content
    assert Job.objects.count() == 1


def test_another_csrf_token_is_no_other_content(rf):
    def form(token: str):
        return rf.post("/v1/jobs", {"mode": "video_swap", "csrfmiddlewaretoken": token})

    assert idempotency.fingerprint(form("a")) == idempotency.fingerprint(form("b"))
