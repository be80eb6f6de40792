"""The way in: signing in, and making the one account that a fresh copy lacks."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import Any

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, get_user_model, login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, UserCreationForm
from django.contrib.auth.views import LoginView, redirect_to_login
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRefresh

from faceswap_site.callers import remember
from faceswap_site.guesses import Guesses
from faceswap_site.setup import check_owner_token, needs_owner

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


class OwnerForm(UserCreationForm):
    """The owner chooses a name and a password; the validators of the settings judge it."""

    def save(self, commit: bool = True):
        self.instance.is_staff = self.instance.is_superuser = True
        return super().save(commit)


class SignInForm(AuthenticationForm):
    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _("This name and this password do not belong together. Capital letters count."),
    }
    request: HttpRequest
    wait = timedelta()  # until the next password is looked at

    def clean(self) -> dict[str, Any]:
        if self.errors:  # A field was left empty: that is no guess.
            return self.cleaned_data
        name = self.cleaned_data["username"]
        self.wait = Guesses.objects.take(self.request, name, now())
        if self.wait:
            raise ValidationError(too_many_guesses(self.wait))
        cleaned = super().clean()
        Guesses.objects.forgive(self.request, name)
        return cleaned


def too_many_guesses(wait: timedelta) -> str:
    seconds = ceil(wait.total_seconds())
    return ngettext(
        "Too many wrong passwords came from here. Try again in %(seconds)s second.",
        "Too many wrong passwords came from here. Try again in %(seconds)s seconds.",
        seconds,
    ) % {"seconds": seconds}


class SignIn(LoginView):
    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        remember(response, form.cleaned_data["username"])
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        if wait := getattr(form, "wait", None):
            response.status_code = 429
            response["Retry-After"] = ceil(wait.total_seconds())
        return response


@login_not_required
def sign_in(request: HttpRequest) -> HttpResponseBase:
    if "HX-Request" in request.headers:
        # A fragment of a page whose session has ended: load the page itself, which leads back here.
        return HttpResponseClientRefresh()
    view = SignIn.as_view(
        template_name="sign_in.html",
        authentication_form=SignInForm,
        redirect_authenticated_user=True,
        extra_context={"needs_owner": needs_owner(), "can_mail": settings.CAN_MAIL},
    )
    return view(request)


@login_not_required
def sign_in_to_admin(request: HttpRequest) -> HttpResponse:
    """The admin's own form would be a second way in, where nobody counts guesses."""
    if request.user.is_authenticated:
        raise PermissionDenied("This account has no part in the admin.")
    return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index"))


@login_not_required
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest, token: str) -> HttpResponse:
    """Make the owner's account. The link works once: not after there is an owner."""
    refuse_unless_invited(token)
    form = OwnerForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        with transaction.atomic():
            queue_up()
            refuse_unless_invited(token)
            if form.is_valid():
                login(request, form.save(), backend=MODEL_BACKEND)
                return redirect("jobs:list")
    return render(request, "set_up.html", {"form": form}, status=422 if form.errors else 200)


def refuse_unless_invited(token: str) -> None:
    if not check_owner_token(token):
        raise Http404("This link has been used, or is no link of ours.")


def queue_up() -> None:
    """Let one at a time pass: of two who follow the same link at once, the second finds an owner there.

    Where rows can be locked, the row that describes users stands in for all of them; on SQLite
    the transaction itself is exclusive.
    """
    users = get_user_model()._meta
    ContentType.objects.select_for_update().get(app_label=users.app_label, model=users.model_name)
