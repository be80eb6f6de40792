from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from assets.problems import problem_document
from jobs import trace

Handler = Callable[[HttpRequest], HttpResponse]
REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
# What has a guard of its own: a signature, a token, a key.
SELF_GUARDED = re.compile(r"^/(v1/|runpod/|healthz$|readyz$)")
# What a worker out there may need; each of these is guarded by a token or a signature.
FOR_WORKERS = re.compile(r"^/(v1/assets/[^/]+|v1/runpod/callback|v1/jobs/[^/]+/output|runpod/v2/.+|healthz)$")


class RequestId:
    """Give every request a name that its answer and its job carry; a client may choose it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        name = given if REQUEST_ID.match(given) else uuid4().hex
        request.id = name  # type: ignore[attr-defined]
        with trace.about(request=name):
            response = self.get_response(request)
        response["X-Request-ID"] = name
        return response


class Language(LocaleMiddleware):
    """Pages speak the language of a cookie of theirs, else the browser's; programs always get English."""

    def process_request(self, request: HttpRequest) -> None:
        if SELF_GUARDED.match(request.path):
            # Said, not left out: the thread still has the language of whom it served before.
            translation.activate(settings.LANGUAGE_CODE)
            request.LANGUAGE_CODE = settings.LANGUAGE_CODE
        else:
            super().process_request(request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return response if SELF_GUARDED.match(request.path) else super().process_response(request, response)


class WorkersOnlyOnThePublicHost:
    """Answer nothing but workers on the host of PUBLIC_BASE_URL, unless people sign in there too.

    The tunnel that lets a worker reach us must not show the sign-in page to the world.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        host, _ = split_domain_port(request.META.get("HTTP_HOST", ""))
        is_public = bool(host) and host == settings.PUBLIC_HOST and host not in settings.SIGN_IN_HOSTS
        is_output = request.path.endswith("/output")
        if is_public and (not FOR_WORKERS.match(request.path) or (is_output and "token" not in request.GET)):
            return problem_document(
                status=404,
                code="not_found",
                title="There is nothing here.",
                detail="This address is unknown here.",
            )
        return self.get_response(request)


class WrongMethodIsAProblem:
    """Put the API's 405, which the framework says in plain text, into words like every other refusal."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 405 or not SELF_GUARDED.match(request.path):
            return response
        detail = f"{request.path} takes {response['Allow']}, not {request.method}."
        refused = problem_document(
            status=405, code="method_not_allowed", title="This is not done here.", detail=detail
        )
        refused["Allow"] = response["Allow"]
        return refused


class LoginRequired(LoginRequiredMiddleware):
    """Every page wants a signed-in user, unless it says otherwise; the API has guards of its own."""

    def process_view(self, request, view_func, view_args, view_kwargs):
        if SELF_GUARDED.match(request.path):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)
