"""How long the API takes to answer, over real HTTP, against the real processes: `python -m benchmarks.api`.

Submitting is timed with a tiny clip, so that the figure is the service's own work (parsing, hashing,
the probe's process, the database), not the network's. The pool's worker is busy with the first job
meanwhile, as it is in life. Reading is timed beside `GET /healthz`, the floor of this server.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat
from pathlib import Path

import requests

from faceswap_site.copies import BASE_DIR, Copy

SAMPLES = BASE_DIR / "worker" / "samples"
BIG_MIB = 256
MIB = 1024 * 1024


def timed(act: Callable[[], requests.Response], rounds: int) -> list[float]:
    """Return each round's milliseconds; an answer that is an error ends the benchmark."""
    spans = []
    for _ in range(rounds):
        began = time.perf_counter()
        act().raise_for_status()
        spans.append(1000 * (time.perf_counter() - began))
    return spans


def row(name: str, spans: list[float]) -> str:
    spans = sorted(spans)
    p95 = spans[max(0, round(0.95 * len(spans)) - 1)]
    return f"| {name} | {len(spans)} | {statistics.median(spans):.1f} | {p95:.1f} | {spans[-1]:.1f} |"


class Client:
    def __init__(self, copy: Copy) -> None:
        self.url = copy.url
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {copy.manage('createapikey', 'benchmark').strip()}"

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.url + path, timeout=30)

    def submit(self) -> requests.Response:
        with (SAMPLES / "tiny.mp4").open("rb") as video, (SAMPLES / "astronaut.png").open("rb") as photo:
            files = {"reference_video": video, "source_image": photo}
            return self.session.post(
                f"{self.url}/v1/jobs", data={"mode": "video_swap"}, files=files, timeout=60
            )

    def upload_refused(self) -> int:
        """Stream a large body that is no video; return the status it is refused with."""
        parts = [
            ("mode", ""),
            ("source_image", '; filename="a.png"'),
            ("reference_video", '; filename="a.mp4"'),
        ]
        heads = [
            f'--part\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'
            for name, filename in parts
        ]
        head = f"{heads[0]}video_swap\r\n{heads[1]}x\r\n{heads[2]}".encode()
        tail = b"\r\n--part--\r\n"
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=120)
        headers = {
            "Authorization": str(self.session.headers["Authorization"]),
            "Content-Type": "multipart/form-data; boundary=part",
            "Content-Length": str(len(head) + BIG_MIB * MIB + len(tail)),
        }
        body = chain([head], repeat(bytes(MIB), BIG_MIB), [tail])
        connection.request("POST", "/v1/jobs", body=body, headers=headers)
        return connection.getresponse().status


def measure(copy: Copy, rounds: int) -> Iterator[str]:
    client = Client(copy)
    yield "| request | rounds | median ms | 95 % ms | most ms |"
    yield "|---|---|---|---|---|"
    yield row("GET /healthz (the floor)", timed(lambda: client.get("/healthz"), rounds))
    yield row("POST /v1/jobs, 75 KB clip and a photo", timed(client.submit, max(5, rounds // 10)))
    job = client.get("/v1/jobs?limit=1").json()["items"][0]["id"]
    yield row("GET /v1/jobs/{id}", timed(lambda: client.get(f"/v1/jobs/{job}"), rounds))
    yield row("GET /v1/jobs, 20 a page", timed(lambda: client.get("/v1/jobs"), rounds))
    with ThreadPoolExecutor(8) as pool:
        clients = [Client(copy) for _ in range(8)]
        spans = pool.map(lambda c: timed(lambda: c.get(f"/v1/jobs/{job}"), rounds // 4), clients)
        yield row("GET /v1/jobs/{id}, 8 at once", [span for each in spans for span in each])
    began = time.perf_counter()
    status = client.upload_refused()
    speed = BIG_MIB / (time.perf_counter() - began)
    yield ""
    yield f"A body of {BIG_MIB} MiB, streamed, hashed and refused ({status}): {speed:.0f} MiB/s."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Copy(Path(folder)) as copy:
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
        for line in measure(copy, arguments.rounds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
