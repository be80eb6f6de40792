from __future__ import annotations

import argparse

from django.core.management.base import BaseCommand, CommandError

from runpod_bridge.models import NAME_LENGTH, WorkerToken


class Command(BaseCommand):
    help = "Print a new token for a worker, and nothing else; an older token of the same name ends."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", help="of the machine, or whatever the token is for")

    def handle(self, *, name: str, **options: object) -> str:
        if not 0 < len(name) <= NAME_LENGTH:
            raise CommandError(f"The name has {len(name)} characters; it must have 1 to {NAME_LENGTH}.")
        _, value = WorkerToken.objects.issue(name)
        return value
