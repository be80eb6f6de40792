"""The way in, the way out, and the pages for when something is wrong."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from faceswap_site import pages
from faceswap_site.setup import owner_token

pytestmark = pytest.mark.django_db
PASSWORD = "a long and uncommon password"


@pytest.fixture
def set_up(client):
    """Fill in the owner's form, with some fields replaced."""

    def post(token: str | None = None, **fields):
        form = {"username": "olivia", "password1": PASSWORD, "password2": PASSWORD} | fields
        return client.post(reverse("setup", args=[token or owner_token()]), form)

    return post


def test_the_link_makes_an_owner_and_signs_them_in(set_up, client, django_user_model):
    response = set_up()

    owner = django_user_model.objects.get()
    assert response["Location"] == "/"
    assert client.get("/").status_code == 200
    assert owner.is_superuser
    assert owner.is_staff
    assert owner.check_password(PASSWORD)


def test_the_link_serves_once(set_up, client, django_user_model):
    token = owner_token()
    set_up(token)

    assert set_up(token, username="mallory").status_code == 404
    assert client.get(reverse("setup", args=[token])).status_code == 404
    assert django_user_model.objects.count() == 1


def test_a_made_up_link_makes_nobody(set_up, django_user_model):
    assert set_up("owner.made.up").status_code == 404
    assert not django_user_model.objects.exists()


def test_of_two_who_follow_the_link_at_once_the_second_is_late(set_up, django_user_model, monkeypatch):
    def somebody_was_first():
        django_user_model.objects.create_superuser("first", password=PASSWORD)

    monkeypatch.setattr(pages, "queue_up", somebody_was_first)

    assert set_up().status_code == 404
    assert not django_user_model.objects.filter(username="olivia").exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "with spaces"}, "username"),
        ({"password2": "another one entirely"}, "password2"),
        ({"password1": "short", "password2": "short"}, "password2"),
        ({"password1": "password123", "password2": "password123"}, "password2"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(set_up, django_user_model, fields, field):
    response = set_up(**fields)

    assert response.status_code == 422
    assert re.search(rf'id="error-{field}"><p class="field-error">', response.text)
    assert re.findall(r'name="(\w+)"[^>]* autofocus', response.text) == [field]
    assert not django_user_model.objects.exists()


def test_signing_in_leads_back_to_where_one_wanted_to_go(client, alice):
    response = client.post("/login/?next=/new/", {"username": "alice", "password": "alice's long password"})

    assert response["Location"] == "/new/"


def test_signing_in_leads_nowhere_else(client, alice):
    response = client.post(
        "/login/", {"username": "alice", "password": "alice's long password", "next": "https://evil.example/"}
    )

    assert response["Location"] == "/"


def test_a_wrong_password_is_refused_and_the_name_kept(client, alice):
    response = client.post("/login/", {"username": "alice", "password": "wrong"})

    assert "do not belong together" in response.text
    assert 'value="alice"' in response.text
    assert re.findall(r'name="(\w+)"[^>]* autofocus', response.text) == ["password"]


def test_a_copy_without_an_owner_says_where_to_find_the_link(client):
    assert "one-time link that its console printed" in client.get("/login/").text


def test_a_copy_with_an_owner_says_nothing_of_it(client, alice):
    assert "one-time link" not in client.get("/login/").text


def test_a_fragment_whose_session_has_ended_has_its_page_loaded_anew(client):
    response = client.get("/live/", headers={"HX-Request": "true"}, follow=True)

    assert response["HX-Refresh"] == "true"


def test_signing_out(client, alice):
    client.force_login(alice)

    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/")["Location"].startswith("/login/")


def test_a_link_cannot_sign_anybody_out(client, alice):
    client.force_login(alice)

    assert client.get("/logout/").status_code == 405


def test_an_unknown_address_is_explained(client, alice):
    client.force_login(alice)
    response = client.get("/nowhere/")

    assert response.status_code == 404
    assert "There is nothing here" in response.text


def test_a_form_of_another_site_is_explained(alice):
    client = Client(enforce_csrf_checks=True)

    response = client.post("/login/", {"username": "alice"})

    assert response.status_code == 403
    assert "Open the page again" in response.text


def test_an_error_of_ours_is_a_page_in_words(client, alice, monkeypatch):
    client.force_login(alice)
    client.raise_request_exception = False
    monkeypatch.setattr("jobs.paging.page_of", lambda *args, **kwargs: 1 / 0)

    response = client.get("/")

    assert response.status_code == 500
    assert "Something went wrong here" in response.text
    assert "ZeroDivisionError" not in response.text


@pytest.mark.parametrize("address", ["/", "/new/", "/login/"])
def test_the_policy_forbids_what_the_pages_do_without(client, alice, address):
    if address != "/login/":
        client.force_login(alice)
    response = client.get(address)
    policy = response["Content-Security-Policy"]

    assert "unsafe" not in policy
    assert "default-src 'self'" in policy
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", response.text)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", response.text)
