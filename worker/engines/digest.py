"""Name what decides every frame of a result: two tasks of one digest have the same result, to the bit."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import worker
from worker.engines import OWN_NETWORKS, Task
from worker.media import segments

PLACES = {"output", "parts"}  # of a task: where things go, which changes nothing in them
LIBRARIES = ("av", "numpy", "onnxruntime", "opencv-python-headless", "scipy")


def digest_of(task: Task) -> str:
    """Return a digest of the task, of the content of its files, and of the engine."""
    said = {field.name: told(getattr(task, field.name)) for field in fields(task) if field.name not in PLACES}
    everything = json.dumps([said, engine(), segments.SECONDS], sort_keys=True)
    return hashlib.sha256(everything.encode()).hexdigest()[:32]


def told(value: Any) -> Any:
    if isinstance(value, Path):
        return digest_of_file(value)
    if is_dataclass(value):
        return {field.name: told(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): told(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [told(each) for each in value]
    return value


@cache
def engine() -> list[str]:
    """Return what this engine is: its code, its networks, and the libraries below it."""
    home = Path(worker.__file__).parent
    code = [path for path in sorted(home.rglob("*.py")) if "tests" not in path.relative_to(home).parts]
    own = os.environ.get(OWN_NETWORKS)
    networks = sorted(Path(own).glob("*.onnx")) if own else []
    digests = [digest_of_file(path) for path in [*code, *home.rglob("SHA256SUMS"), *networks]]
    return [*digests, *(f"{name} {version(name)}" for name in LIBRARIES)]


def digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
