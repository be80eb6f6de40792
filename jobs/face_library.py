"""The pages of the face library: photos that stay, to be named, used again, and let go."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assets.errors import Refusal
from jobs import files, looks, needs
from jobs.models import Job, KeptFace


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def overview(request: HttpRequest) -> HttpResponse:
    """All faces; and the way in for one more, whose look says later whether a job could use it."""
    refusal = add(request) if request.method == "POST" else None
    if request.method == "POST" and refusal is None and not is_fragment(request):
        return redirect("jobs:faces")
    template = "faces/_faces.html" if is_fragment(request) else "faces/overview.html"
    # 422 whatever was refused: of the others, htmx shows nothing.
    return render(request, template, {**shown(request), "refusal": refusal}, status=422 if refusal else 200)


def add(request: HttpRequest) -> Refusal | None:
    try:
        _, asset = files.keep_one(request, among=["source_image"], owner=request.user)
    except Refusal as refusal:
        return refusal
    KeptFace.objects.keep(asset)
    return None


@require_safe
@never_cache
def card(request: HttpRequest, face_id: int) -> HttpResponse:
    """One face, which asks for itself again while nobody has looked at it, ever more seldom."""
    return render(request, "faces/_face.html", with_pace(owned(request, face_id)))


def usable(request: HttpRequest) -> list[KeptFace]:
    """The faces that a job could use, for a form to offer."""
    return [
        face for face in KeptFace.objects.of(request.user) if face.asset.is_available and not face.refusal
    ]


@require_POST
def rename(request: HttpRequest, face_id: int) -> HttpResponse:
    face = owned(request, face_id)
    name = " ".join(request.POST.get("name", "").replace("\0", "").split())[:80]
    if name:
        KeptFace.objects.filter(pk=face.pk).update(name=name)
    else:
        messages.warning(request, gettext("A face needs a name; “%(name)s” keeps its own.") % {"name": face})
    return redirect("jobs:faces")


@require_POST
def remove(request: HttpRequest, face_id: int) -> HttpResponse:
    """Let a face go; its photo stays for as long as a job needs it."""
    face = owned(request, face_id)
    face.delete()
    needs.release(face.asset, now())
    messages.success(request, gettext("“%(name)s” is no longer in your face library.") % {"name": face})
    return redirect("jobs:faces")


@require_POST
def keep_of_job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Keep the photo of a job."""
    job = get_object_or_404(Job.objects.owned_by(request.user).select_related("source_image"), pk=job_id)
    try:
        KeptFace.objects.keep(job.source_image)
        looks.ask(job.source_image, now())
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return render(request, "jobs/_keep_face.html", {"job": job}) if is_fragment(request) else redirect(job)


def owned(request: HttpRequest, face_id: int) -> KeptFace:
    return get_object_or_404(KeptFace.objects.of(request.user), pk=face_id)


def shown(request: HttpRequest) -> dict[str, Any]:
    return {"faces": [with_pace(face) for face in KeptFace.objects.of(request.user)]}


def with_pace(face: KeptFace) -> dict[str, Any]:
    """A face, and in how many seconds its card asks for the look again; None when it need not."""
    return {"face": face, "every": None if face.is_looked_at else files.pace(face.asset.analysis)}


def is_fragment(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers
