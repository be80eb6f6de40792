"""A person's files on the pages: taken in as soon as they are chosen, looked at, shown, removed."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from assets import space
from assets.errors import InvalidChoice, MissingField, Refusal
from assets.models import Asset, AssetQuerySet
from assets.problems import problem
from assets.serving import SAFETY, gone_is_404, serve, serve_thumbnail
from assets.uploads import KINDS, HashedUpload, cut_off, take_in
from jobs import looks, needs
from jobs.analyses import Analysis

FIELDS = ("reference_video", "source_image", "driving_audio")
# How often a page asks how a look goes, by how long ago it was asked for: (up to this age, seconds).
POLLING = [(timedelta(seconds=15), 1), (timedelta(minutes=1), 3), (timedelta(minutes=5), 10)]


@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Keep the one file of the form and have it looked at: its id is what a job can be made of."""
    try:
        field, asset = keep_one(request, owner=request.user)
    except Refusal as refusal:
        return refused(request, refusal)
    if wants_html(request):
        return render(request, "jobs/_file.html", {"field": field, "asset": asset}, status=201)
    return JsonResponse(told(field, asset), status=201)


def keep_one(request: HttpRequest, among: Sequence[str] = FIELDS, *, owner: Any) -> tuple[str, Asset]:
    """Keep the one file that came in one of these fields, or raise a Refusal."""
    files = sent(request, among)
    if refusal := cut_off(request):
        raise refusal
    if not files:
        raise MissingField(_("A file is needed: send it as one of %(fields)s."), fields=", ".join(among))
    if len(files) > 1:
        said = _("There are %(count)d files; send one at a time.")
        raise InvalidChoice(said, count=len(files)).on(files[1][0])
    return files[0][0], keep(*files[0], owner=owner)


def sent(request: HttpRequest, among: Sequence[str]) -> list[tuple[str, HashedUpload]]:
    """The files of a form, each with its field."""
    return [(field, cast(HashedUpload, file)) for field in among for file in request.FILES.getlist(field)]


def keep(field: str, file: HashedUpload, *, owner: Any) -> Asset:
    """Keep a file of a form and have it looked at, or raise a Refusal."""
    with space.full_disk_refused():
        (asset,) = take_in([(field, file)], owner=owner)
    looks.ask(asset, now())
    return asset


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    if not wants_html(request):
        return problem(request, refusal)
    return render(request, "jobs/_file_refused.html", {"refusal": refusal}, status=refusal.status)


def wants_html(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers or "text/html" in request.headers.get("Accept", "")


def told(field: str, asset: Asset) -> dict[str, Any]:
    facts = ("name", "size", "content_type", "seconds", "width", "height", "fps", "has_sound")
    return {
        "id": str(asset.pk),
        "field": field,
        **{name: getattr(asset, name) for name in facts},
        "thumbnail_url": reverse("jobs:thumbnail", args=[asset.pk]) if asset.thumbnail else None,
        "look_url": reverse("jobs:look", args=[asset.pk]) if asset.kind in looks.KINDS else None,
        "remove_url": reverse("jobs:remove-file", args=[asset.pk]),
    }


@require_safe
@never_cache
def card(request: HttpRequest, asset_id: UUID) -> HttpResponse:
    """A file that is here already, as `upload` answers with one."""
    asset = get_object_or_404(mine(request).exclude(kind=Asset.Kind.OUTPUT), pk=asset_id)
    looks.ask(asset, now())
    field = next(field for field in FIELDS if KINDS[field] == asset.kind)
    return render(request, "jobs/_file.html", {"field": field, "asset": asset})


@require_safe
@never_cache
def look(request: HttpRequest, asset_id: UUID) -> HttpResponse:
    """What the look at a file has shown. The fragment asks again by itself until there is an answer."""
    asset = get_object_or_404(mine(request).select_related("analysis"), pk=asset_id)
    analysis = getattr(asset, "analysis", None)
    people = [shown(person) for person in analysis.people] if analysis else []
    context = {"asset": asset, "analysis": analysis, "people": people, "every": pace(analysis)}
    return render(request, "jobs/_look.html", context)


def pace(analysis: Analysis | None) -> int | None:
    """In how many seconds a page asks again how this look goes; None when it has asked for long enough."""
    age = now() - analysis.created_at if analysis else timedelta()
    return next((seconds for limit, seconds in POLLING if age < limit), None)


def shown(person: dict[str, Any]) -> dict[str, Any]:
    """A person of a look in the page's words; `target` is what the `faces` of a job say of whom they mean."""
    target = {name: person[name] for name in ("time", "box") if name in person}
    return {
        "target": json.dumps(target),
        "path": json.dumps(person.get("path", [])),
        "percent": max(1, round(100 * person.get("seen", 0))),
        "reason": person.get("reason", ""),
        "sentence": person.get("sentence", ""),
        "taken": person.get("taken"),
    }


@require_safe
def face(request: HttpRequest, asset_id: UUID, number: int) -> HttpResponse:
    """The small picture of person number so many, from 1 on."""
    analysis = get_object_or_404(Analysis, asset__in=mine(request).filter(pk=asset_id))
    try:
        person = analysis.people[:number][number - 1]
    except IndexError:
        raise Http404(f"Nobody of number {number} was seen.") from None
    # Kept by the browser: what was seen once does not change.
    headers = {**SAFETY, "Cache-Control": "private, max-age=86400"}
    return HttpResponse(b64decode(person["picture"]), content_type="image/jpeg", headers=headers)


@require_POST
def remove(request: HttpRequest, asset_id: UUID) -> HttpResponse:
    """Erase a file that no job needs; one that a job needs stays for that, and only leaves the form."""
    asset = get_object_or_404(mine(request).exclude(kind=Asset.Kind.OUTPUT), pk=asset_id)
    needs.release(asset, now())
    return HttpResponse() if wants_html(request) else HttpResponse(status=204)


@require_safe
def file(request: HttpRequest, asset_id: UUID) -> HttpResponseBase:
    asset = get_object_or_404(Asset.objects.owned_by(request.user), pk=asset_id)
    with gone_is_404():
        return serve(request, asset, filename=asset.name)


@require_safe
def thumbnail(request: HttpRequest, asset_id: UUID) -> HttpResponseBase:
    asset = get_object_or_404(Asset.objects.owned_by(request.user), pk=asset_id)
    with gone_is_404():
        return serve_thumbnail(asset)


def mine(request: HttpRequest) -> AssetQuerySet:
    return Asset.objects.owned_by(request.user).available()
