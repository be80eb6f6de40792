"""A new password for who forgot the old one: over a link from the console, or one that comes by e-mail."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.tokens import default_token_generator
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse, reverse_lazy
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode


def link_for(user: Any, server: str) -> str:
    """Good until it is used, the password changes, or PASSWORD_RESET_TIMEOUT is over."""
    key = urlsafe_base64_encode(force_bytes(user.pk))
    return server + reverse("password_reset_confirm", args=[key, default_token_generator.make_token(user)])


@login_not_required
def forgotten(request: HttpRequest) -> HttpResponseBase:
    """Ask for the link by e-mail. The answer is the same whether there is such an account or not."""
    if not settings.CAN_MAIL:
        raise Http404("There is no mail server.")
    view = views.PasswordResetView.as_view(
        template_name="password_forgotten.html",
        email_template_name="password_mail.txt",
        subject_template_name="password_mail_subject.txt",
        success_url=f"{reverse('password_reset')}?sent",
        extra_context={"is_sent": "sent" in request.GET},
    )
    return view(request)


@login_not_required
def choose(request: HttpRequest, uidb64: str, token: str) -> HttpResponseBase:
    view = views.PasswordResetConfirmView.as_view(
        template_name="password_choose.html",
        success_url=reverse_lazy("jobs:list"),
        post_reset_login=True,
        post_reset_login_backend="django.contrib.auth.backends.ModelBackend",
    )
    return view(request, uidb64=uidb64, token=token)
