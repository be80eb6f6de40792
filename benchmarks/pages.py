"""How long the service takes for each page of a person with very many jobs: `python -m benchmarks.pages`.

Over real HTTP against the web server, and nothing else runs: `--jobs 10000 --rounds 50`. With DATABASE_URL
naming a PostgreSQL server, in a fresh database there. Milliseconds; CPU is the web server's own, a mean.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import requests

from faceswap_site.copies import Copy, fresh_database
from faceswap_site.studio import NAME, PASSWORD, studio


def addresses(links: dict[str, str]) -> dict[str, str]:
    """What is measured, by what people call it."""
    done, working = links["done"], links["processing"]
    return {
        "health (the floor)": "/healthz",
        "library, first page": "/",
        "library, last page": links["last"],
        "library, page after a job in the middle": links["middle"],
        "library, done": "/?state=done",
        "library, failed photos that sing": "/?state=failed&mode=photo_sing",
        "library, a name found on every card": "/?q=holiday",
        "library, a name found once": "/?q=00007",
        "library, a name found nowhere": "/?q=nothing+of+that+name",
        "library, two words": "/?q=speech+0999",
        "news of the open jobs": f"/live/?job={working.split('/')[2]}",
        "how much is stored": "/storage/",
        "job, done": done,
        "job, in the works": working,
        "status of a job": f"{working}status/",
        "new job": "/new/",
        "new job, again with the same": f"/new/?again={done.split('/')[2]}",
        "faces": "/faces/",
        "batch": links["batch"],
        "settings": "/settings/",
        "help": "/help/",
        "a shared result": links["share"],
        "API: the newest jobs": "/v1/jobs",
    }


def measure(copy: Copy, links: dict[str, str], rounds: int) -> Iterator[tuple[str, list[float], float]]:
    """Yield each page's name, its rounds in milliseconds, and the CPU's milliseconds a round."""
    with signed_in(copy) as session:
        for name, path in addresses(links).items():
            if session.get(copy.url + path, timeout=60).status_code == 404:
                continue  # no such page here
            spans, worked = [], cpu_of_web(copy)
            for _ in range(rounds):
                began = time.perf_counter()
                session.get(copy.url + path, timeout=60).raise_for_status()
                spans.append(1000 * (time.perf_counter() - began))
            yield name, spans, 1000 * (cpu_of_web(copy) - worked) / rounds


@contextmanager
def signed_in(copy: Copy) -> Iterator[requests.Session]:
    with requests.Session() as session:
        form = session.get(f"{copy.url}/login/", timeout=60).text
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
        assert found
        fields = {"username": NAME, "password": PASSWORD, "csrfmiddlewaretoken": found[1]}
        session.post(f"{copy.url}/login/", data=fields, timeout=60).raise_for_status()
        yield session


def cpu_of_web(copy: Copy) -> float:
    """Seconds that the server of this port has computed, its workers with it."""
    servers = [
        process
        for process in psutil.process_iter(["cmdline"])
        if f"127.0.0.1:{copy.port}" in (process.info["cmdline"] or [])
    ]
    return sum(sum(process.cpu_times()[:2]) for process in servers)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        fresh_database(os.environ) as environ,
        studio(Path(folder), jobs=arguments.jobs, environ=environ) as (copy, links),
    ):
        print("| page | least | median | 95 % | CPU |\n|---|---|---|---|---|", flush=True)
        for name, spans, cpu in measure(copy, links, arguments.rounds):
            middle, p95 = statistics.median(spans), sorted(spans)[round(0.95 * len(spans)) - 1]
            print(f"| {name} | {min(spans):.1f} | {middle:.1f} | {p95:.1f} | {cpu:.1f} |", flush=True)


if __name__ == "__main__":
    main()
