"""One real job, from upload to result, on a copy of the service of its own: `python -m faceswap_site.demo`.

It talks to the HTTP API as any client would. What goes on is told on standard error; the last line on
standard output is the path of the result.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

import requests

from faceswap_site.copies import BASE_DIR, Copy, NotReady

SAMPLES = BASE_DIR / "worker" / "samples"
PARTS = {
    "video_swap": {"reference_video": "hopper.mp4", "source_image": "astronaut.png"},
    "photo_sing": {"source_image": "astronaut.png", "driving_audio": "speech.m4a"},
}
POLL_EVERY = 0.5  # seconds
DONE_WITHIN = 30 * 60.0
BAR = 30  # characters
CHUNK = 1024 * 1024


class DemoFailed(Exception):
    """A sentence for whoever typed `make demo`."""


def main() -> int:
    arguments = _arguments()
    try:
        check_platform()
        with data_dir() as folder:
            result = run(folder, mode=arguments.mode, quality=arguments.quality, out=arguments.out)
    except (DemoFailed, NotReady, OSError, subprocess.SubprocessError) as exc:
        print(f"The demo failed. {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("The demo was stopped.", file=sys.stderr)
        return 130
    print(result)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faceswap_site.demo", description=__doc__)
    parser.add_argument("--mode", choices=PARTS, default="video_swap", help="(%(default)s)")
    parser.add_argument("--quality", choices=["fast", "balanced", "max"], default="balanced")
    parser.add_argument("--out", type=Path, help="where to put the result (demo-MODE.mp4)")
    arguments = parser.parse_args()
    arguments.out = (arguments.out or Path(f"demo-{arguments.mode}.mp4")).resolve()
    return arguments


def check_platform() -> None:
    if platform.system() == "Darwin" and platform.machine() == "x86_64":
        raise DemoFailed(
            "The engine does not run on Intel Macs, for there is no onnxruntime for them; "
            "use Linux or an Apple-silicon Mac."
        )


@contextmanager
def data_dir() -> Iterator[Path]:
    """The folder that DATA_DIR names, or one that is gone afterwards."""
    if given := os.environ.get("DATA_DIR"):
        yield Path(given).resolve()
        return
    with tempfile.TemporaryDirectory(prefix="faceswap-demo-") as folder:
        yield Path(folder)


def run(folder: Path, *, mode: str, quality: str, out: Path) -> Path:
    """Start a copy in the folder, have the samples made into a video, save that, stop the copy."""
    say("Starting a copy of the service …")
    with Copy(folder) as copy:
        say(f"It runs at {copy.url}.")
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {copy.manage('createapikey', 'demo').strip()}"
        try:
            job = submit(session, copy.url, mode=mode, quality=quality)
            done = follow(session, f"{copy.url}/v1/jobs/{job['id']}", Bar(sys.stderr))
            save(session, done["urls"]["output"], out)
        except requests.RequestException as exc:
            raise DemoFailed(f"The service could not be asked: {exc}") from exc
    return out


def submit(session: requests.Session, url: str, *, mode: str, quality: str) -> dict[str, Any]:
    parts = PARTS[mode]
    say(f"Sending {' and '.join(parts.values())} for {mode} …")
    with ExitStack() as opened:
        files = {field: opened.enter_context((SAMPLES / name).open("rb")) for field, name in parts.items()}
        asked = {"mode": mode, "quality": quality, "aspect_ratio": "original"}
        answer = session.post(f"{url}/v1/jobs", data=asked, files=files, timeout=120)
    return understood(answer)


def follow(session: requests.Session, job_url: str, bar: Bar) -> dict[str, Any]:
    """Show how the job goes until it is done, and return it; raise DemoFailed if it ends otherwise."""
    deadline = time.monotonic() + DONE_WITHIN
    while time.monotonic() < deadline:
        job = understood(session.get(job_url, timeout=30))
        bar.show(job)
        if job["status"] == "done":
            return job
        if job["status"] in {"failed", "cancelled"}:
            raise DemoFailed(f"The job is {job['status']}: {job['error_message']}")
        time.sleep(POLL_EVERY)
    raise DemoFailed(f"The job is not done after {DONE_WITHIN / 60:.0f} minutes.")


def save(session: requests.Session, url: str, out: Path) -> None:
    """Stream the result to a file beside `out`, and move it there when it is whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f".{out.name}.part")
    with session.get(url, stream=True, timeout=60) as answer, draft.open("wb") as file:
        if not answer.ok:
            understood(answer)
        for chunk in answer.iter_content(CHUNK):
            file.write(chunk)
    draft.replace(out)


def understood(answer: requests.Response) -> dict[str, Any]:
    """Return what the service answered, or raise DemoFailed with its own sentence."""
    try:
        said = answer.json()
    except requests.JSONDecodeError as exc:
        raise DemoFailed(f"The service answered {answer.status_code} without a word.") from exc
    if not answer.ok:
        raise DemoFailed(f"The service answered {answer.status_code}: {said.get('detail', said)}")
    return said


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Bar:
    """A progress bar; where there is no terminal, a line at every new stage."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.stage = ""

    def show(self, job: dict[str, Any]) -> None:
        if self.out.isatty():
            end = "" if job["status"] in {"queued", "processing"} else "\n"
            print(f"\r{drawn(job)}", end=end, file=self.out, flush=True)
        elif job["stage"] != self.stage:
            print(job["stage"], file=self.out, flush=True)
        self.stage = job["stage"]


def drawn(job: dict[str, Any]) -> str:
    """The bar in one line, as wide as any before it, so that it can be drawn over."""
    percent = 100.0 if job["status"] == "done" else job["progress"]["percent"] or 0.0
    full = round(BAR * percent / 100)
    left = job["progress"]["eta_seconds"]
    note = f"{left:.0f} s left" if left and job["status"] == "processing" else ""
    return f"[{'█' * full}{'·' * (BAR - full)}] {percent:3.0f} %  {job['stage']:<13} {note:<12}"


if __name__ == "__main__":
    sys.exit(main())
