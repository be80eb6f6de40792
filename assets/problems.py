"""Refusals as problem documents (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.http import HttpRequest, JsonResponse

from assets.errors import Refusal


def problem(request: HttpRequest, refusal: Refusal) -> JsonResponse:
    """Answer with the refusal's status, code and sentence; `errors` names the field, if one was at fault."""
    errors = [{"field": refusal.field, "code": refusal.code, "detail": str(refusal)}] if refusal.field else []
    response = problem_document(
        status=refusal.status, code=refusal.code, title=refusal.title, detail=str(refusal), errors=errors
    )
    if refusal.retry_after is not None:
        response["Retry-After"] = str(refusal.retry_after)
    return response


def problem_document(
    *, status: int, code: str, title: str, detail: str, errors: Sequence[Mapping[str, str | None]] = ()
) -> JsonResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    named = {"errors": list(errors)} if errors else {}
    return JsonResponse(body | named, status=status, content_type="application/problem+json")
