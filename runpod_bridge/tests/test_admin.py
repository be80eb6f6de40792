from __future__ import annotations

import pytest
from django.test import Client

from runpod_bridge.models import WorkerToken

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(admin_user) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def test_the_operator_sees_when_a_worker_was_last_seen_and_what_it_is_at(taken, operator):
    page = operator.get("/admin/runpod_bridge/worker/").content.decode()

    assert "first" in page
    assert "127.0.0.1" in page
    assert str(taken) in page


def test_revoking_answers_for_each_token(token, operator, worker):
    revoked, _ = WorkerToken.objects.issue("old box")
    revoked.revoke(revoked.created_at)
    chosen = list(WorkerToken.objects.values_list("pk", flat=True))

    response = operator.post(
        "/admin/runpod_bridge/workertoken/", {"action": "revoke", "_selected_action": chosen}, follow=True
    )

    said = {str(message) for message in response.context["messages"]}
    assert said == {"Revoked gpu box: its workers are shut out.", "old box was revoked already."}
    assert worker.take().status_code == 401
