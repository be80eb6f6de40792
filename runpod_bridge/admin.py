from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from runpod_bridge.models import Worker, WorkerToken


@admin.register(WorkerToken)
class WorkerTokenAdmin(admin.ModelAdmin):
    """`manage.py createworkertoken NAME` makes them: a token is shown once, to whoever needs it."""

    list_display = ("name", "is_live", "seen_at", "created_at", "revoked_at")
    readonly_fields = ("name", "created_at", "seen_at", "revoked_at")
    search_fields = ("name",)
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: WorkerToken | None = None) -> bool:
        return False  # Revoking says the same and keeps the trace.

    @admin.display(description=_("is live"), boolean=True)
    def is_live(self, token: WorkerToken) -> bool:
        return token.revoked_at is None

    @admin.action(description=_("Revoke the selected tokens"), permissions=["change"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[WorkerToken]) -> None:
        at = now()
        for token in tokens:
            if token.revoke(at):
                said = _("Revoked %(name)s: its workers are shut out.")
                self.message_user(request, said % {"name": token})
            else:
                said = _("%(name)s was revoked already.")
                self.message_user(request, said % {"name": token}, messages.WARNING)


@admin.register(Worker)
class WorkerAdmin(admin.ModelAdmin):
    list_display = ("name", "token", "since", "seen_at", "address", "current_attempt")
    list_select_related = ("token",)
    list_filter = ("token",)
    search_fields = ("name",)
    readonly_fields = ("name", "token", "since", "seen_at", "address", "current_attempt")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
