from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from worker.machine import HEAPS

# glibc lays each heap but the first out in a stretch of 64 MiB of its own.
COUNTED = """
import ctypes, threading
from worker.engines import make

class Task:
    mode = "none"

try:
    make(Task(), lambda *told: None)
except KeyError:
    pass  # there is no such engine
malloc = ctypes.CDLL(None).malloc
malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
places, together = [], threading.Barrier(8)

def take():
    together.wait()
    places.append(malloc(100) >> 26)
    together.wait()

threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(set(places)))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc makes a heap for every thread")
def test_the_threads_of_a_job_share_a_few_heaps():
    told = subprocess.run([sys.executable, "-c", COUNTED], check=True, capture_output=True, text=True)

    assert int(told.stdout) <= HEAPS
