"""What a long video takes of the machine: `python -m benchmarks.length`.

Jobs of each length run in processes of their own, so that the peak of memory is theirs; after that one is
killed half way and done by a second process. The clip is small and slow, 424x240 at 10 pictures a second,
made of fifteen seconds, face and nobody, that come again and again: each time everybody is met anew.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np

from benchmarks.engine import CLIP, PHOTO, SAMPLES, peak_mib, widened
from worker.engines import Task, make
from worker.media.picture import HD, Picture
from worker.media.segments import SECONDS
from worker.media.sink import Mp4Sink
from worker.media.sound import Sound
from worker.media.source import open_video

HEIGHT, RATE = 240, 10
LOOP = 15  # seconds
MODES = ("video_swap", "photo_sing")
LOOK_EVERY = 0.02  # seconds, at the disk


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


def make_clip(path: Path, seconds: int) -> None:
    """Write the clip, its loops copied packet for packet."""
    loop = path.with_name("loop.mp4")
    sink = Mp4Sink(
        loop,
        width=HEIGHT * 16 // 9 // 4 * 4,
        height=HEIGHT,
        rate=Fraction(RATE),
        time_base=Fraction(1, RATE),
        colour=HD,
        sound=Sound(SAMPLES / "speech.m4a", alone=True),
    )
    with sink:
        for index, picture in enumerate(loop_pictures()):
            sink.write(replace(picture, pts=index, duration=1))
    repeat(loop, path, seconds)


def loop_pictures() -> Iterator[Picture]:
    with open_video(CLIP) as source:
        seen = [widened(picture, HEIGHT) for picture in list(source)[:: round(source.rate / RATE)]]
    y, u, v = (np.full_like(plane, 120) for plane in seen[0].planes)
    nobody = [Picture(y, u, v)] * (LOOP * RATE - 2 * len(seen))
    return iter([*seen, *reversed(seen), *nobody])


def repeat(loop: Path, path: Path, seconds: int) -> None:
    with av.open(str(path), "w") as output:
        tracks: dict[int, av.stream.Stream] = {}
        last: dict[int, int] = {}
        for begin in range(0, seconds, LOOP):
            with av.open(str(loop)) as source:
                for stream in source.streams if not tracks else ():
                    tracks[stream.index] = output.add_stream_from_template(stream)
                for packet in source.demux():
                    number = packet.stream_index
                    if packet.dts is None or packet.pts is None:
                        continue
                    shift = round(begin / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    # Sound that overlaps the loop before, by its encoder's first packet, is left out.
                    if packet.pts * packet.time_base < seconds and packet.dts > last.get(
                        number, packet.dts - 1
                    ):
                        last[number] = packet.dts
                        packet.stream = tracks[number]
                        output.mux_one(packet)


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
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, DiskWatch(job) as disk:
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


def tell_memory(mode: str, minutes: list[float], folder: Path) -> None:
    """Print a row for each length."""
    first = 0
    for each in minutes:
        clip = folder / "in.mp4"
        make_clip(clip, round(60 * each))
        with TemporaryDirectory(dir=folder) as made:
            seen = run(Job(mode=mode, clip=str(clip), folder=made))
        first = first or seen.peak_mib
        growth = 100 * (seen.peak_mib / first - 1)
        print(f"| {mode} | {each:g} | {seen.frames} | {seen.peak_mib} | {growth:+.1f} |", flush=True)


def tell_resume(mode: str, minutes: float, folder: Path) -> None:
    """Print the row of a job that is killed half way, just before a segment would be finished."""
    clip = folder / "in.mp4"
    make_clip(clip, round(60 * minutes))
    whole = Job(mode=mode, clip=str(clip), folder=str(folder / "whole"))
    killed = replace(whole, folder=str(folder / "killed"))
    seen = run(whole)
    segment = SECONDS * seen.rate
    half = run(killed, kill_at=round((seen.frames / 2 // segment + 0.9) * segment))
    rest = run(killed)
    again = half.frames - rest.begun
    is_same = whole.output.read_bytes() == killed.output.read_bytes()
    output = killed.output.stat().st_size
    limit = 2 * output + 2 * max(size(path) for path in killed.parts.glob("segment-*"))
    cells = [
        mode,
        f"{minutes:g}",
        f"{half.frames} of {seen.frames}",
        f"{again} frames, {again / seen.rate:.1f} s",
        "every byte" if is_same else "NO",
        *(f"{each / 1e6:.2f}" for each in (output, max(half.disk, rest.disk), limit)),
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


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
        with TemporaryDirectory() as folder:
            tell_memory(mode, given.minutes, Path(folder))
    print("\n| mode | minutes | killed at | made again | the same | output, MB | most on the disk | limit |")
    print("|---" * 8 + "|")
    for mode in given.mode:
        for minutes in given.killed:
            with TemporaryDirectory() as folder:
                tell_resume(mode, minutes, Path(folder))


if __name__ == "__main__":
    main()
