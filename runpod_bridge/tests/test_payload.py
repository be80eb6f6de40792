from __future__ import annotations

import hashlib
import hmac
import re

import pytest
from django.test import Client
from django.utils.timezone import now

from assets.models import Asset
from runpod_bridge.payload import payload_for
from runpod_bridge.tests.conftest import PUBLIC
from worker.wire import Payload

pytestmark = pytest.mark.django_db


def test_a_worker_is_sent_exactly_what_the_contract_says(attempt, settings):
    sent = payload_for(attempt, PUBLIC).as_input()

    output_target, reference, face = sent.pop("output_target"), *sent["assets"].values()
    assert sent == {
        "job_id": str(attempt.job_id),
        "mode": "video_swap",
        "quality": "balanced",
        "enable_4k": False,
        "aspect_ratio": "9:16",
        "assets": {"reference_video_url": reference, "source_image_url": face},
        "callback": {
            "url": f"{PUBLIC}/v1/runpod/callback",
            "secret": hmac.new(
                settings.CALLBACK_SECRET.encode(), f"callback:{attempt.pk}".encode(), hashlib.sha256
            ).hexdigest(),
        },
        "attempt": 1,
        "schema_version": 1,
    }
    assert list(sent["assets"]) == ["reference_video_url", "source_image_url"]
    assert set(output_target) == {"upload_url", "output_url", "max_bytes"}
    for url in (reference, face, output_target["upload_url"], output_target["output_url"]):
        assert re.fullmatch(rf"{PUBLIC}/v1/assets/[\w.-]+", url)


def test_the_addresses_lead_to_the_files(attempt, clip_bytes, photo_bytes):
    sent = payload_for(attempt, "").as_input()

    for name, content in (("reference_video_url", clip_bytes), ("source_image_url", photo_bytes)):
        response = Client().get(sent["assets"][name])
        assert b"".join(response.streaming_content) == content


def test_a_sound_is_named_only_when_there_is_one(attempt, alice):
    assert "driving_audio_url" not in payload_for(attempt, PUBLIC).as_input()["assets"]

    attempt.job.driving_audio = Asset.objects.expect(owner=alice, kind="audio", name="song.wav")
    attempt.issue_tokens(now())
    sent = payload_for(attempt, PUBLIC).as_input()

    assert sent["assets"]["driving_audio_url"].startswith(f"{PUBLIC}/v1/assets/")


def test_workers_that_have_the_secret_already_are_sent_that(attempt, settings):
    settings.CALLBACK_SECRET_SHARED = True

    sent = payload_for(attempt, PUBLIC).as_input()

    assert sent["callback"]["secret"] == settings.CALLBACK_SECRET


def test_our_own_worker_understands_it(attempt):
    payload = payload_for(attempt, PUBLIC)

    assert Payload.from_input(payload.as_input()) == payload
