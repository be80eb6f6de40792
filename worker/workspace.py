"""One job's files, gone with the job; what a killed worker left behind goes at the next start."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "face-swap-job-"
LOCK = "lock"


@contextmanager
def workspace() -> Iterator[Path]:
    """Yield an empty folder for one job. It is locked while it lives, so that nobody sweeps it."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, (Path(name) / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        files = Path(name) / "files"
        files.mkdir()
        yield files


def sweep_abandoned() -> int:
    """Remove the folders of workers that are no more, and return their number."""
    left = [folder for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*") if _is_abandoned(folder)]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return len(left)


def _is_abandoned(folder: Path) -> bool:
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # The system drops a dead process's lock.
    except OSError:  # Held by a living worker, just being made, or another user's.
        return False
    return True
