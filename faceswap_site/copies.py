"""A copy of the service for oneself: real processes on a free port, with a data folder of its own.

The demo and the end-to-end tests use it as anybody would: over HTTP.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from uuid import uuid4

import requests

BASE_DIR = Path(__file__).resolve().parent.parent
READY_WITHIN = 90.0  # seconds; a slow machine compiles every module first
STOPPED_WITHIN = 15.0
POLL_EVERY = 0.2
# What a `.env` made for the real service must not change in a copy: where it computes and who may call it.
NEUTRAL = {
    "RUNPOD_API_KEY": "",
    "RUNPOD_ENDPOINT_ID": "",
    "COMPUTE_PROVIDER": "runpod_bridge.pool.PoolProvider",
    "PUBLIC_BASE_URL": "",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
    "OPEN_LOCAL_MODE": "0",
    "BEHIND_TLS_PROXY": "0",
    "CALLBACK_SECRET": "",
    "CALLBACK_SECRET_SHARED": "0",
    "LOCAL_WORKER": "1",
    "HOST": "127.0.0.1",
}


class NotReady(Exception):
    """The copy did not come up; the sentence says what was missing."""


def untouched_by(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with everything neutral that would lead a copy elsewhere."""
    return {**environ, **NEUTRAL}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def fresh_database(environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment's part on a copy's database: by itself SQLite in the copy's folder.

    Where DATABASE_URL names a PostgreSQL server, a fresh database there, gone afterwards.
    """
    url = environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield {}
        return
    import psycopg
    from psycopg import sql

    server, _, _ = url.rpartition("/")
    name = f"faceswap_copy_{uuid4().hex[:8]}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield {"DATABASE_URL": f"{server}/{name}"}
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class Copy:
    """Runs while its `with` block does, and no longer, even if this process is killed."""

    def __init__(
        self, data_dir: Path, *, port: int | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data_dir / "runner.log"
        self.environ = untouched_by(os.environ) | {
            "DJANGO_SETTINGS_MODULE": "faceswap_site.settings",
            "DATA_DIR": str(data_dir),
            "DATABASE_URL": f"sqlite:///{data_dir / 'db.sqlite3'}",
            "PORT": str(self.port),
            **(environ or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Copy:
        self.start()
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> subprocess.Popen[bytes]:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "faceswap_site.runner", "--while-stdin-is-open"],
                cwd=BASE_DIR,
                env=self.environ,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us: we stop it, in our time
            )
        return self.process

    def stop(self) -> None:
        if self.process is None or self.process.stdin is None:
            return
        self.process.stdin.close()
        try:
            self.process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()  # Its undertaker takes care of the rest.
            self.process.wait()
        self.process = None

    def wait_until_ready(self, within: float = READY_WITHIN) -> None:
        """Wait until a job could be done, or raise NotReady with what is missing."""
        deadline = time.monotonic() + within
        while (missing := self.missing()) and time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                raise NotReady(f"The service ended while it started. {self.last_words()}")
            time.sleep(POLL_EVERY)
        if missing:
            raise NotReady(f"The service is not ready after {within:.0f} s: {missing} {self.last_words()}")

    def missing(self) -> str:
        """Say what is missing before a job could be done; empty when nothing is."""
        try:
            answer = requests.get(f"{self.url}/readyz", timeout=5)
        except requests.RequestException:
            return "it does not answer."
        try:
            checks = answer.json()["checks"]
        except (requests.JSONDecodeError, KeyError):
            return f"it answers {answer.status_code}."
        return " ".join(sentence for sentence in checks.values() if sentence != "ok")

    def manage(self, *command: str) -> str:
        """Run a management command in the copy and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=BASE_DIR,
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout

    def last_words(self, lines: int = 15) -> str:
        return "It said:\n" + "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
