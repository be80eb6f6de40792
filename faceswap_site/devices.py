"""Where a person is signed in: the live sessions of one user, and how to end them.

Django's sessions do not say whose they are, so each is opened; there are as many as people are signed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.timezone import now
from django.utils.translation import gettext as _

ABOUT = "signed_in"  # the session's own note of when, and with what
AGENT_LENGTH = 300
# The first that stands in what a browser says of itself; most also name those that they resemble.
BROWSERS = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
    "curl/": "curl",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Mac OS X": "macOS",
    "Windows": "Windows",
    "Linux": "Linux",
}


@dataclass(frozen=True, kw_only=True)
class Device:
    """One session. `key` is its first characters: enough to name it, too few to use it."""

    key: str
    name: str
    since: datetime | None
    is_this: bool


@receiver(user_logged_in)
def note(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    agent = request.headers.get("User-Agent", "")[:AGENT_LENGTH]
    request.session[ABOUT] = {"at": now().isoformat(), "agent": agent}


def devices_of(request: HttpRequest) -> list[Device]:
    """Return the caller's sessions, this one first."""
    found = []
    for session, told in sessions_of(request.user.pk):
        about = told.get(ABOUT, {})
        since = datetime.fromisoformat(about["at"]) if about else None
        is_this = session.session_key == request.session.session_key
        name = name_of(about.get("agent", ""))
        found.append(Device(key=session.session_key[:8], name=name, since=since, is_this=is_this))
    return sorted(found, key=lambda device: not device.is_this)


def end(request: HttpRequest, key: str) -> bool:
    """End the session of that name, if it is the caller's and not this one; say whether it did."""
    for session, _told in sessions_of(request.user.pk):
        if session.session_key[:8] == key and session.session_key != request.session.session_key:
            session.delete()
            return True
    return False


def sessions_of(user_pk: object) -> Iterator[tuple[Session, dict[str, Any]]]:
    for session in Session.objects.filter(expire_date__gt=now()).iterator():
        told = session.get_decoded()
        if told.get(SESSION_KEY) == str(user_pk):
            yield session, told


def name_of(agent: str) -> str:
    """Say in words what a User-Agent is, as far as it can be told."""
    browser = next((name for mark, name in BROWSERS.items() if mark in agent), _("A browser"))
    system = next((name for mark, name in SYSTEMS.items() if mark in agent), "")
    return _("%(browser)s on %(system)s") % {"browser": browser, "system": system} if system else browser
