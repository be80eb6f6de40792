"""What a person and the operator read of a fault."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from runpod_bridge.tests.scene import Scene

pytestmark = pytest.mark.django_db(transaction=True)


def page_of(scene: Scene) -> str:
    browser = Client()
    browser.force_login(scene.job.owner)
    return browser.get(reverse("jobs:detail", args=[scene.pk])).content.decode()


def test_a_crash_shows_its_sentence_to_the_person_and_its_traceback_to_the_admin_only(scene, admin_client):
    crash = {"error_message": "bad luck", "error_traceback": "Traceback (most recent call last)"}
    scene.dispatch()
    scene.fake.end("FAILED", error=json.dumps(crash))

    scene.let_it_end()

    page = page_of(scene)
    record = admin_client.get(reverse("admin:jobs_job_change", args=[scene.pk])).content.decode()
    assert "bad luck" in page
    assert "Traceback" not in page
    assert "Traceback (most recent call last)" in record


def test_a_job_that_no_worker_takes_says_so_until_one_does(scene):
    scene.is_idle = True
    scene.go_on(timedelta(minutes=3))
    lonely = page_of(scene)

    scene.fake.start()
    scene.go_on(timedelta(minutes=1))

    assert "The Runpod endpoint shows no worker." in lonely
    assert "no worker" not in page_of(scene)


def test_a_job_that_is_put_off_says_why(scene):
    scene.dispatch().failed("fetch_failed")

    assert "The last try failed: No luck." in page_of(scene)
