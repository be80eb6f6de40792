"""Kills a running copy piece by piece while it works, and counts what that did: `python -m benchmarks.chaos`.

Real processes, real HTTP, a seed for what is killed, when and with which signal. Ends with 1 unless every
job ended once, rightly, and within the time, and the service was well again within a minute of each death.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.callers import Caller, NoAnswer, Reader
from benchmarks.faults import ENDS, FAULTS, Fault, Scene
from benchmarks.ledger import ENDED, Ledger, Try, overlapping
from benchmarks.processes import HANDED_IN, NoVictim, Processes
from faceswap_site.copies import Copy, fresh_database

WELL_WITHIN = 60.0  # seconds
GIVEN_UP_AFTER = 150.0
SECONDS_A_JOB = 10.0  # what one worker needs for a tiny clip on a busy machine, and more
JOBS_A_FAULT = 3
CANCELLED_SHARE = 0.1
CLIPS = ("tiny.mp4", "tiny.mp4", "hopper.mp4")  # The long one is at work when many a blow comes.
LOOK_EVERY = 0.25
# A sign of life counts when it came so long after the blow: it might have been under way.
AFTERWARDS = timedelta(seconds=1)
SIGNS = ("queue:dispatch", "queue:outputs", "pool worker")


@dataclass(frozen=True)
class Wound:
    kind: str
    how: str
    at: datetime
    seconds: float  # until it was well again
    ailment: str  # what was missing last


@dataclass
class Findings:
    jobs: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)

    def note(self, name: str, found: Sequence[str]) -> None:
        self.counts[name] = len(found)
        self.details += [f"{name}: {each}" for each in found]


def main() -> int:
    arguments = _arguments()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="faceswap-chaos-") as folder,
        fresh_database(os.environ) as database,
        Copy(Path(folder), environ={**database, "QUEUE_LOG_LEVEL": "INFO"}) as copy,
    ):
        wounds, findings = run(copy, arguments)
        if arguments.log:
            arguments.log.write_bytes(copy.log.read_bytes())
    for line in report(wounds, findings, arguments.seed, time.monotonic() - began):
        print(line)
    longest = max((wound.seconds for wound in wounds), default=0.0)
    return int(any(findings.counts.values()) or longest >= WELL_WITHIN)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[], help="kinds of faults that begin with one of these")
    parser.add_argument("--log", type=Path, help="keep what the service said in this file")
    return parser.parse_args()


def run(copy: Copy, arguments: argparse.Namespace) -> tuple[list[Wound], Findings]:
    chance = random.Random(arguments.seed)
    scene = Scene(Processes(copy), Ledger(copy.environ["DATABASE_URL"]), chance)
    caller = Caller(copy)
    reader = Reader(caller, arguments.seed)
    reader.start()
    plan = planned(arguments.jobs, chance, arguments.only)
    with ThreadPoolExecutor(8) as pool:
        sent: list[Future[None]] = []
        wounds = []
        for fault, jobs in plan:
            # A chance of its own for each, so that what is drawn does not depend on who is first.
            lives = [random.Random(chance.getrandbits(32)) for _ in range(jobs)]
            sent += [pool.submit(live_through, caller, life) for life in lives]
            if not fault.is_awaited:
                time.sleep(chance.uniform(0.5, 3))
            if wound := inflict(scene, fault):
                wounds.append(wound)
                tell(wound)
        for future in sent:
            future.result()
    wait_for_the_end(scene.ledger, caller)
    reader.ended.set()
    reader.join()
    return wounds, judge(scene, caller, reader, wounds)


def planned(jobs: int, chance: random.Random, only: Sequence[str]) -> list[tuple[Fault, int]]:
    """The faults in order, every kind before any comes again, and how many jobs are submitted with each."""
    kinds = [fault for fault in FAULTS if not only or fault.kind.startswith(tuple(only))]
    rounds = max(min(jobs, len(kinds)), jobs // JOBS_A_FAULT)
    faults: list[Fault] = []
    while len(faults) < rounds:
        faults += chance.sample(kinds, len(kinds))
    return [(fault, jobs // rounds + (index < jobs % rounds)) for index, fault in enumerate(faults[:rounds])]


def live_through(caller: Caller, chance: random.Random) -> None:
    """Submit a job after a while; a few are cancelled again."""
    time.sleep(chance.uniform(0, 2))
    try:
        job = caller.submit(chance.choice(CLIPS))
        if chance.random() < CANCELLED_SHARE:
            time.sleep(chance.uniform(0, 5))
            caller.cancel(job)
    except NoAnswer as exc:
        caller.unanswered.append(str(exc))


def inflict(scene: Scene, fault: Fault) -> Wound | None:
    """Hurt the copy and wait until it is well again; None if there was nobody to hurt."""
    number = scene.chance.choice(ENDS)
    try:
        at = fault.act(scene, number)
    except NoVictim as exc:
        print(f"{fault.kind}: left out, {exc}", flush=True)
        return None
    in_hand = being_handled(scene.ledger)
    began = (datetime.now(UTC) - at).total_seconds()
    started, ailment = time.monotonic() - began, ""
    while (missing := ailing(scene, at, in_hand)) and time.monotonic() - started < GIVEN_UP_AFTER:
        ailment = missing
        time.sleep(LOOK_EVERY)
    how = "" if fault.kind.startswith(("machine", "sleep")) else number.name
    return Wound(fault.kind, how, at, time.monotonic() - started, ailment)


def being_handled(ledger: Ledger) -> set[str]:
    """The open jobs that somebody was at: all but those that wait for a worker."""
    latest = ledger.latest_tries()
    states = ledger.states()
    return {
        job
        for job, status in states.items()
        if status not in ENDED and not (job in latest and latest[job].waits_for_a_worker)
    }


def ailing(scene: Scene, since: datetime, in_hand: set[str]) -> str:
    """What is not yet as it was before the blow; empty when all is well."""
    process = scene.processes.copy.process
    if process is None or process.poll() is not None:
        scene.processes.copy.start()
        return "the supervisor had to be started once more"
    if missing := scene.processes.copy.missing():
        return missing
    signs = scene.ledger.signs_of_life()
    if silent := [name for name in SIGNS if name not in signs or signs[name] < since + AFTERWARDS]:
        return f"no sign of life from {', '.join(silent)}"
    try:
        scene.processes.undertaker()
    except NoVictim as exc:
        return str(exc)
    latest, states = scene.ledger.latest_tries(), scene.ledger.states()
    left = [job for job in in_hand if not goes_on(states.get(job, ""), latest.get(job), since)]
    return f"nobody is at {', '.join(left)}" if left else ""


def goes_on(status: str, attempt: Try | None, since: datetime) -> bool:
    """Has it ended, is it with a worker that was heard of since, or in the hands of none but the queue's?"""
    if status in ENDED:
        return True
    if attempt is None or attempt.closed_at is not None:
        return False
    heard = attempt.heard_at is not None and attempt.heard_at > since + AFTERWARDS
    return attempt.waits_for_a_worker or (attempt.is_with_a_worker and heard)


