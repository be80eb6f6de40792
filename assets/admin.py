from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from assets.models import Asset, Token


class WrittenByTheService(admin.ModelAdmin):
    """People look, and act through the actions."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [field.name for field in self.opts.fields]


@admin.register(Asset)
class AssetAdmin(WrittenByTheService):
    list_display = ("id", "kind", "name", "owner", "file_size", "seconds", "created_at", "deleted_at")
    list_filter = ("kind", "created_at", "deleted_at")
    list_select_related = ("owner",)
    search_fields = ("id", "name", "sha256", "owner__username")
    exclude = ("file", "thumbnail")  # links that would lead nowhere: files are served to their owners only

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        shown = [name for name in super().get_readonly_fields(request, obj) if name not in self.exclude]
        return [*shown, "file_name", "thumbnail_name"]

    @admin.display(description="file")
    def file_name(self, asset: Asset) -> str:
        return asset.file.name or ""

    @admin.display(description="thumbnail")
    def thumbnail_name(self, asset: Asset) -> str:
        return asset.thumbnail.name or ""

    @admin.display(description=_("size"), ordering="size")
    def file_size(self, asset: Asset) -> str:
        return filesizeformat(asset.size)


@admin.register(Token)
class TokenAdmin(WrittenByTheService):
    list_display = (
        "id",
        "purpose",
        "asset",
        "subject",
        "created_at",
        "expires_at",
        "redeemed_at",
        "revoked_at",
    )
    list_filter = ("purpose", "revoked_at")
    list_select_related = ("asset",)
    search_fields = ("id", "subject", "asset__id", "asset__name")
    actions = ("revoke",)

    @admin.action(description=_("Revoke the selected tokens"), permissions=["change"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[Token]) -> None:
        at = now()
        for token in tokens:
            was_live = Token.objects.filter(pk=token.pk).revoke(at)
            said = _("Revoked %(name)s.") if was_live else _("%(name)s was revoked before.")
            self.message_user(request, said % {"name": token})
