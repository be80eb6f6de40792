from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.timezone import now

from assets.models import Token
from jobs import consent, outcomes
from jobs.compute import Report, State
from jobs.models import ApiKey, Job
from runpod_bridge.models import WorkerToken

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client, admin_user):
    client.force_login(admin_user)
    return client


def act(operator, model: str, action: str, rows) -> list[str]:
    """Carry out an action on rows and return what the admin says of it."""
    form = {"action": action, "_selected_action": [row.pk for row in rows]}
    response = operator.post(reverse(f"admin:{model}_changelist"), form, follow=True)
    return [str(message) for message in response.context["messages"]]


def test_people_who_are_no_operators_see_nothing(client, alice, job):
    client.force_login(alice)

    assert client.get(reverse("admin:jobs_job_changelist")).status_code == 302


@pytest.mark.parametrize(
    "model",
    [
        *("jobs_job", "jobs_apikey", "jobs_heartbeat", "assets_asset", "assets_token"),
        *("runpod_bridge_workertoken", "runpod_bridge_worker"),
    ],
)
def test_every_list_and_its_search_opens(operator, attempt, api, model):
    WorkerToken.objects.issue("a box")

    response = operator.get(
        reverse(f"admin:{model}_changelist"), {"q": "x"} if "heartbeat" not in model else {}
    )

    assert response.status_code == 200


def test_jobs_without_an_error_can_be_chosen_by_a_name(operator, failed_job):
    failed_job.again(consent_via="test")

    html = operator.get(reverse("admin:jobs_job_changelist")).text

    assert '<a href="?error_code=">none</a>' in html


def test_a_job_shows_its_attempts_with_what_the_worker_printed_and_its_events(operator, attempt):
    failure = Report(
        state=State.FAILED,
        cause="callback",
        error_code="boom",
        error_message="It broke.",
        error_detail="Traceback!",
    )
    outcomes.apply(attempt, failure)

    page = operator.get(reverse("admin:jobs_job_change", args=[attempt.job_id])).content.decode()

    assert "Traceback!" in page
    assert "callback: It broke." in page
    assert attempt.external_id in page


def test_nothing_of_a_job_can_be_changed_by_hand(operator, job):
    operator.post(reverse("admin:jobs_job_change", args=[job.pk]), {"status": "done"})

    assert Job.objects.get().status == Job.Status.QUEUED


def test_retry_answers_for_every_row(operator, failed_job):
    done = Job.objects.create(owner=failed_job.owner, mode="video_swap", source_image=failed_job.source_image)
    Job.objects.filter(pk=done.pk).update(status=Job.Status.DONE)

    said = act(operator, "jobs_job", "retry", [failed_job, done])

    assert sorted(said) == sorted(
        [f"Queued {failed_job.pk}.", f"Job {done.pk} is done; only a failed or cancelled job can be retried."]
    )
    failed_job.refresh_from_db()
    assert failed_job.status == Job.Status.QUEUED
    assert "retried by admin in the admin" in failed_job.events.last().reason


def test_cancel_answers_for_every_row(operator, attempt):
    said = act(operator, "jobs_job", "cancel", [attempt.job])

    assert said == [f"Cancelled {attempt.job_id}."]
    assert Job.objects.get().status == Job.Status.CANCELLED


def test_a_key_can_be_revoked(operator, alice):
    key, _ = ApiKey.objects.issue(owner=alice, name="lost", accepted=consent.OPERATOR)

    assert act(operator, "jobs_apikey", "revoke", [key]) == [f"Revoked {key}."]
    assert act(operator, "jobs_apikey", "revoke", [key]) == [f"{key} was revoked before."]


def test_a_token_can_be_revoked(operator, stored_asset):
    token = Token.objects.create(
        asset=stored_asset, purpose=Token.Purpose.DOWNLOAD, expires_at=now() + timedelta(hours=1)
    )

    act(operator, "assets_token", "revoke", [token])

    assert operator.get(token.path).status_code == 404


def test_a_list_of_jobs_costs_the_same_number_of_queries_at_any_length(
    count_queries, client, admin_user, job
):
    client.force_login(admin_user)
    url = reverse("admin:jobs_job_changelist")
    few = count_queries(url)
    for _ in range(10):
        Job.objects.create(owner=job.owner, mode=job.mode, source_image=job.source_image)

    assert count_queries(url) == few
