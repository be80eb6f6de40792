"""Links by which anybody may watch one result for a while: made, ended, and followed."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from assets.models import Asset
from assets.serving import gone_is_404, serve, serve_thumbnail
from jobs.models import Job, Share

DAYS = [1, 7, 30]


@require_POST
def share(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Make a link to a finished result, good for so many days."""
    job = get_object_or_404(Job.objects.owned_by(request.user), pk=job_id, status=Job.Status.DONE)
    days = request.POST.get("days", "")
    if days not in map(str, DAYS):
        raise Http404("A link is good for one of the offered times.")
    Share.objects.create(job=job, expires_at=now() + timedelta(days=int(days)))
    return after_act(request, job)


@require_POST
def end_share(request: HttpRequest, job_id: UUID, share_id: UUID) -> HttpResponse:
    job = get_object_or_404(Job.objects.owned_by(request.user), pk=job_id)
    job.shares.filter(pk=share_id, revoked_at=None).update(revoked_at=now())
    return after_act(request, job)


def after_act(request: HttpRequest, job: Job) -> HttpResponse:
    if "HX-Request" not in request.headers:
        return redirect(f"{job.get_absolute_url()}#share")
    return render(request, "jobs/_share.html", {"job": job, "shares": job.shares.live(now()), "days": DAYS})


@login_not_required
@require_safe
@never_cache
def watch(request: HttpRequest, value: str) -> HttpResponse:
    link = shared(value)
    return render(request, "shared.html", {"share": link, "output": result_of(link), "value": value})


@login_not_required
@require_safe
def video(request: HttpRequest, value: str) -> HttpResponseBase:
    link = shared(value)
    with gone_is_404():
        return serve(
            request,
            result_of(link),
            filename=f"{link.job.mode}-{link.job_id}.mp4",
            as_attachment="save" in request.GET,
        )


@login_not_required
@require_safe
def poster(request: HttpRequest, value: str) -> HttpResponseBase:
    with gone_is_404():
        return serve_thumbnail(result_of(shared(value)))


def shared(value: str) -> Share:
    """Return the live link of this value; a stranger is not told what is wrong with another."""
    link = Share.objects.live(now()).of_value(value)
    if link is None:
        raise Http404("This link is unknown, has expired or was ended.")
    return link


def result_of(link: Share) -> Asset:
    output = link.job.output
    if output is None or not output.is_available:
        raise Http404("The result has been deleted.")
    return output
