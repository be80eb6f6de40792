"""The ways in which a running copy is hurt: one victim at a time, or the whole machine."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

from benchmarks.ledger import Ledger
from benchmarks.processes import Processes, until

ASLEEP = 40.0  # seconds: longer than a pool worker's lease
PATIENCE = 30.0  # seconds to wait for a victim that is busy, or idle
ENDS = (signal.SIGKILL, signal.SIGTERM)
CLUSTERS = {"dispatch": "dispatch", "outputs": "collect"}  # and the task that makes a worker of each busy


@dataclass(frozen=True)
class Scene:
    processes: Processes
    ledger: Ledger
    chance: random.Random


@dataclass(frozen=True)
class Fault:
    """`act` hurts the copy with the given signal and returns when it did; or raises NoVictim."""

    kind: str
    act: Callable[[Scene, signal.Signals], datetime]
    is_awaited: bool = False  # It looks for its moment itself, from when the jobs are on their way.


def one(find: Callable[[Scene], psutil.Process]) -> Callable[[Scene, signal.Signals], datetime]:
    def act(scene: Scene, number: signal.Signals) -> datetime:
        find(scene).send_signal(number)
        return datetime.now(UTC)

    return act


def busy_queue_worker(cluster: str) -> Callable[[Scene], psutil.Process]:
    return lambda scene: scene.processes.worker_that_begins(cluster, CLUSTERS[cluster], PATIENCE)


def idle_queue_worker(cluster: str) -> Callable[[Scene], psutil.Process]:
    """Any of them; a task takes a few hundredths of a second, so that it is idle nearly always."""
    return lambda scene: scene.chance.choice(
        sorted(scene.processes.of_role(cluster, "worker").values(), key=lambda process: process.pid)
    )


def role(cluster: str, name: str) -> Callable[[Scene], psutil.Process]:
    return lambda scene: next(iter(scene.processes.of_role(cluster, name).values()))


def busy_pool_worker(scene: Scene) -> psutil.Process:
    def is_in_the_midst() -> bool:
        if not is_at_work(scene):
            return False
        time.sleep(scene.chance.uniform(0, 1))
        return is_at_work(scene)

    until(is_in_the_midst, PATIENCE, "the pool worker has had nothing to do")
    return scene.processes.pool_worker()


def idle_pool_worker(scene: Scene) -> psutil.Process:
    until(lambda: not is_at_work(scene), PATIENCE, "the pool worker has had no rest")
    return scene.processes.pool_worker()


def is_at_work(scene: Scene) -> bool:
    return any(attempt.is_with_a_worker for attempt in scene.ledger.tries())


def stop_runner(scene: Scene, number: signal.Signals) -> datetime:
    """End the supervisor; whoever looks after the machine starts it again."""
    process = scene.processes.copy.process
    assert process is not None
    at = datetime.now(UTC)
    process.send_signal(number)
    with suppress(subprocess.TimeoutExpired):
        process.wait(20)
    scene.processes.copy.start()
    return at


def cut_power(scene: Scene, number: signal.Signals) -> datetime:
    everybody, at = scene.processes.everybody(), datetime.now(UTC)
    for process in everybody:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(everybody[1:], timeout=10)
    assert scene.processes.copy.process is not None
    scene.processes.copy.process.wait(10)
    scene.processes.copy.start()
    return at


def sleep(scene: Scene, number: signal.Signals) -> datetime:
    """Stop everything for a while; hurt is what must wake up."""
    everybody = scene.processes.everybody()
    for order in (signal.SIGSTOP, signal.SIGCONT):
        for process in everybody:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(order)
        if order == signal.SIGSTOP:
            time.sleep(ASLEEP)
    return datetime.now(UTC)


def sleep_at_handover(scene: Scene, number: signal.Signals) -> datetime:
    """Fall asleep when a worker has been given a job, and the answer may not have reached it yet."""
    known = {attempt.id for attempt in scene.ledger.tries() if attempt.started_at}
    until(
        lambda: any(attempt.started_at and attempt.id not in known for attempt in scene.ledger.tries()),
        PATIENCE,
        "no job was handed over",
        every=0.002,
    )
    return sleep(scene, number)


def of_cluster(name: str) -> list[Fault]:
    finders: dict[str, Callable[[Scene], psutil.Process]] = {
        "main": lambda scene: scene.processes.cluster(name),
        "sentinel": lambda scene: scene.processes.sentinel(name),
        "pusher": role(name, "pusher"),
        "monitor": role(name, "monitor"),
        "busy worker": busy_queue_worker(name),
        "idle worker": idle_queue_worker(name),
    }
    return [
        Fault(f"{name}: {victim}", one(find), is_awaited=victim == "busy worker")
        for victim, find in finders.items()
    ]


FAULTS = [
    Fault("web: master", one(lambda scene: scene.processes.web())),
    Fault("web: worker", one(lambda scene: scene.chance.choice(scene.processes.web_workers()))),
    *of_cluster("dispatch"),
    *of_cluster("outputs"),
    Fault("pool worker: busy", one(busy_pool_worker)),
    Fault("pool worker: idle", one(idle_pool_worker)),
    Fault("supervisor", stop_runner),
    Fault("undertaker", one(lambda scene: scene.processes.undertaker())),
    Fault("machine", cut_power),
    Fault("sleep", sleep),
    Fault("sleep: handing over", sleep_at_handover, is_awaited=True),
]
