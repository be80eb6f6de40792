"""What a long video takes of the machine: `python -m benchmarks.length`.

Jobs of each length run in processes of their own, so that the peak of memory is theirs; after that one is
killed half way and done by a second process. The clips are those of `benchmarks.loops`.

Memory is what the jobs need, not what glibc keeps beside it: with pieces of a megabyte cut out of its heaps,
one and the same job peaks between 215 and 275 MiB, as its threads happen to meet.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.engine import PHOTO, peak_mib
from benchmarks.loops import make_clip
from worker.engines import Task, make
from worker.media.segments import SECONDS

MODES = ("video_swap", "photo_sing")
LOOK_EVERY = 0.02  # seconds, at the disk
GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": str(2**18)}  # bytes: larger pieces never lie in a heap


@dataclass(frozen=True, kw_only=True)
class Job:
    mode: str
    clip: str
    folder: str

    @property
    def parts(self) -> Path:
        return Path(self.folder) / "parts"

    @property
    def output(self) -> Path:
        return Path(self.folder) / "out.mp4"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One process at a job. `begun` is the frame that it began with; sizes are bytes, beside the input."""

    begun: int
    frames: int
    disk: int
    peak_mib: int = 0
    rate: float = 0.0

    @property
    def made(self) -> int:
        return self.frames - self.begun


def work(job: Job) -> None:
    """Do the job in this process; print each frame's number, and at last what it took."""
    job.parts.mkdir(parents=True, exist_ok=True)
    sings = job.mode == "photo_sing"
    task = Task(
        mode=job.mode,
        quality="fast",
        enable_4k=False,
        aspect_ratio="original",
        reference_video=None if sings else Path(job.clip),
        source_image=PHOTO,
        driving_audio=Path(job.clip) if sings else None,
        output=job.output,
        parts=job.parts,
    )

    def progress(stage: str, done: int, total: int | None) -> None:
        if stage == "generating":
            print(done, flush=True)

    result = make(task, progress)
    print(json.dumps({"peak_mib": peak_mib(), "rate": result.fps}))


def run(job: Job, *, kill_at: int | None = None) -> Run:
    """Have the job done by a process of its own, which may be killed at a frame."""
    command = [sys.executable, "-m", "benchmarks.length", "--one", json.dumps(asdict(job))]
    frames: list[int] = []
    told: dict = {}
    env = os.environ | GIVEN_BACK
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process,
        DiskWatch(job) as disk,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                told = json.loads(line)
                continue
            frames.append(int(line))
            if kill_at is not None and frames[-1] >= kill_at:
                process.kill()
                break
    if kill_at is None and process.returncode:
        raise SystemExit(f"The job {job} ended with {process.returncode}.")
    return Run(begun=frames[0], frames=frames[-1], disk=disk.most, **told)


class DiskWatch:
    """Sees, while it is entered, the most bytes that lie in a job's folder."""

    def __init__(self, job: Job) -> None:
        self.folder, self.most, self.over = Path(job.folder), 0, threading.Event()
        self.watching = threading.Thread(target=self.watch)

    def __enter__(self) -> DiskWatch:
        self.watching.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.over.set()
        self.watching.join()

    def watch(self) -> None:
        while not self.over.wait(LOOK_EVERY):
            self.most = max(self.most, sum(size(path) for path in self.folder.rglob("*.*")))


def size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # it was renamed meanwhile
        return 0


def whole_run(mode: str, minutes: float, folder: Path) -> Run:
    """Do a job of that length."""
    make_clip(folder / "in.mp4", round(60 * minutes))
    return run(Job(mode=mode, clip=str(folder / "in.mp4"), folder=str(folder / "whole")))


@dataclass(frozen=True, kw_only=True)
class Killed:
    """A job that a second process did to its end. `again`: the frames that both made; sizes are bytes."""

    whole: Run
    first: Run
    second: Run
    is_same: bool
    output: int
    largest_segment: int

    @property
    def again(self) -> int:
        return self.first.frames - self.second.begun

    @property
    def disk(self) -> int:
        return max(self.first.disk, self.second.disk)

    @property
    def disk_limit(self) -> int:
        return 2 * self.output + 2 * self.largest_segment


def killed_run(mode: str, minutes: float, folder: Path) -> Killed:
    """Do a job twice, once killed half way, just before a segment would be finished."""
    whole = whole_run(mode, minutes, folder)
    job = Job(mode=mode, clip=str(folder / "in.mp4"), folder=str(folder / "killed"))
    segment = SECONDS * whole.rate
    first = run(job, kill_at=round((whole.frames / 2 // segment + 0.9) * segment))
    second = run(job)
    return Killed(
        whole=whole,
        first=first,
        second=second,
        is_same=job.output.read_bytes() == (folder / "whole" / "out.mp4").read_bytes(),
        output=size(job.output),
        largest_segment=max(size(path) for path in job.parts.glob("segment-*")),
    )


def killed_row(mode: str, minutes: float, seen: Killed) -> str:
    cells = [
        mode,
        f"{minutes:g}",
        f"{seen.first.frames} of {seen.whole.frames}",
        f"{seen.again} frames, {seen.again / seen.whole.rate:.1f} s",
        "every byte" if seen.is_same else "NO",
        *(f"{each / 1e6:.2f}" for each in (seen.output, seen.disk, seen.disk_limit)),
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", nargs="+", default=MODES, choices=MODES)
    parser.add_argument("--minutes", nargs="*", type=float, default=[1, 20], help="lengths to compare")
    parser.add_argument(
        "--killed", nargs="*", type=float, default=[10], help="minutes of those that are killed"
    )
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        work(Job(**given.one))
        return
    print("| mode | minutes | frames | MiB | more, % |\n" + "|---" * 5 + "|")
    for mode in given.mode:
        first = 0
        for minutes in given.minutes:
            with TemporaryDirectory() as folder:
                seen = whole_run(mode, minutes, Path(folder))
            first = first or seen.peak_mib
            more = 100 * (seen.peak_mib / first - 1)
            print(f"| {mode} | {minutes:g} | {seen.frames} | {seen.peak_mib} | {more:+.1f} |", flush=True)
    print("\n| mode | minutes | killed at | made again | the same | output, MB | most on the disk | limit |")
    print("|---" * 8 + "|")
    for mode in given.mode:
        for minutes in given.killed:
            with TemporaryDirectory() as folder:
                print(killed_row(mode, minutes, killed_run(mode, minutes, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
