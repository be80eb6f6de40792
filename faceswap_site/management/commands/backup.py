from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from faceswap_site import backup
from faceswap_site.archive import BackupError


class Command(BaseCommand):
    help = (
        "Copy database, files and secrets to a new folder or .tar file, while the service runs. Whoever can "
        "read the backup can read everything, and sign as this service: keep it as you keep the service."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("target", type=Path, help="a folder, or a file whose name ends with .tar")
        parser.add_argument(
            "--without-media",
            action="store_true",
            help="list the files with their sums, but do not copy them",
        )

    def handle(self, *args: Any, **options: Any) -> str:
        try:
            made = backup.back_up(options["target"], with_media=not options["without_media"])
        except (BackupError, OSError) as exc:
            raise CommandError(str(exc)) from exc
        held = {entry.name for entry in made.entries}
        for name in backup.SECRETS:
            if name not in held:
                self.stderr.write(f"Not in it: {name}, which comes from the environment. Keep that as well.")
        files = f"{len(made.media)} files {'copied' if made.has_media else 'listed'}"
        megabytes = sum(entry.size for entry in made.media) / settings.MIB
        return f"Backed up to {options['target']}: the database; {files}, {megabytes:.1f} MB."
