"""A studio to look at: one person with jobs of every kind, written straight into the rows, nothing computed.

`python -m faceswap_site.studio --data-dir /tmp/studio --port 20500 --jobs 40` fills an empty folder and
serves it until Ctrl-C, with a web server alone: nobody takes the open jobs up, so pages stay as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

from faceswap_site.copies import BASE_DIR, Copy

NAME, NEWCOMER, PASSWORD = "olivia", "newcomer", "a long and uncommon password"
READY_WITHIN = 240.0  # seconds; ten thousand jobs take a while


@contextmanager
def studio(
    folder: Path, *, jobs: int, environ: Mapping[str, str] | None = None
) -> Iterator[tuple[Copy, dict[str, str]]]:
    """A studio of one's own while the `with` block runs: where it is, and its addresses worth a look."""
    copy = Copy(folder, environ=environ)
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "faceswap_site.studio",
        "--data-dir",
        str(folder),
        "--port",
        str(copy.port),
    ]
    with copy.log.open("ab") as log:
        server = subprocess.Popen(
            [*command, "--jobs", str(jobs)], cwd=BASE_DIR, env=copy.environ, stdout=log, stderr=log
        )
    try:
        wait_for(copy, server)
        yield copy, json.loads((folder / "links.json").read_text())
    finally:
        server.terminate()
        server.wait(timeout=10)


def wait_for(copy: Copy, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if requests.get(f"{copy.url}/healthz", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    raise RuntimeError(f"The studio did not come up. {copy.last_words()}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m faceswap_site.studio", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, default=20500)
    parser.add_argument("--jobs", type=int, default=40)
    arguments = parser.parse_args()
    given = {name: os.environ[name] for name in ("DATABASE_URL",) if name in os.environ}
    os.environ |= Copy(arguments.data_dir, port=arguments.port, environ=given).environ
    set_up()
    from faceswap_site.studio_rows import fill  # models: only after set_up

    links = fill(arguments.jobs)
    (arguments.data_dir / "links.json").write_text(json.dumps(links))
    print(f"http://127.0.0.1:{arguments.port}/ as {NAME}, password “{PASSWORD}”", flush=True)
    bind = ["--bind", f"127.0.0.1:{arguments.port}", "--workers", "1"]
    serve = [sys.executable, "-m", "gunicorn", "-c", "python:faceswap_site.web", *bind]
    os.execv(sys.executable, [*serve, "faceswap_site.wsgi"])


def set_up() -> None:
    """Load Django with the environment as it is, and bring its database and its static files up to date."""
    from faceswap_site import runner

    runner.set_up()
    runner.prepare()


if __name__ == "__main__":
    main()
