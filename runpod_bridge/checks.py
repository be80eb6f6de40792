"""Settings of this room that can be wrong, and what to do about them: `manage.py check`."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

RUNPOD = "runpod_bridge.runpod.RunpodProvider"
A_TUNNEL = "Set it to the https address of a tunnel or domain that leads here."


@register
def check_that_the_public_address_is_encrypted(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    url = settings.PUBLIC_BASE_URL
    if not url or urlsplit(url).scheme == "https" or is_loopback(url):
        return []
    sentence = f"PUBLIC_BASE_URL is {url!r}: workers would send and fetch everything unencrypted."
    return [Warning(sentence, hint=A_TUNNEL, id="runpod_bridge.W001")]


@register
def check_that_runpod_is_set_whole(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    missing = missing_for_runpod()
    if settings.COMPUTE_PROVIDER == RUNPOD and missing:
        are = "is" if len(missing) == 1 else "are"
        sentence = f"COMPUTE_PROVIDER is Runpod, but {' and '.join(missing)} {are} not set."
        return [Error(sentence, hint="Runpod needs both variables.", id="runpod_bridge.E002")]
    if len(missing) == 1:
        sentence = f"{missing[0]} is not set, so Runpod is not used, though half of what it needs is set."
        return [Warning(sentence, hint="Set both variables, or neither.", id="runpod_bridge.W002")]
    return []


@register
def check_that_open_local_mode_is_local(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not (settings.PUBLIC_BASE_URL and settings.OPEN_LOCAL_MODE):
        return []
    sentence = "OPEN_LOCAL_MODE is on while PUBLIC_BASE_URL lets others reach this service."
    hint = "Turn OPEN_LOCAL_MODE off and use keys: `manage.py createapikey USER`."
    return [Warning(sentence, hint=hint, id="runpod_bridge.W003")]


@register
def check_that_runpod_can_reach_us(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    url = settings.PUBLIC_BASE_URL
    if settings.COMPUTE_PROVIDER != RUNPOD:
        return []
    if not url:
        sentence = "Compute goes to Runpod, but PUBLIC_BASE_URL is not set: its workers could not reach us."
        return [Error(sentence, hint=A_TUNNEL, id="runpod_bridge.E001")]
    if is_loopback(url) and not is_loopback(settings.RUNPOD_API_BASE):
        sentence = f"PUBLIC_BASE_URL is {url!r}, which leads a worker at Runpod to itself."
        return [Warning(sentence, hint=A_TUNNEL, id="runpod_bridge.W004")]
    return []


def missing_for_runpod() -> list[str]:
    needed = ("RUNPOD_API_KEY", "RUNPOD_ENDPOINT_ID")
    return [name for name in needed if not getattr(settings, name)]


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
