"""Ends what a killed supervisor leaves behind.

A small process of its own (`python -m faceswap_site.undertaker`) reads from a pipe whose other end the
supervisor holds: `+123` and `-123` say which process groups there are. When the supervisor ends, however
it ends, the pipe closes, and what is still on the list is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

BURIED_WITHIN = 3.0  # seconds
LOOK_EVERY = 0.05


class Undertaker:
    """The supervisor's end of it."""

    def __init__(self, keeps_open: Iterable[int] = ()) -> None:
        """`keeps_open`: file descriptors that shall stay open until the last child is gone."""
        self.keeps_open = tuple(keeps_open)
        self.groups: set[int] = set()
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "faceswap_site.undertaker"],
            stdin=subprocess.PIPE,
            pass_fds=self.keeps_open,
            start_new_session=True,  # whatever ends the supervisor must not end it too
        )

    def watch(self, group: int) -> None:
        self.groups.add(group)
        self._say(f"+{group}\n")

    def forget(self, group: int) -> None:
        self.groups.discard(group)
        self._say(f"-{group}\n")

    def tend(self) -> None:
        """Replace it, should it have died itself."""
        if self.process.poll() is not None:
            self.process = self._start()
            self._say("".join(f"+{group}\n" for group in self.groups))

    def dismiss(self) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(BURIED_WITHIN)

    def _say(self, lines: str) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # It died; `tend` tells the next one everything.
            self.process.stdin.write(lines.encode())
            self.process.stdin.flush()


def kill_group(group: int) -> bool:
    """Kill every process of the group; say whether there was any."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says the latter when only zombies are left.
        return False
    return True


def bury(groups: set[int]) -> None:
    """Kill the groups, and wait a while until they are gone."""
    deadline = time.monotonic() + BURIED_WITHIN
    while (groups := {group for group in groups if kill_group(group)}) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)


def main() -> None:
    groups: set[int] = set()
    change = {"+": groups.add, "-": groups.discard}
    for line in sys.stdin:
        change[line[0]](int(line[1:]))
    bury(groups)


if __name__ == "__main__":
    main()
