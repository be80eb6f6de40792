"""The supervisor's children: each in a process group of its own, restarted when it dies."""

from __future__ import annotations

import logging
import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from faceswap_site.undertaker import Undertaker, kill_group

log = logging.getLogger(__name__)

# A child runs only when told so, after the undertaker knows of it: a supervisor killed in
# between closes the pipe, and `read` fails.
WHEN_TOLD = 'read go && exec "$@" < /dev/null'
# Short enough for a child that died often to be back within a minute.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=0.5), timedelta(seconds=15)
STEADY_AFTER = timedelta(seconds=20)


@dataclass(frozen=True, kw_only=True)
class Program:
    name: str
    command: list[str]
    environ: dict[str, str] = field(default_factory=dict, repr=False)  # may hold secrets
    pass_fds: tuple[int, ...] = ()
    hopeless_exits: frozenset[int] = frozenset()  # exit codes after which another try is no use


class Child:
    def __init__(self, program: Program, undertaker: Undertaker, *, folder: Path) -> None:
        self.program = program
        self.undertaker = undertaker
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at: datetime | None = None
        self.next_start: datetime | None = None  # None while it runs, and when it is given up
        self.pause = FIRST_PAUSE

    @property
    def is_running(self) -> bool:
        process = self.process
        return process is not None and process.poll() is None

    def start(self, at: datetime) -> None:
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", WHEN_TOLD, "sh", *self.program.command],
            cwd=self.folder,
            env=os.environ | self.program.environ,
            pass_fds=self.program.pass_fds,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self.undertaker.watch(self.process.pid)
        self.started_at, self.next_start = at, None
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # It is dead already; the next round sees that.
            self.process.stdin.write(b"go\n")
            self.process.stdin.close()

    def tend(self, at: datetime) -> None:
        """See a death, or start it again when its pause is over."""
        if self.process is not None and self.process.poll() is not None:
            self._died(self.process, at)
        if self.next_start is None:
            return
        wait = self.next_start - at
        if wait <= timedelta() or wait > LONGEST_PAUSE:  # The latter: the clock was set back.
            self.start(at)

    def _died(self, process: subprocess.Popen[bytes], at: datetime) -> None:
        kill_group(process.pid)  # What it started must not go on beside its successor.
        self.undertaker.forget(process.pid)
        self.process = None
        if process.returncode in self.program.hopeless_exits:
            log.error("%s cannot run here (exit code %d).", self.program.name, process.returncode)
            return
        assert self.started_at is not None
        if at - self.started_at >= STEADY_AFTER:
            self.pause = FIRST_PAUSE
        log.warning(
            "%s ended (%s); it starts again in %.1f s.",
            self.program.name,
            in_words(process.returncode),
            self.pause.total_seconds(),
        )
        self.next_start = at + self.pause
        self.pause = min(2 * self.pause, LONGEST_PAUSE)

    def ask_to_stop(self) -> None:
        """SIGTERM, to the first process only: django-q2 hangs when its whole group gets it."""
        self.next_start = None
        if self.process is not None:
            self.process.terminate()

    def kill(self) -> None:
        """Let it die at once; safe from any thread, for `tend` sees to the rest."""
        if (process := self.process) is not None:
            kill_group(process.pid)

    def bury(self) -> None:
        """Kill what is left of it and wait for its end."""
        if self.process is not None:
            kill_group(self.process.pid)
            self.process.wait()
            self.undertaker.forget(self.process.pid)
            self.process = None


def in_words(returncode: int) -> str:
    return f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}"
