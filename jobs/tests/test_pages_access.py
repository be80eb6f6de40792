"""Who may see and do what on the pages: the owner; everybody else finds nothing, or the way to sign in."""

from __future__ import annotations

import pytest
from django.urls import reverse

from jobs.deletion import delete_files
from jobs.models import Job

pytestmark = pytest.mark.django_db

OF_A_JOB = ["detail", "status"]
ACTS = ["retry", "cancel", "delete", "share", "whole"]
OF_AN_ASSET = ["file", "thumbnail"]


def addresses(job: Job) -> list[str]:
    return [
        reverse("jobs:list"),
        reverse("jobs:live"),
        reverse("jobs:new"),
        *(reverse(f"jobs:{name}", args=[job.pk]) for name in OF_A_JOB),
        *(reverse(f"jobs:{name}", args=[job.reference_video_id]) for name in OF_AN_ASSET),
    ]


def test_whoever_is_not_signed_in_is_asked_to(client, job):
    for address in addresses(job):
        response = client.get(address)

        assert response.status_code == 302, address
        assert response["Location"].startswith("/login/?next="), address


@pytest.mark.parametrize("act", ACTS)
def test_whoever_is_not_signed_in_changes_nothing(client, job, act):
    response = client.post(reverse(f"jobs:{act}", args=[job.pk]))

    assert response.status_code == 302
    assert Job.objects.get().status == Job.Status.QUEUED


@pytest.mark.parametrize("name", OF_A_JOB)
def test_a_stranger_finds_no_job(client, bob, job, name):
    client.force_login(bob)

    assert client.get(reverse(f"jobs:{name}", args=[job.pk])).status_code == 404


@pytest.mark.parametrize("act", ACTS)
def test_a_stranger_finds_nothing_to_act_on(client, bob, job, act):
    client.force_login(bob)

    assert client.post(reverse(f"jobs:{act}", args=[job.pk])).status_code == 404
    assert Job.objects.owned_by(job.owner).get().status == Job.Status.QUEUED


@pytest.mark.parametrize("name", OF_AN_ASSET)
def test_a_stranger_finds_no_file(client, bob, job, name):
    client.force_login(bob)

    assert client.get(reverse(f"jobs:{name}", args=[job.source_image_id])).status_code == 404


def test_a_stranger_does_not_see_the_job_in_the_library(client, bob, job):
    client.force_login(bob)

    assert job.name not in client.get(reverse("jobs:list")).text
    assert str(job.pk) not in client.get(reverse("jobs:live"), {"job": job.pk}).text


@pytest.mark.parametrize("act", ACTS)
def test_following_a_link_changes_nothing(page, job, act):
    assert page.get(reverse(f"jobs:{act}", args=[job.pk])).status_code == 405


def test_a_deleted_job_is_gone(page, job):
    delete_files(job, reason="deleted")

    for name in OF_A_JOB:
        assert page.get(reverse(f"jobs:{name}", args=[job.pk])).status_code == 404
    assert page.get(reverse("jobs:file", args=[job.source_image_id])).status_code == 404
