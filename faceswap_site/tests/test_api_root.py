"""What holds for every address of the API."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db
PAGE = "http://localhost:5173"


@pytest.mark.parametrize(
    ("method", "path"), [("patch", "/v1/jobs"), ("post", "/healthz"), ("delete", "/v1/runpod/callback")]
)
def test_a_wrong_method_is_a_problem_that_names_the_right_ones(client, method, path):
    response = getattr(client, method)(path)

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response["Allow"] in response.json()["detail"]


def test_a_page_of_a_listed_origin_may_call_the_api(client, settings):
    settings.CORS_ALLOWED_ORIGINS = [PAGE]
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }

    preflight = client.options("/v1/jobs", headers=asked)
    answer = client.get("/v1/jobs", headers={"Origin": PAGE})

    assert preflight["Access-Control-Allow-Origin"] == PAGE
    assert "authorization" in preflight["Access-Control-Allow-Headers"]
    assert answer["Access-Control-Allow-Origin"] == PAGE


@pytest.mark.parametrize(("origin", "path"), [("https://evil.example", "/v1/jobs"), (PAGE, "/login/")])
def test_another_origin_and_another_address_are_not_shared(client, settings, origin, path):
    settings.CORS_ALLOWED_ORIGINS = [PAGE]

    assert "Access-Control-Allow-Origin" not in client.get(path, headers={"Origin": origin})


def test_an_unforeseen_error_is_a_problem_without_its_details(api, job, monkeypatch):
    def fail(*args):
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr("jobs.api.job_out", fail)

    response = api.get(f"/v1/jobs/{job.pk}")

    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "swordfish" not in response.content.decode()


@pytest.mark.parametrize("name", ["x" * 65, "two words", "new\tline", "é"])
def test_a_request_id_that_is_none_is_replaced(client, name):
    response = client.get("/healthz", headers={"X-Request-ID": name})

    assert response["X-Request-ID"] != name
    assert len(response["X-Request-ID"]) == 32
