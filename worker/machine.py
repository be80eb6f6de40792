"""Whether this machine can run the engine."""

from __future__ import annotations

import platform
from importlib import import_module

from worker.errors import UnsupportedPlatform

NEEDED = ("fcntl", "numpy", "av", "cv2", "onnxruntime", "scipy")


def check() -> None:
    """Import what the worker needs, or raise UnsupportedPlatform with what to do about it."""
    for name in NEEDED:
        try:
            import_module(name)
        except ImportError as exc:
            raise UnsupportedPlatform(f"{name} cannot be loaded ({exc}). {_advice()}") from exc


def _advice() -> str:
    if platform.system() == "Darwin" and platform.machine() == "x86_64":
        return (
            "There is no onnxruntime for Intel Macs; "
            "run the worker on Linux or an Apple-silicon Mac, where it can take this service's jobs too."
        )
    return "Install what worker/requirements.txt lists, on Linux or an Apple-silicon Mac."
