"""The library: what a person made, found again, tidied up, and for a few seconds brought back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from assets.models import Asset
from jobs import paging
from jobs.errors import NotRetryable
from jobs.models import Job, JobQuerySet, Mode
from jobs.names import fold

STATES = {
    "open": (_("In the works"), Job.OPEN),
    "done": (_("Done"), {Job.Status.DONE}),
    "failed": (_("Failed"), {Job.Status.FAILED}),
    "cancelled": (_("Cancelled"), {Job.Status.CANCELLED}),
}


class Search(forms.Form):
    """What of the library is shown. What an address has no business saying counts as not said."""

    q = forms.CharField(max_length=200, required=False)
    state = forms.ChoiceField(
        choices=[(state, label) for state, (label, _) in STATES.items()], required=False
    )
    mode = forms.ChoiceField(choices=Mode.choices, required=False)

    @property
    def wishes(self) -> dict[str, str]:
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def among(self, jobs: JobQuerySet) -> JobQuerySet:
        wishes = self.wishes
        if state := wishes.get("state"):
            jobs = jobs.filter(status__in=STATES[state][1])
        if mode := wishes.get("mode"):
            jobs = jobs.filter(mode=mode)
        for word in set(fold(wishes.get("q", "")).split()):
            jobs = jobs.filter(names__contains=word)
        return jobs


@require_safe
@never_cache
def library(request: HttpRequest) -> HttpResponse:
    owned, search = Job.objects.owned_by(request.user), Search(request.GET)
    counts = dict(owned.order_by().values_list("status").annotate(count=Count("*")))
    page = paging.page_of(
        search.among(owned),
        before=request.GET.get("before", ""),
        after=request.GET.get("after", ""),
    )
    context = {
        "page": page,
        "jobs": page.jobs,
        "open": open_among(page.jobs),
        "wishes": search.wishes,
        "query": urlencode(search.wishes),
        "tabs": tabs(search.wishes, counts),
        "modes": Mode,
        "has_any": bool(counts),
        "hidden": Job.objects.restorable(request.user, now()).count(),
    }
    template = "jobs/_shelf.html" if request.headers.get("HX-Target") == "shelf" else "jobs/library.html"
    return render(request, template, context)


def tabs(wishes: dict[str, str], counts: dict[str, int]) -> list[dict[str, Any]]:
    """The states to choose from, each with how many jobs have it and the address that shows these."""
    others = {name: value for name, value in wishes.items() if name != "state"}
    choices = [
        ("", _("All"), set(Job.Status)),
        *((key, label, among) for key, (label, among) in STATES.items()),
    ]
    return [
        {
            "label": label,
            "count": sum(counts.get(status, 0) for status in among),
            "query": urlencode(others | ({"state": key} if key else {})),
            "is_chosen": wishes.get("state", "") == key,
        }
        for key, label, among in choices
    ]


@require_safe
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """How those jobs of the library stand that were open when it was last asked."""
    jobs = list(chosen(request, request.GET.getlist("job")).with_parts())
    return render(request, "jobs/_live.html", {"jobs": jobs, "open": open_among(jobs), "is_update": True})


@require_safe
def storage(request: HttpRequest) -> HttpResponse:
    """How much a person's files take up."""
    used = Asset.objects.owned_by(request.user).available().aggregate(bytes=Sum("size", default=0))
    return render(request, "jobs/_storage.html", used)


@require_POST
def delete_many(request: HttpRequest) -> HttpResponse:
    at = now()
    for job in chosen(request, request.POST.getlist("job")):
        job.hide(reason=f"deleted by {request.user}", at=at)
    return back(request)


@require_POST
def retry_many(request: HttpRequest) -> HttpResponse:
    jobs, refused = list(chosen(request, request.POST.getlist("job"))), 0
    for job in jobs:
        try:
            job.retry(reason=f"retried by {request.user}")
        except NotRetryable:
            refused += 1
    if retried := len(jobs) - refused:
        said = _("%(retried)d of the %(count)d chosen jobs will be tried again.")
        messages.success(request, said % {"retried": retried, "count": len(jobs)})
    if refused:
        said = _(
            "%(count)d stay as they are: only failed and cancelled jobs with their files can be retried."
        )
        messages.warning(request, said % {"count": refused})
    return back(request)


@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Bring back what was deleted within the last seconds."""
    at = now()
    restored = sum(job.restore(at) for job in Job.objects.restorable(request.user, at))
    if not restored:
        messages.warning(request, _("It is too late for that: the files are gone."))
    return back(request)


@require_safe
@never_cache
def undo_offer(request: HttpRequest) -> HttpResponse:
    return render(request, "jobs/_undo.html", {"hidden": Job.objects.restorable(request.user, now()).count()})


def chosen(request: HttpRequest, keys: list[str]) -> JobQuerySet:
    try:
        return Job.objects.owned_by(request.user).filter(pk__in=keys[: paging.SIZE])
    except ValidationError:
        raise Http404("One of these is no id of a job.") from None


def back(request: HttpRequest) -> HttpResponse:
    """To where the library was, as its own form says; the address is put together anew."""
    query = urlencode(Search(request.POST).wishes)
    return redirect(f"{reverse('jobs:list')}?{query}" if query else "jobs:list")


def open_among(jobs: list[Job]) -> list[Job]:
    return [job for job in jobs if job.is_open]
