from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandParser

from jobs import consent
from jobs.models import ApiKey


class Command(BaseCommand):
    help = (
        "Print a new API key of a user, and nothing else. It is shown this once. "
        f"With it you declare: {consent.OPERATOR}"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="made, without a password, if there is none of this name")
        parser.add_argument("--name", default="createapikey", help="what the key is for (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> str:
        users = get_user_model()
        owner = users.objects.filter(username=options["user"]).first()
        if owner is None:
            owner = users.objects.create_user(options["user"])  # no password: cannot sign in
        _, key = ApiKey.objects.issue(owner=owner, name=options["name"], accepted=consent.OPERATOR)
        return key
