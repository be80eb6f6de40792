from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from jobs import consent
from jobs.models import ApiKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(alice) -> str:
    return ApiKey.objects.issue(owner=alice, name="test", accepted=consent.OPERATOR)[1]


def listing(client: Client, **headers) -> int:
    return client.get(
        "/v1/jobs", headers={name.replace("_", "-"): value for name, value in headers.items()}
    ).status_code


def test_a_key_lets_its_owner_in_and_its_use_is_noted(client, key):
    assert listing(client, Authorization=f"Bearer {key}") == 200
    assert ApiKey.objects.get().used_at


def test_a_key_is_kept_as_a_hash_only(key):
    row = ApiKey.objects.get()

    assert key.rpartition("_")[2] not in {str(value) for value in vars(row).values()}


@pytest.mark.parametrize(
    "change", [lambda k: k[:-1], lambda k: k + "x", lambda k: "fsk_", lambda k: "", lambda k: "é"]
)
def test_a_changed_key_lets_nobody_in(client, key, change):
    response = client.get(
        "/v1/jobs", headers={"Authorization": f"Bearer {change(key)}".encode().decode("latin-1")}
    )

    assert response.status_code == 401
    assert response.json()["code"] == "unauthorized"
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_revoked_key_lets_nobody_in(client, key):
    ApiKey.objects.get().revoke(now())

    assert listing(client, Authorization=f"Bearer {key}") == 401


def test_the_key_of_a_deactivated_user_lets_nobody_in(client, key, alice):
    alice.is_active = False
    alice.save()

    assert listing(client, Authorization=f"Bearer {key}") == 401


def test_nobody_is_let_in_without_anything(client):
    assert listing(client) == 401


def test_a_session_needs_the_csrf_token_to_change_anything(alice, job):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    response = client.post(f"/v1/jobs/{job.pk}/cancel")

    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert client.get(f"/v1/jobs/{job.pk}").status_code == 200


class TestOpenLocalMode:
    """Who is on this machine may come in, and nobody that a tunnel or a website brings."""

    @pytest.fixture(autouse=True)
    def opened(self, settings):
        settings.OPEN_LOCAL_MODE = True
        settings.CORS_ALLOWED_ORIGINS = ["http://localhost:5173"]

    def ask(self, host: str = "localhost:8000", peer: str = "127.0.0.1", **headers) -> int:
        client = Client(REMOTE_ADDR=peer)
        return client.get("/v1/jobs", headers={"Host": host, **headers}).status_code

    def test_this_machine_is_let_in(self, db):
        assert self.ask() == 200
        assert self.ask(host="127.0.0.1:8000", peer="::1") == 200

    def test_an_origin_on_the_list_is_let_in(self, db):
        assert self.ask(Origin="http://localhost:5173") == 200

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:5174"])
    def test_a_website_is_not(self, origin):
        assert self.ask(Origin=origin) == 401

    @pytest.mark.parametrize(
        "header", ["X-Forwarded-For", "Forwarded", "CF-Connecting-IP", "X-Real-IP", "Via"]
    )
    def test_a_tunnel_is_not(self, header):
        assert self.ask(**{header: "127.0.0.1"}) == 401

    def test_another_machine_is_not(self):
        assert self.ask(peer="192.168.1.7") == 401

    def test_another_host_name_is_not(self, settings):
        settings.ALLOWED_HOSTS = ["*"]

        assert self.ask(host="rebound.example") == 401

    def test_it_is_shut_by_default(self, settings):
        settings.OPEN_LOCAL_MODE = False

        assert self.ask() == 401


def test_a_key_that_was_used_a_moment_ago_is_not_written_again(client, key):
    listing(client, Authorization=f"Bearer {key}")
    ApiKey.objects.update(used_at=now() - timedelta(seconds=30))
    before = ApiKey.objects.get().used_at

    listing(client, Authorization=f"Bearer {key}")

    assert ApiKey.objects.get().used_at == before
