"""The API's root: who may come in, and the one place where errors become problem documents."""

from __future__ import annotations

import logging

from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from assets import space
from assets.api import router as assets_router
from assets.errors import IncompleteBody, InvalidChoice, MissingField, Refusal, StorageFull
from assets.problems import problem, problem_document
from assets.uploads import refused_upload
from jobs.api import router as jobs_router
from jobs.auth import API_AUTH
from jobs.files_api import router as files_router
from runpod_bridge.callback import router as callback_router

log = logging.getLogger(__name__)

api = NinjaAPI(title="TrueFaceSwapVideo", version="1", auth=API_AUTH, urls_namespace="v1")
api.add_router("/jobs", jobs_router)
api.add_router("/files", files_router)
api.add_router("/assets", assets_router)
api.add_router("/runpod", callback_router)


@api.exception_handler(Refusal)
def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    return problem(request, refusal)


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, exc: ValidationError) -> HttpResponse:
    """A form that was cut off at a file over the cap lacks fields, too; the cap is what to speak of."""
    if refusal := refused_upload(request):
        return problem(request, refusal)
    errors = [field_error(request, error) for error in exc.errors]
    first = errors[0]
    kind = MissingField if first["code"] == MissingField.code else InvalidChoice
    return problem_document(
        status=kind.status, code=kind.code, title=kind.title, detail=first["detail"], errors=errors
    )


def field_error(request: HttpRequest, error: dict) -> dict[str, str]:
    """One of pydantic's errors in our words: `loc` ends with the field's name, or its number in a list."""
    field = next(str(part) for part in reversed(error["loc"]) if isinstance(part, str))
    if error["type"] == "missing":
        return {"field": field, "code": MissingField.code, "detail": f"The field {field} is missing."}
    value = repr(request.POST.get(field, request.GET.get(field)))[:80]
    detail = f"{field} is {value}, but {error['msg'][0].lower()}{error['msg'][1:]}."
    return {"field": field, "code": InvalidChoice.code, "detail": detail}


@api.exception_handler(AuthenticationError)
def unauthorized(request: HttpRequest, exc: AuthenticationError) -> HttpResponse:
    response = problem_document(
        status=401,
        code="unauthorized",
        title="Who are you?",
        detail="Send a key as “Authorization: Bearer fsk_…”, or sign in.",
    )
    response["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(Http404)
def not_found(request: HttpRequest, exc: Http404) -> HttpResponse:
    return problem_document(
        status=404, code="not_found", title="There is nothing here.", detail=f"{request.path} is unknown."
    )


@api.exception_handler(HttpError)
def http_error(request: HttpRequest, exc: HttpError) -> HttpResponse:
    code = "rate_limited" if exc.status_code == 429 else "invalid"
    return problem_document(
        status=exc.status_code, code=code, title="The request cannot be carried out.", detail=str(exc)
    )


@api.exception_handler(MultiPartParserError)
@api.exception_handler(SuspiciousOperation)
def misshapen(request: HttpRequest, exc: Exception) -> HttpResponse:
    return problem(request, Refusal(f"The form cannot be read: {exc}"))


@api.exception_handler(UnreadablePostError)
def broken_off(request: HttpRequest, exc: UnreadablePostError) -> HttpResponse:
    return problem(request, IncompleteBody("The connection broke while the form came."))


@api.exception_handler(Exception)
def unforeseen(request: HttpRequest, exc: Exception) -> HttpResponse:
    if space.is_full(exc):
        return problem(request, StorageFull(space.RAN_FULL))
    log.exception("Unforeseen error at %s", request.path)
    return problem_document(
        status=500, code="internal", title="Something went wrong here.", detail="The operator has been told."
    )
