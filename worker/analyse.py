"""Look at one file for the people in it: `python -m worker analyse photo|video FILE`, a process with limits.

One JSON object on standard output: {"people": [...]}, or {"error": {"code", "message"}} with exit code 1, 3
where the engine cannot run. Each of the people has a `number` from 1 on, a `box` (left, top, right, bottom in
shares of the upright picture's sides) and a `picture` (JPEG, base64). In a video they come with `time` in
seconds, `seen`, the share of the looked-at pictures that show them, and `path`, [time, left, top, right,
bottom] in each of those; the most prominent first. In a photo with `usable`, `reason` and `sentence` (why
not), and `taken`: whose face a job would use.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

from worker.errors import UnsupportedPlatform, WorkError
from worker.machine import check

MEMORY_BYTES = 4 * 1024**3  # address space: an 8K frame with its decoder's references, and the networks
CPU_SECONDS = 60
EXIT_REFUSED = 1
EXIT_UNSUPPORTED = 3


def analyse(words: list[str]) -> int:
    """Answer on standard output and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m worker analyse", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("file", type=Path)
    asked = parser.parse_args(words)
    limit_this_process()
    try:
        check()
        people = [{"number": number, **each} for number, each in enumerate(KINDS[asked.kind](asked.file), 1)]
        print(json.dumps({"people": people}))
    except WorkError as exc:
        print(json.dumps({"error": {"code": exc.code, "message": str(exc)}}))
        return EXIT_UNSUPPORTED if isinstance(exc, UnsupportedPlatform) else EXIT_REFUSED
    return 0


def limit_this_process() -> None:
    """Bound address space (where the system can: not on macOS), processor time and core dumps."""
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def people_of_video(path: Path) -> list[dict[str, Any]]:
    from worker.engines.swap.people import people_in  # after the check: a machine without it gets a sentence

    return [
        {"time": each.time, "seen": each.seen, "path": each.path, **told(each)} for each in people_in(path)
    ]


def people_of_photo(path: Path) -> list[dict[str, Any]]:
    from worker.engines.swap.sitters import sitters_of

    return [
        {
            "usable": not each.reason,
            "reason": each.reason,
            "sentence": each.sentence,
            "taken": each.is_taken,
            **told(each),
        }
        for each in sitters_of(path)
    ]


def told(each: Any) -> dict[str, Any]:
    return {"box": each.box, "picture": b64encode(each.picture).decode()}


KINDS = {"photo": people_of_photo, "video": people_of_video}
