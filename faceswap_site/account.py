"""A person's settings: how they and their programs get in, and who computes for them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import user_passes_test
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from faceswap_site import devices
from faceswap_site import profile as profiles
from faceswap_site.callers import comes_through_unnamed_proxy
from jobs import consent
from jobs.models import ApiKey, Attempt
from runpod_bridge import connection
from runpod_bridge.models import NAME_LENGTH, Worker, WorkerToken

SPEEDS_OF = 50  # attempts


class PersonsRequest(HttpRequest):
    """A request that the middleware has let in."""

    user: User


staff_only = user_passes_test(lambda user: user.is_staff, login_url="settings", redirect_field_name=None)


class KeyForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        error_messages={"required": gettext_lazy("Say what the key is for, so that it can be told apart.")},
    )
    accepted = forms.BooleanField(
        error_messages={"required": gettext_lazy("Tick this box if it is so; without it no key can be made.")}
    )


class WorkerForm(forms.Form):
    worker_name = forms.SlugField(
        max_length=NAME_LENGTH,
        error_messages={
            "required": gettext_lazy("Give the machine a name."),
            "invalid": gettext_lazy("“%(value)s” may hold only letters, digits, - and _."),
        },
    )


@require_safe
@never_cache
def overview(request: PersonsRequest) -> HttpResponse:
    return show(request)


@sensitive_post_parameters()
@require_POST
def password(request: PersonsRequest) -> HttpResponse:
    form = PasswordChangeForm(request.user, request.POST)
    if not form.is_valid():
        return show(request, password=form)
    # Every other session ends: its proof was made of the old password.
    update_session_auth_hash(request, form.save())
    messages.success(request, gettext("Your password was changed; everywhere else you are signed out."))
    return redirect("settings")


@require_POST
def profile(request: PersonsRequest) -> HttpResponse:
    form = profiles.ProfileForm(request.POST)
    if not form.is_valid():
        return show(request, profile=form)
    profiles.save(request.user, form)
    response = redirect("settings")
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        form.cleaned_data["language"],
        max_age=settings.LANGUAGE_COOKIE_AGE,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    with translation.override(form.cleaned_data["language"]):
        messages.success(request, gettext("Saved."))
    return response


@require_POST
@staff_only
def try_runpod(request: PersonsRequest) -> HttpResponse:
    """Say in words whether Runpod can be used with the settings as they are."""
    return show(request, findings=connection.findings())


@require_POST
@never_cache
def make_key(request: PersonsRequest) -> HttpResponse:
    """Show the key in the answer itself: it is not kept, so no other page could."""
    form = KeyForm(request.POST)
    if not form.is_valid():
        return show(request, key=form)
    _, value = ApiKey.objects.issue(
        owner=request.user, name=form.cleaned_data["name"], accepted=gettext(consent.KEY_HOLDER)
    )
    return show(request, new_key=value)


@require_POST
def revoke_key(request: PersonsRequest, key_id: int) -> HttpResponse:
    key = get_object_or_404(ApiKey, owner=request.user, pk=key_id)
    if key.revoke(now()):
        said = gettext("“%(name)s” was revoked: what uses it is refused from now on.")
        messages.success(request, said % {"name": key.name})
    return redirect("settings")


@require_POST
def end_device(request: PersonsRequest, key: str) -> HttpResponse:
    if devices.end(request, key):
        messages.success(request, gettext("Signed out there."))
    return redirect("settings")


@require_POST
@staff_only
@never_cache
def make_worker(request: PersonsRequest) -> HttpResponse:
    """Show the token in the answer itself: it is not kept either."""
    form = WorkerForm(request.POST)
    if not form.is_valid():
        return show(request, worker=form)
    name = form.cleaned_data["worker_name"]
    if WorkerToken.objects.filter(name=name, revoked_at=None).exists():
        said = gettext("There is a machine of the name “%(name)s”; remove it first.")
        form.add_error("worker_name", said % {"name": name})
        return show(request, worker=form)
    _, value = WorkerToken.objects.issue(name)
    return show(request, new_worker={"name": name, "token": value})


@require_POST
@staff_only
def revoke_worker(request: PersonsRequest, token_id: int) -> HttpResponse:
    token = get_object_or_404(WorkerToken, pk=token_id)
    if token.revoke(now()):
        messages.success(request, gettext("“%(name)s” gets no more work.") % {"name": token.name})
    return redirect("settings")


def show(request: PersonsRequest, **changed: Any) -> HttpResponse:
    """Render the page with the forms that were sent, and what may be seen this once."""
    context = {
        "password": PasswordChangeForm(request.user),
        "profile": profiles.form_of(request.user),
        "languages": settings.LANGUAGES,
        "can_mail": settings.CAN_MAIL,
        "retention": settings.RETENTION_DAYS,
        "key": KeyForm(),
        "worker": WorkerForm(),
        "keys": ApiKey.objects.filter(owner=request.user, revoked_at=None).order_by("-created_at"),
        "devices": devices.devices_of(request),
        "statement": gettext(consent.KEY_HOLDER),
        "server": request.build_absolute_uri("/").rstrip("/"),
        "unnamed_proxy": request.user.is_staff and comes_through_unnamed_proxy(request),
        **(pool() if request.user.is_staff else {}),
        **changed,
    }
    is_wrong = any(isinstance(form, forms.BaseForm) and form.errors for form in changed.values())
    return render(request, "settings/overview.html", context, status=422 if is_wrong else 200)


def pool() -> dict[str, Any]:
    """Who may compute for us; who of them is there, since when, and at what."""
    at = now()
    machines = list(
        WorkerToken.objects.filter(revoked_at=None).order_by("name").prefetch_related("workers__token")
    )
    names = [str(worker) for token in machines for worker in token.workers.all()]
    at_work = {attempt.worker: attempt for attempt in Attempt.objects.working().filter(worker__in=names)}
    speeds = speeds_of(names)
    around = {worker.pk for worker in Worker.objects.around(at)}
    return {
        "machines": [
            {
                "token": token,
                "workers": [
                    {
                        "worker": each,
                        "is_around": each.pk in around,
                        "attempt": at_work.get(str(each)),
                        "fps": speeds.get(str(each)),
                    }
                    for each in token.workers.all()
                ],
            }
            for token in machines
        ]
    }


def speeds_of(workers: list[str]) -> dict[str, float]:
    """Return by worker how many frames a second it made in the newest jobs that are known."""
    done = Attempt.objects.filter(worker__in=workers, outcome=Attempt.Outcome.COMPLETED)
    made: dict[str, tuple[float, float]] = {}
    for attempt in done.order_by("-closed_at")[:SPEEDS_OF]:
        frames, seconds = attempt.metrics.get("frames"), attempt.run_seconds
        if frames and seconds:
            frames_before, seconds_before = made.get(attempt.worker, (0, 0))
            made[attempt.worker] = frames_before + frames, seconds_before + seconds
    return {worker: frames / seconds for worker, (frames, seconds) in made.items()}
