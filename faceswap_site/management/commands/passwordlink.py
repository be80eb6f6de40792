from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from faceswap_site.passwords import link_for


class Command(BaseCommand):
    help = "Print a link by which a user who forgot the password chooses a new one; it works once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user")
        parser.add_argument(
            "--server", default=f"http://127.0.0.1:{settings.PORT}", help="where people sign in (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> str:
        user = get_user_model().objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']!r} who may sign in.")
        return link_for(user, options["server"].rstrip("/"))
