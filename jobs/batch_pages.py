"""The pages of several jobs at once: asked for together, watched together, ended together."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assets.errors import Refusal
from assets.uploads import FILES_AT_ONCE, cut_off
from jobs import consent, face_library, files
from jobs.batch_form import FIELDS, JOBS_AT_ONCE, NewBatch
from jobs.batch_progress import progress_of
from jobs.batches import Batch
from jobs.errors import NotCancellable, NotRetryable
from jobs.forms import sent
from jobs.models import Job
from jobs.views import PageRequest, polling_interval

RETRYABLE = {Job.Status.FAILED, Job.Status.CANCELLED}


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def new(request: PageRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "batches/new.html", new_context(request, NewBatch()))
    data = sent(request, NewBatch)
    refusals = take_files(request, data)
    form = NewBatch(data, owner=request.user)
    for refusal in refusals:
        form.refuse(refusal)
    try:
        if form.is_valid():
            batch = form.submit(request_id=request.id)
            if names := ", ".join(f"“{asset.name}”" for asset in form.unused):
                words = gettext("Left out, for no face was found there: %(names)s.")
                messages.warning(request, words % {"names": names})
            return redirect(batch)
    except Refusal as refusal:
        form.refuse(refusal)
    return render(request, "batches/new.html", new_context(request, form), status=422)


def take_files(request: HttpRequest, data: QueryDict) -> list[Refusal]:
    """Keep the files that came with the form, and name them in its data; return what was refused.

    They are kept whatever else is wrong: nobody has to choose them once more.
    """
    refusals = []
    for field, file in files.sent(request, FIELDS)[:FILES_AT_ONCE]:
        try:
            data.appendlist(f"{field}_id", str(files.keep(field, file, owner=request.user).pk))
        except Refusal as refusal:
            refusals.append(refusal)
    if unread := cut_off(request):
        refusals.append(unread)
    return refusals


def new_context(request: HttpRequest, form: NewBatch) -> dict[str, Any]:
    return {
        "form": form,
        "clips": form.files_of["reference_video"],
        "photos": form.files_of["source_image"],
        "faces": face_library.usable(request),
        "statement": gettext(consent.STATEMENT),
        "max_bytes": settings.MAX_UPLOAD_BYTES,
        "files_most": FILES_AT_ONCE,
        "jobs_most": JOBS_AT_ONCE,
    }


@require_safe
@never_cache
def detail(request: HttpRequest, batch_id: UUID) -> HttpResponse:
    return render(request, "batches/detail.html", standing(owned(request, batch_id), now()))


@require_safe
@never_cache
def live(request: HttpRequest, batch_id: UUID) -> HttpResponse:
    """How the batch stands, and the cards of those jobs that were open when it was last asked."""
    context = standing(owned(request, batch_id), now())
    asked = set(request.GET.getlist("job"))
    changed = [job for job in context["jobs"] if str(job.pk) in asked]
    return render(request, "batches/_batch.html", {**context, "changed": changed, "is_update": True})


@require_POST
def cancel(request: HttpRequest, batch_id: UUID) -> HttpResponse:
    """Stop what is not done."""
    batch = owned(request, batch_id)
    for job in jobs_of(batch):
        with suppress(NotCancellable):  # It has ended, perhaps only just.
            job.cancel(reason=f"cancelled by {request.user}")
    return redirect(batch)


@require_POST
def retry(request: HttpRequest, batch_id: UUID) -> HttpResponse:
    """Try again those that have failed, or those that were cancelled."""
    batch, status = owned(request, batch_id), request.POST.get("status")
    if status not in RETRYABLE:
        raise Http404("Only failed and cancelled jobs can be tried again.")
    refused = 0
    for job in jobs_of(batch):
        try:
            if job.status == status:
                job.retry(reason=f"retried by {request.user}")
        except NotRetryable:
            refused += 1
    if refused:
        words = ngettext(
            "%(count)d job stays as it is: its files are gone.",
            "%(count)d jobs stay as they are: their files are gone.",
            refused,
        )
        messages.warning(request, words % {"count": refused})
    return redirect(batch)


@require_POST
def delete(request: HttpRequest, batch_id: UUID) -> HttpResponse:
    """Delete all its jobs; for a few seconds the library offers to take that back."""
    at = now()
    for job in jobs_of(owned(request, batch_id)):
        job.hide(reason=f"deleted by {request.user}", at=at)
    return redirect("jobs:list")


def owned(request: HttpRequest, batch_id: UUID) -> Batch:
    return get_object_or_404(Batch.objects.filter(owner_id=request.user.pk), pk=batch_id)


def jobs_of(batch: Batch) -> list[Job]:
    """Its jobs that have not been deleted, in the order in which they were asked for."""
    jobs = Job.objects.owned_by(batch.owner_id).filter(batch=batch)
    return list(jobs.with_parts().order_by("created_at", "id"))


def standing(batch: Batch, at: datetime) -> dict[str, Any]:
    jobs = jobs_of(batch)
    if not jobs:
        raise Http404("All jobs of it have been deleted.")
    still_open = [job for job in jobs if job.is_open]
    age = min((at - job.queued_at for job in still_open), default=timedelta())
    return {
        "batch": batch,
        "jobs": jobs,
        "open": still_open,
        "progress": progress_of(jobs, at),
        "every": polling_interval(age),
        "of_batch": True,
    }
