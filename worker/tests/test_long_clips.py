"""What a long clip takes of the machine: no more memory than a short one, and little disk."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from worker.tests.clipmaking import tone, write_clip
from worker.tests.faceclips import HOPPER, SIZE, moving_face

REPOSITORY = Path(__file__).parents[2]
RATE = 25
# Makes one swap in a process of its own; tells its peak of memory, in KiB, and what lay on the disk.
PROGRAM = """if True:
    import json, sys, threading
    from pathlib import Path
    from worker.engines import Task, make
    clip, photo, folder = map(Path, sys.argv[1:])
    (folder / "parts").mkdir(parents=True)
    most, over = 0, threading.Event()
    def size(path):
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0
    def watch():
        global most
        while not over.wait(0.005):
            most = max(most, sum(map(size, folder.rglob("*.*"))))
    watching = threading.Thread(target=watch)
    watching.start()
    make(Task(mode="video_swap", quality="fast", enable_4k=False, aspect_ratio="1:1", reference_video=clip,
              source_image=photo, driving_audio=None, output=folder / "out.mp4", parts=folder / "parts"),
         lambda *said: None)
    over.set()
    watching.join()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    segments = [each.stat().st_size for each in (folder / "parts").glob("*.mp4")]
    print(json.dumps([int(status["VmHWM"].split()[0]), most, size(folder / "out.mp4"), max(segments)]))
"""


@dataclass(frozen=True)
class Taken:
    """Bytes, but `memory`, which is in KiB."""

    memory: int
    disk: int
    output: int
    largest_segment: int


def taken(folder: Path, seconds: int) -> Taken:
    folder.mkdir()
    times = range(0, 1000 * seconds, 1000 // RATE)
    clip = write_clip(folder / "in.mp4", times=times, size=SIZE, draw=to_and_fro, sound=tone(seconds))
    command = [sys.executable, "-c", PROGRAM, str(clip), str(HOPPER), str(folder / "made")]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True)
    return Taken(*json.loads(done.stdout.splitlines()[-1]))


def to_and_fro(index: int, width: int, height: int):
    return moving_face(15 - abs(index % 60 - 30), width, height)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_long_clip_takes_no_more_memory_and_little_disk(tmp_path):
    short, long = taken(tmp_path / "short", 20), taken(tmp_path / "long", 100)

    print(short, long)
    assert long.memory == pytest.approx(short.memory, rel=0.05)
    assert long.disk < 2 * long.output + 2 * long.largest_segment
    assert long.output > 3 * short.output
