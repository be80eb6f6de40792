"""The first account: whoever can read the console makes it, over a link that serves once."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.signing import BadSignature, TimestampSigner
from django.urls import reverse

OWNER_LINK_TTL = timedelta(hours=24)
SIGNER = TimestampSigner(salt="faceswap_site.setup", sep=".")
SUBJECT = "owner"


def needs_owner() -> bool:
    """Can nobody sign in yet? Users whom `createapikey` made have no password and do not count."""
    users = get_user_model().objects.filter(is_active=True)
    return not users.exclude(password="").exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX).exists()


def owner_token() -> str:
    return SIGNER.sign(SUBJECT)


def check_owner_token(token: str) -> bool:
    """Does this token still let its bearer make the owner's account?"""
    try:
        return SIGNER.unsign(token, max_age=OWNER_LINK_TTL) == SUBJECT and needs_owner()
    except BadSignature:
        return False


def owner_link(base_url: str) -> str | None:
    """Return the link to print on the console, or None when somebody can sign in."""
    if not needs_owner():
        return None
    return base_url + reverse("setup", args=[owner_token()])
