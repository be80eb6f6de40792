from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.utils.translation import gettext_lazy
from django.views.i18n import set_language

from assets.problems import problem_document
from faceswap_site import account, health, help, pages, passwords
from faceswap_site.api import api

admin.site.site_header = admin.site.site_title = "TrueFaceSwapVideo"
admin.site.index_title = gettext_lazy("Dashboard")

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("v1/", api.urls),
    path("admin/login/", pages.sign_in_to_admin),
    path("admin/", admin.site.urls),
    path("login/", pages.sign_in, name="login"),
    path("password/", passwords.forgotten, name="password_reset"),
    path("password/<str:uidb64>/<str:token>/", passwords.choose, name="password_reset_confirm"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("settings/", account.overview, name="settings"),
    path("settings/profile/", account.profile, name="settings-profile"),
    path("settings/runpod/", account.try_runpod, name="settings-runpod"),
    path("settings/password/", account.password, name="settings-password"),
    path("settings/keys/", account.make_key, name="settings-keys"),
    path("settings/keys/<int:key_id>/revoke/", account.revoke_key, name="settings-revoke-key"),
    path("settings/devices/<str:key>/end/", account.end_device, name="settings-end-device"),
    path("settings/workers/", account.make_worker, name="settings-workers"),
    path("settings/workers/<int:token_id>/revoke/", account.revoke_worker, name="settings-revoke-worker"),
    path("settings/language/", set_language, name="settings-language"),
    path("help/", help.overview, name="help"),
    path("help/api/", help.api, name="help-api"),
    path("setup/<str:token>/", pages.set_up, name="setup"),
    path("", include("runpod_bridge.urls")),
    path("", include("jobs.urls")),
]


def not_found(request: HttpRequest, exception: Http404) -> HttpResponse:
    if request.path.startswith(("/v1/", "/runpod/")):
        return problem_document(
            status=404, code="not_found", title="There is nothing here.", detail=f"{request.path} is unknown."
        )
    return render(request, "404.html", status=404)


handler404 = not_found
