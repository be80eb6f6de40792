"""The pages of one job, and the fragments that keep them fresh: the templates that start with `_`."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.middleware import HtmxDetails

from jobs.errors import NotCancellable, NotRetryable
from jobs.findings import findings_of
from jobs.heartbeat import FRESH, WORKER_BEAT
from jobs.models import Heartbeat, Job, Stage
from jobs.sharing import DAYS
from jobs.sweep import HEALTH_EVERY
from jobs.turns import queue_position

# How often a page asks again, by how long its job has been open: (up to this age, seconds).
POLLING = [(timedelta(minutes=2), 2), (timedelta(minutes=15), 5)]
POLLING_OLD = 10
# With a provider that is asked about its health, a sign of life is as old as the last question.
WORKER_SILENT_AFTER = max(FRESH, 2 * HEALTH_EVERY)


class PageRequest(HttpRequest):
    """A request as the middleware has completed it."""

    htmx: HtmxDetails
    id: str


@require_safe
@never_cache
def detail(request: HttpRequest, job_id: UUID) -> HttpResponse:
    job, at = owned(request, job_id), now()
    prefetch_related_objects([job], "more_photos__asset")
    job.request_poll(at)
    return render(request, "jobs/detail.html", standing(job, at))


@require_safe
@never_cache
def status(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """How the job stands; and the rest of its page, if more than figures changed since it was seen."""
    job, at = owned(request, job_id), now()
    job.request_poll(at)
    context = standing(job, at)
    has_news = context["version"] != request.GET.get("seen")
    return render(request, "jobs/_status.html", {**context, "is_update": True, "has_news": has_news})


@require_POST
def retry(request: PageRequest, job_id: UUID) -> HttpResponse:
    try:
        owned(request, job_id).retry(reason=f"retried by {request.user}")
    except NotRetryable as refusal:
        messages.error(request, str(refusal))
    return after_act(request, job_id)


@require_POST
def cancel(request: PageRequest, job_id: UUID) -> HttpResponse:
    with suppress(NotCancellable):  # It ended while the page was open: the page shows how.
        owned(request, job_id).cancel(reason=f"cancelled by {request.user}")
    return after_act(request, job_id)


@require_POST
def whole(request: PageRequest, job_id: UUID) -> HttpResponse:
    """Make all of what a preview has shown a part of."""
    preview = get_object_or_404(Job.objects.owned_by(request.user), pk=job_id, preview_seconds__isnull=False)
    try:
        return redirect(preview.again(consent_via="after its preview", preview_seconds=None))
    except NotRetryable as refusal:
        messages.error(request, str(refusal))
        return redirect(preview)


@require_POST
def delete(request: HttpRequest, job_id: UUID) -> HttpResponse:
    job = owned(request, job_id)
    job.hide(reason=f"deleted by {request.user}", at=now())
    return redirect("jobs:list")


def owned(request: HttpRequest, job_id: UUID) -> Job:
    jobs = Job.objects.owned_by(request.user).with_parts().select_related("source_image__kept_face")
    return get_object_or_404(jobs, pk=job_id)


def after_act(request: PageRequest, job_id: UUID) -> HttpResponse:
    """Show the job as it is now, which is not always what was asked for."""
    if not request.htmx:
        return redirect("jobs:detail", job_id)
    context = standing(owned(request, job_id), now())
    return render(request, "jobs/_status.html", {**context, "is_update": True, "has_news": True})


def standing(job: Job, at: datetime) -> dict[str, Any]:
    """Everything that the page of a job shows. `version` changes when more than figures has changed."""
    events = list(job.events.all())
    is_waiting = job.is_open and job.stage == Stage.QUEUED
    return {
        "job": job,
        "events": events,
        "version": f"{events[-1].pk if events else 0}-{job.stage}",
        "stage": Stage(job.stage),
        "is_waiting": is_waiting,
        "no_worker": is_waiting and not Heartbeat.is_fresh(WORKER_BEAT, at, WORKER_SILENT_AFTER),
        "is_on_runpod": settings.COMPUTE_PROVIDER.endswith(".RunpodProvider"),
        "place": queue_position(job) if is_waiting else None,
        "findings": findings_of(job),
        "shares": job.shares.live(at) if job.status == Job.Status.DONE else [],
        "days": DAYS,
        "fps": job.latest and job.latest.fps(at),
        "seconds_left": job.latest and job.latest.eta_seconds(at),
        "every": polling_interval(at - job.queued_at),
    }


def polling_interval(age: timedelta) -> int:
    """Seconds between two questions: an old job changes slowly, or its page was forgotten."""
    return next((seconds for limit, seconds in POLLING if age < limit), POLLING_OLD)