def tell(wound: Wound) -> None:
    why = f"  (last: {wound.ailment[:100]})" if wound.ailment else ""
    print(f"{wound.kind:<22} {wound.how:<8} well after {wound.seconds:5.1f} s{why}", flush=True)


def wait_for_the_end(ledger: Ledger, caller: Caller) -> None:
    """Wait until every job has ended, or for as long as they may take."""
    left = sum(status not in ENDED for status in ledger.states().values())
    deadline = time.monotonic() + WELL_WITHIN + SECONDS_A_JOB * left
    while time.monotonic() < deadline:
        states = ledger.states()
        if all(states.get(job) in ENDED for job in caller.accepted):
            return
        time.sleep(LOOK_EVERY)


def judge(scene: Scene, caller: Caller, reader: Reader, wounds: list[Wound]) -> Findings:
    states, tries = scene.ledger.states(), scene.ledger.tries()
    findings = Findings(jobs=len(caller.accepted))
    ended = {job: state for job, state in states.items() if state in ENDED}
    done = scene.ledger.times_done()
    asleep = [wound.at for wound in wounds if wound.kind.startswith("sleep")]
    said = scene.processes.copy.log.read_text(errors="replace")
    handed_in = HANDED_IN.findall(said)
    findings.note("request never answered", caller.unanswered)
    findings.note("lost", [job for job in caller.accepted if job not in states])
    findings.note("submitted twice", [job for job in states if job not in caller.may_end])
    findings.note("stuck", [f"{job} is {state}" for job, state in states.items() if job not in ended])
    findings.note(
        "dispatched twice",
        [*overlapping(tries), *{attempt for attempt in handed_in if handed_in.count(attempt) > 1}],
    )
    findings.note("output served half-written", reader.broken)
    findings.note(
        "wrong final state",
        [
            f"{job} is {state}"
            for job, state in ended.items()
            if state not in caller.may_end.get(job, {state})
        ],
    )
    findings.note("done more than once", [job for job, times in done.items() if times > 1])
    findings.note(
        "lease expired by sleep",
        [attempt.id for attempt in tries if any(expired_by_sleep(attempt, woken) for woken in asleep)],
    )
    retried = sum(attempt.number > 1 for attempt in tries)
    findings.details.append(
        f"{len(tries)} attempts, {retried} of them because one before was lost; reads: {dict(reader.answers)}"
    )
    return findings


def expired_by_sleep(attempt: Try, woken: datetime) -> bool:
    """Was it given up when the machine woke, although its worker slept as well?"""
    return (
        attempt.outcome == "lost"
        and attempt.closed_at is not None
        and woken - AFTERWARDS < attempt.closed_at < woken + timedelta(seconds=15)
    )


def report(wounds: list[Wound], findings: Findings, seed: int, seconds: float) -> Iterator[str]:
    yield ""
    yield f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; seed {seed}"
    yield ""
    yield "| fault | times | signals | median s | longest s |"
    yield "|---|---|---|---|---|"
    for kind in sorted({wound.kind for wound in wounds}):
        times = [wound.seconds for wound in wounds if wound.kind == kind]
        how = ", ".join(sorted({wound.how for wound in wounds if wound.kind == kind} - {""}))
        yield f"| {kind} | {len(times)} | {how} | {statistics.median(times):.1f} | {max(times):.1f} |"
    yield ""
    yield "| what | count |"
    yield "|---|---|"
    yield f"| jobs | {findings.jobs} |"
    for name, count in findings.counts.items():
        yield f"| {name} | {count} |"
    longest = max((wound.seconds for wound in wounds), default=0.0)
    yield f"| longest recovery, s | {longest:.1f} |"
    yield ""
    yield from findings.details
    yield f"{len(wounds)} faults in {seconds:.0f} s."


if __name__ == "__main__":
    sys.exit(main())
