"""Who forgot the password gets in again: by a link from the console, or by e-mail."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db
NEW = "a new and uncommon password"


def choose(client, link: str, password: str = NEW):
    """Follow the link as a browser does and choose the password."""
    page = client.get(urlsplit(link).path, follow=True)
    address = page.redirect_chain[-1][0] if page.redirect_chain else urlsplit(link).path
    return client.post(address, {"new_password1": password, "new_password2": password}, follow=True)


def printed(capsys, *command: str) -> str:
    call_command(*command)
    return capsys.readouterr().out.strip()


def test_the_consoles_link_works_once_and_signs_in(client, alice, capsys):
    link = printed(capsys, "passwordlink", "alice", "--server", "https://faces.example/")
    assert link.startswith("https://faces.example/")

    page = choose(client, link)

    assert "Your library is empty" in page.text
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert "has been used" in client.get(urlsplit(link).path, follow=True).text


def test_a_common_password_is_refused_beside_its_field(client, alice, capsys):
    page = choose(client, printed(capsys, "passwordlink", "alice"), "password")

    assert "too common" in page.text
    alice.refresh_from_db()
    assert not alice.check_password("password")


def test_nobody_has_no_link(db):
    with pytest.raises(CommandError, match="no user 'nobody'"):
        call_command("passwordlink", "nobody")


@pytest.fixture
def mail(settings, alice):
    settings.CAN_MAIL = True
    alice.email = "alice@example.org"
    alice.save()


def test_a_link_comes_by_e_mail(client, mail, alice, mailoutbox):
    page = client.post("/password/", {"email": "alice@example.org"}, follow=True)

    assert "a link is on its way" in page.text
    link = re.search(r"http\S+", mailoutbox[0].body)[0]
    choose(client, link)
    alice.refresh_from_db()
    assert alice.check_password(NEW)


def test_a_strangers_address_is_answered_alike(client, mail, mailoutbox):
    page = client.post("/password/", {"email": "eve@example.org"}, follow=True)

    assert "a link is on its way" in page.text
    assert mailoutbox == []


def test_without_a_mail_server_the_sign_in_names_the_command(client, settings, alice):
    settings.CAN_MAIL = False

    assert "manage.py passwordlink" in client.get("/login/").text
    assert client.get("/password/").status_code == 404
