"""The page of a new job: proposed empty or like another job, taken in, or given back with what is wrong."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from assets.errors import Refusal
from assets.models import Asset
from assets.uploads import KINDS, cut_off
from jobs import as_code, consent, face_library, looks
from jobs.answers import absolute
from jobs.estimates import START_SECONDS, paces
from jobs.forms import NewJob, sent
from jobs.models import Job
from jobs.views import PageRequest

ID_FIELDS = {
    "reference_video": ["reference_video_id"],
    "source_image": ["source_image_id", "source_image_ids"],
    "driving_audio": ["driving_audio_id"],
}


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def new(request: PageRequest) -> HttpResponse:
    if request.method != "POST":
        form, gone = proposed(request)
        return render(request, "jobs/new.html", {**context_of(request, form), "gone": gone})
    form = NewJob(sent(request, NewJob), request.FILES)
    if job := submit(request, form):
        return HttpResponseClientRedirect(job.get_absolute_url()) if request.htmx else redirect(job)
    # With htmx only the sentences go back: the files that were chosen stay chosen.
    if request.htmx:
        return render(request, "jobs/_new_errors.html", {"form": form}, status=422)
    return render(request, "jobs/new.html", context_of(request, form), status=422)


@require_POST
@never_cache
def code(request: HttpRequest) -> HttpResponse:
    """What the form says now, as a call of the API; for what is still missing it has an example's name."""
    form = NewJob(request.POST)
    form.is_valid()
    address = absolute(request, "/v1/jobs")
    context = {"curl": as_code.curl(form, address), "python": as_code.python(form, address)}
    return render(request, "jobs/_code.html", context)


def submit(request: PageRequest, form: NewJob) -> Job | None:
    """Make the job, or leave in the form what stands in its way."""
    if refusal := cut_off(request):
        # What came after the file over the cap was not read: to speak of that would be wrong.
        form.errors.clear()
        form.refuse(refusal)
        return None
    if not form.is_valid():
        return None
    try:
        return form.submit(owner=request.user, request_id=request.id)
    except Refusal as refusal:
        form.refuse(refusal)
        return None


def proposed(request: HttpRequest) -> tuple[NewJob, list[Asset]]:
    """Return the form to begin with, and which files of it are gone.

    It is empty, or has the face `?face=` in it, or is like the job `?again=`.
    """
    if faces := request.GET.getlist("face"):
        return NewJob(initial={"source_image_ids": faces}), []
    if not (again := request.GET.get("again")):
        return NewJob(), []
    jobs = Job.objects.owned_by(request.user).with_parts().prefetch_related("more_photos__asset")
    job = get_object_or_404(jobs, pk=uuid_of(again))
    inputs = job.inputs
    gone = [asset for asset in inputs if not asset.is_available]
    for asset in Asset.objects.available().filter(pk__in=[each.pk for each in inputs], analysis=None):
        looks.ask(asset, now())
    wishes = ["mode", "quality", "aspect_ratio", "enable_4k", "trim_start", "trim_end"]
    initial: dict[str, Any] = {wish: getattr(job, wish) for wish in wishes}
    initial |= {"reference_video_id": job.reference_video_id, "driving_audio_id": job.driving_audio_id}
    initial["source_image_ids"] = [photo.pk for photo in job.photos]
    if gone:
        # Who gets which photo, and from when to when, was said of files that are no more.
        initial |= {"trim_start": None, "trim_end": None}
    elif job.faces:
        initial["faces"] = json.dumps(job.faces)
    return NewJob(initial=initial), gone


def uuid_of(text: object) -> UUID:
    try:
        return UUID(str(text))
    except ValueError:
        raise Http404(f"{text!r} is no job.") from None


def context_of(request: HttpRequest, form: NewJob) -> dict[str, Any]:
    measured = paces(request.user)
    pace = measured.get(form["mode"].value(), {}).get(form["quality"].value())
    return {
        "form": form,
        "card_url": reverse("jobs:file-card", args=[UUID(int=0)]).replace(str(UUID(int=0)), "ID"),
        "files": kept_files(request.user, form),
        "faces": face_library.usable(request),
        "statement": gettext(consent.STATEMENT),
        "paces": json.dumps(measured),
        "is_guess": pace is None or pace["is_guess"],
        "start_seconds": START_SECONDS,
        "max_bytes": settings.MAX_UPLOAD_BYTES,
        "max_minutes": settings.MAX_VIDEO_SECONDS / 60,
    }


def kept_files(owner: Any, form: NewJob) -> dict[str, list[Asset]]:
    """Return the files that the form names by id, by the field that they are for."""
    named = {
        field: [key for name in names for key in ids_in(form, name)] for field, names in ID_FIELDS.items()
    }
    wanted = [key for keys in named.values() for key in keys]
    mine = Asset.objects.owned_by(owner).available().in_bulk(wanted) if wanted else {}
    return {
        field: [mine[key] for key in keys if key in mine and mine[key].kind == KINDS[field]]
        for field, keys in named.items()
    }


def ids_in(form: NewJob, name: str) -> list[UUID]:
    value = form[name].value()
    found = []
    for each in value if isinstance(value, list) else [value]:
        try:
            found.append(UUID(str(each)))
        except ValueError:
            continue
    return found
