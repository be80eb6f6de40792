"""Can Runpod be used as it is set up? Each finding is a sentence, and whether all is well with it."""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings

from jobs.compute import ProviderError
from runpod_bridge.checks import RUNPOD, is_loopback, missing_for_runpod
from runpod_bridge.runpod import RunpodProvider


class Finding(NamedTuple):
    is_well: bool
    sentence: str


def findings() -> list[Finding]:
    """Look at the settings, and ask Runpod about the endpoint; nothing is sent that costs."""
    if missing := missing_for_runpod():
        names = " and ".join(missing)
        return [Finding(False, f"{names} is not set, so the work is done by the machines below.")]
    return [_provider(), _address(), _endpoint()]


def _provider() -> Finding:
    if settings.COMPUTE_PROVIDER == RUNPOD:
        return Finding(True, "Jobs go to Runpod.")
    return Finding(False, f"COMPUTE_PROVIDER is {settings.COMPUTE_PROVIDER}, so jobs do not go to Runpod.")


def _address() -> Finding:
    url = settings.PUBLIC_BASE_URL
    if not url:
        return Finding(False, "PUBLIC_BASE_URL is not set: Runpod’s workers could not fetch the files.")
    if is_loopback(url) and not is_loopback(settings.RUNPOD_API_BASE):
        return Finding(False, f"PUBLIC_BASE_URL is {url}, which leads a worker at Runpod to itself.")
    return Finding(True, f"Workers fetch files from {url}. Whether they reach it only a job shows.")


def _endpoint() -> Finding:
    try:
        health = RunpodProvider().health()
    except ProviderError as exc:
        return Finding(False, str(exc))
    if not health.workers:
        return Finding(False, f"{health.detail} No worker takes them: look at the endpoint’s maximum.")
    return Finding(True, f"The key and the endpoint {settings.RUNPOD_ENDPOINT_ID} are right. {health.detail}")
