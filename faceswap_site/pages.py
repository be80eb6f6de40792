"""The way in: signing in, and making the one account that a fresh copy lacks."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, UserCreationForm
from django.contrib.auth.views import LoginView
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRefresh

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
        "invalid_login": "This name and this password do not belong together. Capital letters count.",
    }


@login_not_required
def sign_in(request: HttpRequest) -> HttpResponseBase:
    if "HX-Request" in request.headers:
        # A fragment of a page whose session has ended: load the page itself, which leads back here.
        return HttpResponseClientRefresh()
    view = LoginView.as_view(
        template_name="sign_in.html",
        authentication_form=SignInForm,
        redirect_authenticated_user=True,
        extra_context={"needs_owner": needs_owner(), "can_mail": settings.CAN_MAIL},
    )
    return view(request)


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
