"""Measure the engines: `python -m benchmarks.engine`.

Each row is one job in a process of its own, so that its peak memory is its own. The clip is the sample
one, set over a blurred copy of itself at the wanted height, 16:9, and played to and fro for the wanted time.
Beside each job, in the same process and after it, stands the same clip decoded, with `--4k` enlarged, and
encoded without any swap.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from itertools import chain, cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import cv2
import numpy as np

from worker.engines import Task, make
from worker.media.framing import output_size, resize
from worker.media.picture import Picture
from worker.media.sink import Mp4Sink
from worker.media.source import open_video

SAMPLES = Path(__file__).parent.parent / "worker" / "samples"
CLIP, PHOTO = SAMPLES / "hopper.mp4", SAMPLES / "astronaut.png"
QUALITIES = ("fast", "balanced", "max")
BY_SOUND = "photo_sing:sound"  # without a reference video
MODES = ("video_swap", "photo_sing", BY_SOUND)
STATUS = Path("/proc/self/status")  # on Linux


@dataclass(frozen=True, kw_only=True)
class Job:
    mode: str
    height: int
    quality: str
    clip: str
    enable_4k: bool = False


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Times are milliseconds a frame; `first_s` is how long it took to the first one, in seconds."""

    fps: float
    cpu_ms: float
    first_s: float
    peak_mib: int
    steps_ms: dict[str, float]
    copy_fps: float


def make_clip(path: Path, height: int, seconds: float) -> None:
    """Write the sample clip at 16:9 and that height, to and fro for so long."""
    with open_video(CLIP) as source:
        pictures = [widened(picture, height) for picture in source]
        rate, time_base, colour = source.rate, source.time_base, source.colour
    width = pictures[0].width
    to_and_fro = cycle(chain(pictures, reversed(pictures)))
    step = round(1 / (rate * time_base))
    sink = Mp4Sink(path, width=width, height=height, rate=rate, time_base=time_base, colour=colour)
    with sink:
        for index, picture in enumerate(islice(to_and_fro, round(seconds * rate))):
            sink.write(replace(picture, pts=index * step))


def widened(picture: Picture, height: int) -> Picture:
    """Set the picture, at that height, over a blurred copy of itself that fills 16:9."""
    width = height * 16 // 9 // 4 * 4
    inner = round(picture.width * height / picture.height / 4) * 4
    y, u, v = (over_blurred(plane, picture, width, height, inner) for plane in picture.planes)
    return Picture(y, u, v)


def over_blurred(plane: np.ndarray, picture: Picture, width: int, height: int, inner: int) -> np.ndarray:
    part = picture.height // plane.shape[0]  # 2 for chroma
    width, height, inner = width // part, height // part, inner // part
    wide = cv2.GaussianBlur(cv2.resize(plane, (width, height)), (0, 0), height / 40)
    left = (width - inner) // 2
    wide[:, left : left + inner] = cv2.resize(plane, (inner, height), interpolation=cv2.INTER_AREA)
    return wide


def measure(job: Job, folder: Path) -> Measured:
    task = Task(
        mode=job.mode.partition(":")[0],
        quality=job.quality,
        enable_4k=job.enable_4k,
        aspect_ratio="original",
        reference_video=None if job.mode == BY_SOUND else Path(job.clip),
        source_image=PHOTO,
        driving_audio=None if job.mode == "video_swap" else SAMPLES / "speech.m4a",
        output=folder / "out.mp4",
    )
    first: list[float] = []

    def progress(stage: str, done: int, total: int | None) -> None:
        if done == 1 and not first:
            first.append(perf_counter())

    begun, begun_cpu = perf_counter(), process_time()
    result = make(task, progress)
    seconds, cpu = perf_counter() - begun, process_time() - begun_cpu
    peak = peak_mib()
    return Measured(
        fps=result.frames / seconds,
        cpu_ms=1000 * cpu / result.frames,
        first_s=first[0] - begun,
        peak_mib=peak,
        steps_ms={step: 1000 * spent / result.frames for step, spent in result.stage_seconds.items()},
        copy_fps=copy_fps(job, folder / "copy.mp4"),
    )


def peak_mib() -> int:
    """Return the most memory this process ever held, in MiB."""
    if STATUS.exists():
        # Not getrusage: there Linux counts what the parent held when it started this process.
        lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20  # macOS counts bytes


def copy_fps(job: Job, path: Path) -> float:
    """Return how many frames a second are decoded and encoded at the job's size, and nothing else."""
    begun = perf_counter()
    with open_video(Path(job.clip)) as source:
        width, height = output_size(source.width, source.height, enable_4k=job.enable_4k)
        sink = Mp4Sink(
            path,
            width=width,
            height=height,
            rate=source.rate,
            time_base=source.time_base,
            colour=source.colour,
            quality=job.quality,
        )
        with sink:
            for picture in source:
                sink.write(resize(picture, width, height, job.quality))
    return sink.frames / (perf_counter() - begun)


def measured_apart(job: Job) -> Measured:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.engine", "--one", json.dumps(asdict(job))]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=900)
    return Measured(**json.loads(done.stdout))


def row(job: Job, seen: Measured) -> str:
    steps = ", ".join(f"{step} {spent:.1f}" for step, spent in seen.steps_ms.items())
    whole = [f"{seen.fps:.1f}", f"{seen.cpu_ms:.0f}", f"{seen.first_s:.1f}", str(seen.peak_mib)]
    height = f"{job.height} to 4K" if job.enable_4k else str(job.height)
    cells = [job.mode, height, job.quality, *whole, steps, f"{seen.copy_fps:.0f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", nargs="+", default=["video_swap"], choices=MODES)
    parser.add_argument("--height", nargs="+", type=int, default=[720, 1080])
    parser.add_argument("--quality", nargs="+", default=QUALITIES, choices=QUALITIES)
    parser.add_argument("--4k", dest="enable_4k", action="store_true", help="enlarge the results to 4K")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of the clip")
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        if given.one:
            print(json.dumps(asdict(measure(Job(**given.one), Path(folder)))))
            return
        print(
            f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; ms a frame\n"
        )
        print("| mode | height | quality | fps | cpu | first, s | MiB | steps | copy, fps |")
        print("|---" * 9 + "|")
        for height in given.height:
            clip = Path(folder) / f"{height}.mp4"
            make_clip(clip, height, given.seconds)
            for mode in given.mode:
                for quality in given.quality:
                    job = Job(
                        mode=mode, height=height, quality=quality, clip=str(clip), enable_4k=given.enable_4k
                    )
                    print(row(job, measured_apart(job)), flush=True)


if __name__ == "__main__":
    main()
