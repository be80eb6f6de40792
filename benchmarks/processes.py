"""Who is who among the processes of a running copy."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from faceswap_site.copies import Copy

LOOK_EVERY = 0.002  # seconds: a task of the queue takes only some ten times that
# What django-q2 says of its processes (QUEUE_LOG_LEVEL=INFO).
ROLES = {
    "worker": re.compile(r"(Process-\w+) ready for work at (\d+)"),
    "pusher": re.compile(r"(Process-\w+) pushing tasks at (\d+)"),
    "monitor": re.compile(r"(Process-\w+) monitoring at (\d+)"),
}
# And what our worker says when it has done an attempt.
HANDED_IN = re.compile(r"Job ([0-9a-f-]{36}) is \w+ \(handed in")
BEGUN = re.compile(r"(Process-\w+) processing (\w+)-")


class NoVictim(Exception):
    """Nobody was found in the state that the fault is about."""


class Processes:
    def __init__(self, copy: Copy) -> None:
        self.copy = copy

    def runner(self) -> psutil.Process:
        assert self.copy.process is not None
        return psutil.Process(self.copy.process.pid)

    def everybody(self) -> list[psutil.Process]:
        """The runner first, then all that it and its children have started."""
        runner = self.runner()
        return [runner, *runner.children(recursive=True)]

    def child(self, *words: str, **environ: str) -> psutil.Process:
        """The runner's own child with these words in its command line and this in its environment."""
        for process in self.runner().children():
            with suppress(psutil.NoSuchProcess):
                if set(words) <= set(process.cmdline()) and environ.items() <= process.environ().items():
                    return process
        raise NoVictim(f"no child of the runner is a {' '.join(words)}")

    def undertaker(self) -> psutil.Process:
        return self.child("faceswap_site.undertaker")

    def web(self) -> psutil.Process:
        return self.child("gunicorn")

    def web_workers(self) -> list[psutil.Process]:
        return self.web().children()

    def pool_worker(self) -> psutil.Process:
        return self.child("worker")

    def cluster(self, name: str) -> psutil.Process:
        return self.child("qcluster", Q_CLUSTER_NAME=name)

    def sentinel(self, cluster: str) -> psutil.Process:
        for process in self.cluster(cluster).children():
            return process
        raise NoVictim(f"the cluster {cluster} has no sentinel")

    def of_role(self, cluster: str, role: str) -> dict[str, psutil.Process]:
        """The cluster's processes of a role, by the names they go by in the log."""
        said = self.copy.log.read_text(errors="replace")
        names = {int(pid): name for name, pid in ROLES[role].findall(said)}
        alive = self.sentinel(cluster).children()
        found = {names[process.pid]: process for process in alive if process.pid in names}
        if not found:
            raise NoVictim(f"the cluster {cluster} has no {role}")
        return found

    def worker_that_begins(self, cluster: str, task: str, within: float) -> psutil.Process:
        """Wait until one of the cluster's workers begins such a task, and return it at once."""
        workers = self.of_role(cluster, "worker")
        deadline = time.monotonic() + within
        with self.copy.log.open(errors="replace") as log:
            log.seek(0, 2)
            while time.monotonic() < deadline:
                for name, kind in BEGUN.findall(log.read()):
                    if kind == task and name in workers:
                        return workers[name]
                time.sleep(LOOK_EVERY)
        raise NoVictim(f"no worker of {cluster} began a {task} within {within:.0f} s")


def until(holds: Callable[[], bool], within: float, sentence: str, *, every: float = 0.05) -> None:
    """Wait for it, or raise NoVictim with the sentence. All times are seconds."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise NoVictim(sentence)
        time.sleep(every)
