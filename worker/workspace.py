"""One job's folder on this machine: it outlives a worker that is killed, and goes with the job.

The same job finds it again, and with it what was finished. What nobody comes back for goes after a day, or
at once when the disk is short.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LOCK = "lock"
DAY = 24 * 3600.0
SHORT = 2 * 1024**3  # bytes free: less may not be enough for one video


@dataclass(frozen=True)
class Workspace:
    """`files` is empty when the job begins; `parts` gives what an earlier worker finished of it."""

    folder: Path

    @property
    def files(self) -> Path:
        return self.folder / "files"

    def parts(self, digest: str) -> Path:
        """Return the folder for what is made of exactly these inputs in this way; others are removed."""
        mine = self.folder / f"parts-{digest}"
        for other in self.folder.glob("parts-*"):
            if other != mine:
                shutil.rmtree(other, ignore_errors=True)
        mine.mkdir(exist_ok=True)
        return mine


@contextmanager
def workspace(job_id: str, *, is_kept: Callable[[BaseException], bool]) -> Iterator[Workspace]:
    """Hold the job's folder. When the job ends it is removed, unless by an error for which it `is_kept`.

    It is locked while it is held, so that nobody sweeps it. A second worker at the same job gets another.
    """
    folder, lock = claim(job_id)
    kept = False
    try:
        place = Workspace(folder)
        shutil.rmtree(place.files, ignore_errors=True)
        place.files.mkdir()
        yield place
    except BaseException as exc:
        kept = is_kept(exc)
        raise
    finally:
        with guarded():
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)
            lock.close()


def claim(job_id: str) -> tuple[Path, IO[str]]:
    """Return the job's folder and its lock, which lasts as long as the file is open."""
    name = hashlib.sha256(job_id.encode()).hexdigest()[:32]
    with guarded():
        folder = root() / name
        folder.mkdir(exist_ok=True)
        lock = locked(folder)
        if lock is None:
            folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=root()))
            lock = locked(folder)
            assert lock is not None  # nobody else knows its name
    return folder, lock


def sweep(*, older_than: float = DAY) -> int:
    """Remove the folders that no worker holds and that rested so many seconds; return their number."""
    if shutil.disk_usage(root()).free < SHORT:
        older_than = 0
    now = time.time()
    with guarded():
        folders = [each for each in root().iterdir() if each.is_dir()]
        return sum(swept(folder, before=now - older_than) for folder in folders)


def swept(folder: Path, *, before: float) -> bool:
    """Remove the folder if nobody holds it and nothing in it is newer; return whether it is gone."""
    lock = locked(folder)
    if lock is None:
        return False
    with lock:
        is_old = max(path.stat().st_mtime for path in [folder, *folder.rglob("*")]) <= before
        if is_old:
            shutil.rmtree(folder, ignore_errors=True)
    return is_old


def root() -> Path:
    """Return the folder of all jobs: WORKER_DIR, or one in the user's cache, which outlives a restart."""
    given = os.environ.get("WORKER_DIR")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(given) if given else Path(cache) / "true-face-swap-worker"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextmanager
def guarded() -> Iterator[None]:
    """Let nobody claim a folder while another is about to remove it."""
    with (root() / LOCK).open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def locked(folder: Path) -> IO[str] | None:
    """Return the folder's lock, None if another holds it. The system drops a dead process's lock."""
    lock = (folder / LOCK).open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock
