from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from faceswap_site import backup
from faceswap_site.archive import BackupError


class Command(BaseCommand):
    help = "Fill an empty DATA_DIR from a backup, proving each file by its sum. Start the service afterwards."
    requires_system_checks: list[str] = []  # some ask the database, which is not there yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", type=Path, help="the folder or .tar file that `backup` wrote")

    def handle(self, *args: Any, **options: Any) -> str:
        try:
            made = backup.restore(options["source"])
        except (BackupError, OSError) as exc:
            raise CommandError(str(exc)) from exc
        if not made.has_media:
            self.stderr.write(
                f"The backup lists {len(made.media)} files without holding them: bring them yourself."
            )
        counts = ", ".join(f"{count} {name}" for name, count in backup.counts().items())
        return f"Restored the backup of {made.made_at}: {counts}."
