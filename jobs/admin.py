from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.timezone import now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assets.errors import Refusal
from jobs.models import ApiKey, Attempt, Event, Heartbeat, Job


class ReadOnly:
    """Rows that only the service itself writes: people look at them here and act through the actions."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AttemptInline(ReadOnly, admin.TabularInline):
    model = Attempt
    fk_name = "job"
    extra = 0
    fields = (
        *("number", "provider", "external_id", "worker", "outcome", "stage", "percent", "created_at"),
        *("started_at", "heard_at", "closed_at", "error_code", "error_message", "error_detail", "refusals"),
    )
    readonly_fields = fields


class EventInline(ReadOnly, admin.TabularInline):
    model = Event
    extra = 0
    fields = ("at", "attempt", "old", "new", "reason")
    readonly_fields = fields


class ErrorCodes(admin.AllValuesFieldListFilter):
    """Jobs without an error are a choice as well, and it has a name."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or _("none")}


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):
    list_display = ("id", "owner", "mode", "status", "quality", "error_code", "created_at", "finished_at")
    list_filter = ("status", "mode", "quality", ("error_code", ErrorCodes), "created_at")
    list_select_related = ("owner",)
    search_fields = ("id", "owner__username", "request_id", "error_message", "attempts__external_id")
    date_hierarchy = "created_at"
    inlines = (AttemptInline, EventInline)
    actions = ("retry", "cancel")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # A job's files go by its owner's hand, and the row stays.

    def get_readonly_fields(self, request: HttpRequest, obj: Job | None = None) -> list[str]:
        return [field.name for field in Job._meta.fields]

    @admin.action(description=_("Retry the selected failed or cancelled jobs"), permissions=["change"])
    def retry(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        reason = f"retried by {request.user} in the admin"
        self._each(request, jobs, lambda job: job.retry(reason=reason), gettext("Queued %(job)s."))

    @admin.action(description=_("Cancel the selected open jobs"), permissions=["change"])
    def cancel(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        reason = f"cancelled by {request.user} in the admin"
        self._each(request, jobs, lambda job: job.cancel(reason=reason), gettext("Cancelled %(job)s."))

    def _each(self, request: HttpRequest, jobs: QuerySet[Job], act: Callable[[Job], None], done: str) -> None:
        """Act on every job and answer for every one."""
        for job in jobs:
            try:
                act(job)
            except Refusal as refusal:
                self.message_user(request, str(refusal), messages.WARNING)
            else:
                self.message_user(request, done % {"job": job.pk})


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
    list_display = ("prefix", "name", "owner", "created_at", "used_at", "revoked_at")
    list_filter = ("revoked_at",)
    list_select_related = ("owner",)
    search_fields = ("prefix", "name", "owner__username")
    fields = ("prefix", "name", "owner", "accepted", "created_at", "used_at", "revoked_at")
    readonly_fields = fields
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # A key is shown once, to whoever makes it: `manage.py createapikey`.

    @admin.action(description=_("Revoke the selected keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        for key in keys:
            said = _("Revoked %(name)s.") if key.revoke(now()) else _("%(name)s was revoked before.")
            self.message_user(request, said % {"name": key})


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("name", "at")
    ordering = ("name",)
