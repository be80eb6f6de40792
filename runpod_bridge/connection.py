"""Can Runpod be used as it is set up? Each finding is a sentence, and whether all is well with it."""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jobs.compute import ProviderError
from jobs.sentences import told
from runpod_bridge.checks import RUNPOD, is_loopback, missing_for_runpod
from runpod_bridge.runpod import RunpodProvider


class Finding(NamedTuple):
    is_well: bool
    sentence: str


def findings() -> list[Finding]:
    """Look at the settings, and ask Runpod about the endpoint; nothing is sent that costs."""
    if missing := missing_for_runpod():
        said = ngettext(
            "%(names)s is not set, so the work is done by machines of your own.",
            "%(names)s are not set, so the work is done by machines of your own.",
            len(missing),
        )
        return [Finding(False, said % {"names": _(" and ").join(missing)})]
    return [_provider(), _address(), _endpoint()]


def _provider() -> Finding:
    if settings.COMPUTE_PROVIDER == RUNPOD:
        return Finding(True, _("Jobs go to Runpod."))
    said = _("COMPUTE_PROVIDER is %(provider)s, so jobs do not go to Runpod.")
    return Finding(False, said % {"provider": settings.COMPUTE_PROVIDER})


def _address() -> Finding:
    url = settings.PUBLIC_BASE_URL
    if not url:
        said = _("PUBLIC_BASE_URL is not set: Runpod’s workers could not fetch the files.")
        return Finding(False, said)
    if is_loopback(url) and not is_loopback(settings.RUNPOD_API_BASE):
        said = _("PUBLIC_BASE_URL is %(url)s, which leads a worker at Runpod to itself.")
        return Finding(False, said % {"url": url})
    said = _("Workers fetch files from %(url)s. Whether they reach it only a job shows.")
    return Finding(True, said % {"url": url})


def _endpoint() -> Finding:
    try:
        health = RunpodProvider().health()
    except ProviderError as exc:
        return Finding(False, told(str(exc)) or str(exc))
    if not health.workers:
        said = _("No worker takes them: look at the endpoint’s maximum.")
        return Finding(False, f"{health.detail} {said}")
    said = _("The key and the endpoint %(endpoint)s are right.") % {"endpoint": settings.RUNPOD_ENDPOINT_ID}
    return Finding(True, f"{said} {health.detail}")
