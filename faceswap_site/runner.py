"""Runs the whole service on one machine: `python -m faceswap_site.runner`.

It starts the web server, the queue and one worker, starts again what dies, keeps the time, and
ends them all when it is asked to, or killed.
"""

from __future__ import annotations

import argparse
import fcntl
import io
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

import django
import requests
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import DatabaseError, connection
from django.utils.timezone import now

from faceswap_site.children import Child, Program
from faceswap_site.undertaker import Undertaker

log = logging.getLogger("faceswap_site.runner")  # run as a program, __name__ would be "__main__"

LOCKED_WITHIN = 4.0  # seconds: a copy that was killed a moment ago may still be burying its children
STOPPED_WITHIN = 4.5
ROUND = 0.2
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # where one finds oneself
WORKER_NAME = "this-machine"
# `python -m worker` ends with this code where the engine cannot run.
UNSUPPORTED_MACHINE = 3


class CannotStart(Exception):
    """A sentence for whoever typed `make run`."""


def main() -> int:
    arguments = _arguments()
    try:
        with ExitStack() as held:
            run(held, follow_stdin=arguments.while_stdin_is_open)
    except CannotStart as exc:
        print(exc, file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before there was anything to stop
        return 130
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faceswap_site.runner", description=__doc__)
    parser.add_argument(
        "--while-stdin-is-open", action="store_true", help="stop when standard input closes, too"
    )
    return parser.parse_args()


def run(held: ExitStack, *, follow_stdin: bool) -> None:
    set_up()
    lock = held.enter_context(locked(settings.DATA_DIR))
    listener = held.enter_context(listening(settings.HOST, settings.PORT))
    prepare()
    base_url = address(settings.HOST, listener.getsockname()[1])
    undertaker = Undertaker(keeps_open=[lock.fileno()])
    held.callback(undertaker.dismiss)
    programs = [web(listener), *queue(), *worker(base_url)]
    children = {program.name: Child(program, undertaker, folder=settings.BASE_DIR) for program in programs}
    supervise(children, undertaker, base_url=base_url, follow_stdin=follow_stdin)


def set_up() -> None:
    """Load the settings and the models, or raise CannotStart."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "faceswap_site.settings")
    try:
        django.setup()
    except (OSError, ImproperlyConfigured, ValueError) as exc:
        raise CannotStart(f"The settings cannot be used: {exc}") from exc


@contextmanager
def locked(data_dir: Path) -> Iterator[IO[str]]:
    """Hold DATA_DIR for this copy alone. The lock ends with the processes that hold the file."""
    with (data_dir / "runner.lock").open("w") as file:
        deadline = time.monotonic() + LOCKED_WITHIN
        while not _try_lock(file):
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"Another copy is running on {data_dir}; set DATA_DIR to another folder for a second one."
                )
            time.sleep(0.1)
        yield file


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Open the service's address. The web server inherits it, so that it stays ours while that restarts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=512)
    except (OSError, OverflowError) as exc:
        why = os.strerror(exc.errno) if isinstance(exc, OSError) and exc.errno else exc
        raise CannotStart(
            f"Cannot listen on {host}:{port} ({why}); set PORT to a free port, or stop what uses it."
        ) from exc
    with listener:
        yield listener


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds what listens there."""
    host = WILDCARDS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def prepare() -> None:
    """Check the settings, and bring the database and the collected static files up to date."""
    try:
        call_command("check", stdout=io.StringIO())  # Warnings go to standard error.
        call_command("migrate", interactive=False, verbosity=0)
        connection.close()
        call_command("collectstatic", interactive=False, verbosity=0)
    except SystemCheckError as exc:
        raise CannotStart(str(exc)) from exc
    except DatabaseError as exc:
        raise CannotStart(f"The database cannot be used: {exc}") from exc
    except OSError as exc:
        raise CannotStart(f"The data folder cannot be written: {exc}") from exc


def web(listener: socket.socket) -> Program:
    fd = listener.fileno()
    config = ["-c", "python:faceswap_site.web", "--bind", f"fd://{fd}"]
    return Program(
        name="web",
        command=[sys.executable, "-m", "gunicorn", *config, "faceswap_site.wsgi"],
        pass_fds=(fd,),
    )


def queue() -> list[Program]:
    """One program per cluster, by its name."""
    return [
        Program(
            name=cluster,
            command=[sys.executable, "manage.py", "qcluster", "--skip-checks"],  # `prepare` made them
            environ={"Q_CLUSTER_NAME": cluster},
        )
        for cluster in ("dispatch", "outputs")
    ]


def worker(base_url: str) -> list[Program]:
    """The worker of this machine, unless the work is done elsewhere."""
    from jobs.compute import current_provider  # models: only after set_up
    from runpod_bridge.models import NAME_LENGTH, WorkerToken
    from runpod_bridge.pool import PoolProvider

    if not (settings.LOCAL_WORKER and isinstance(current_provider(), PoolProvider)):
        return []
    # By host, so that two machines on one database do not end each other's tokens.
    _, token = WorkerToken.objects.issue(f"{WORKER_NAME} {socket.gethostname()}"[:NAME_LENGTH])
    return [
        Program(
            name="worker",
            command=[sys.executable, "-m", "worker", "--server", base_url, "--name", WORKER_NAME],
            environ={"WORKER_TOKEN": token, "WORKER_DIR": str(settings.DATA_DIR / "worker")},
            hopeless_exits=frozenset({UNSUPPORTED_MACHINE}),
        )
    ]


def supervise(
    children: Mapping[str, Child], undertaker: Undertaker, *, base_url: str, follow_stdin: bool
) -> None:
    """Keep the children running until somebody says stop; then end them all."""
    from faceswap_site.timekeeper import Timekeeper  # models: only after set_up
    from jobs.heartbeat import QUEUE_BEAT

    stop = stop_asked(follow_stdin=follow_stdin)
    timekeeper = Timekeeper({cluster: children[cluster] for cluster in QUEUE_BEAT})
    try:
        for child in children.values():
            child.start(now())
        timekeeper.start()
        threading.Thread(target=greet, args=[base_url], daemon=True).start()
        while not heard(stop):
            undertaker.tend()
            for child in children.values():
                child.tend(now())
    finally:
        timekeeper.ended.set()
        end_all(list(children.values()))
        if timekeeper.is_alive():
            timekeeper.join(timeout=1)


def stop_asked(*, follow_stdin: bool) -> SimpleQueue[str]:
    """A queue in which something appears when we shall stop.

    A SimpleQueue may be written from a signal handler that interrupts its reader; an Event may not.
    """
    stop: SimpleQueue[str] = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: stop.put(signal.Signals(number).name))
    if follow_stdin:

        def wait_for_end() -> None:
            # Not sys.stdin, whose lock this thread would still hold when the interpreter ends.
            while os.read(0, 1):
                pass
            stop.put("end of standard input")

        threading.Thread(target=wait_for_end, daemon=True).start()
    return stop


def heard(stop: SimpleQueue[str]) -> bool:
    try:
        log.info("Stopping: %s.", stop.get(timeout=ROUND))
    except Empty:
        return False
    return True


def end_all(children: list[Child]) -> None:
    deadline = time.monotonic() + STOPPED_WITHIN
    for child in children:
        child.ask_to_stop()
    while any(child.is_running for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    for child in children:
        child.bury()


def greet(base_url: str) -> None:
    """Say where to go, once the web server answers."""
    from faceswap_site.setup import OWNER_LINK_TTL, owner_link

    try:
        requests.get(f"{base_url}/healthz", timeout=60)
    except requests.RequestException as exc:
        log.error("The web server does not answer: %s", exc)
        return
    lines = [f"TrueFaceSwapVideo is at {base_url}", f"Its data is in {settings.DATA_DIR}"]
    try:
        if link := owner_link(base_url):
            hours = OWNER_LINK_TTL.total_seconds() / 3600
            lines.append(f"Make the owner's account there, once, within {hours:.0f} hours: {link}")
    finally:
        connection.close()
    print("", *lines, "Ctrl-C stops it.", "", sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
