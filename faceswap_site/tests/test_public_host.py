from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db
TUNNEL = {"Host": "tunnel.example"}


@pytest.fixture(autouse=True)
def tunnel(settings):
    settings.PUBLIC_BASE_URL, settings.PUBLIC_HOST = "https://tunnel.example", "tunnel.example"
    settings.ALLOWED_HOSTS = ["localhost", "tunnel.example"]


@pytest.mark.parametrize(
    "path", ["/", "/login/", "/admin/", "/v1/jobs", "/v1/docs", "/readyz", "/static/x.css"]
)
def test_people_find_nothing_on_the_tunnels_host(client, path):
    assert client.get(path, headers=TUNNEL).status_code == 404


def test_workers_are_answered_there(client):
    assert client.get("/healthz", headers=TUNNEL).status_code == 200
    assert client.get("/v1/assets/unknown", headers=TUNNEL).json()["detail"].startswith("This link")


def test_an_output_is_answered_there_with_its_token_only(client, job):
    path = f"/v1/jobs/{job.pk}/output"

    assert client.get(path, headers=TUNNEL).status_code == 404
    assert client.get(f"{path}?token=x", headers=TUNNEL).status_code == 401


def test_where_people_sign_in_there_too_everything_is_answered(client, settings):
    settings.SIGN_IN_HOSTS = ["tunnel.example"]

    assert client.get("/v1/jobs", headers=TUNNEL).status_code == 401
