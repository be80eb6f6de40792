"""What people ask first, and how a program of theirs does what the pages do."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from faceswap_site.account import KeyForm, PersonsRequest
from jobs import consent
from jobs.models import ApiKey

PLACEHOLDER = "fsk_…"


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    context = {
        "max_bytes": settings.MAX_UPLOAD_BYTES,
        "max_minutes": settings.MAX_VIDEO_SECONDS / 60,
        "kept_days": settings.RETENTION_DAYS,
    }
    return render(request, "help/overview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def api(request: PersonsRequest) -> HttpResponse:
    """Examples that work as they stand: with a key made on the spot, which is shown this once."""
    form, key = KeyForm({"name": _("For the examples"), **request.POST.dict()}), ""
    if request.method == "POST" and form.is_valid():
        _row, key = ApiKey.objects.issue(
            owner=request.user, name=form.cleaned_data["name"], accepted=_(consent.KEY_HOLDER)
        )
    context = {
        "key": key or PLACEHOLDER,
        "is_own_key": bool(key),
        "errors": form.errors.get("accepted", []) if request.method == "POST" else [],
        "server": request.build_absolute_uri("/").rstrip("/"),
        "statement": _(consent.KEY_HOLDER),
    }
    return render(request, "help/api.html", context, status=422 if context["errors"] else 200)
