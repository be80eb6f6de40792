"""Whether this machine can run the engine, and how it is to keep its memory."""

from __future__ import annotations

import ctypes
import platform
from contextlib import suppress
from importlib import import_module

from worker.errors import UnsupportedPlatform

NEEDED = ("fcntl", "numpy", "av", "cv2", "onnxruntime", "scipy")

M_ARENA_MAX = -8  # of glibc's malloc.h
HEAPS = 2  # with one the steps wait for each other: 3 % more processor time


def check() -> None:
    """Import what the worker needs, or raise UnsupportedPlatform with what to do about it."""
    for name in NEEDED:
        try:
            import_module(name)
        except ImportError as exc:
            raise UnsupportedPlatform(f"{name} cannot be loaded ({exc}). {_advice()}") from exc


def share_heaps() -> None:
    """Let all threads to come keep what they free in a few heaps: in one each, a job held 20 MB more.

    Only glibc makes so many, and only there does this do anything.
    """
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, HEAPS)


def _advice() -> str:
    if platform.system() == "Darwin" and platform.machine() == "x86_64":
        return (
            "There is no onnxruntime for Intel Macs; "
            "run the worker on Linux or an Apple-silicon Mac, where it can take this service's jobs too."
        )
    return "Install what worker/requirements.txt lists, on Linux or an Apple-silicon Mac."
