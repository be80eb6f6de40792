from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, close_old_connections, connection
from django.utils.timezone import now

from jobs import heartbeat
from jobs.sweep import reconcile, sweep_if_due

ROUND = 1.0  # seconds


class Command(BaseCommand):
    help = "Set lost jobs going again: once, or with --loop for as long as it runs, where there is no runner."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loop", action="store_true", help="go on, and ask the queue for signs of life")

    def handle(self, *args: Any, **options: Any) -> str:
        found = self.loop() if options["loop"] else reconcile(now())
        return ", ".join(f"{count} {name}" for name, count in found.items()) + "."

    def loop(self) -> dict[str, int]:
        """Sweep until Ctrl-C; return what was found in all. Of several that run, a lease lets one in."""
        total: dict[str, int] = {}
        try:
            while True:
                for name, count in self.round().items():
                    total[name] = total.get(name, 0) + count
                close_old_connections()
                time.sleep(ROUND)
        except KeyboardInterrupt:
            return total

    def round(self) -> dict[str, int]:
        at = now()
        try:
            for cluster in heartbeat.QUEUE_BEAT:
                heartbeat.ask(cluster, at)
            return sweep_if_due(at) or {}
        except DatabaseError as exc:
            self.stderr.write(f"The database does not answer; the next round asks again: {exc}")
            connection.close()
            return {}
