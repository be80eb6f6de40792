"""The arrows of docs/architecture.md, kept honest."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from django.conf import settings

# Of each room: the dotted prefixes of ours that it may import, beside itself.
MAY = {
    "worker": (),
    "assets": (),
    "jobs": ("assets",),
    "runpod_bridge": ("jobs", "assets", "worker.wire"),
    "faceswap_site": ("runpod_bridge", "jobs", "assets"),
    "benchmarks": ("faceswap_site.copies", "faceswap_site.studio", "worker"),
}
# What runs where Django is not installed.
WITHOUT_DJANGO = {"worker", "benchmarks"}
# They need the standard library only, so that whoever speaks to a worker needs nothing of its engine.
LEAVES = ("worker.wire", "worker.errors")


def names_imported(source: str) -> set[str]:
    """Every dotted name that the source imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def astray(room: str, source: str) -> set[str]:
    """What the source imports although it belongs to this room."""
    ours = (*MAY, "django", "ninja") if room in WITHOUT_DJANGO else tuple(MAY)
    imported = {name for name in names_imported(source) if within(name, ours)}
    return {name for name in imported if not within(name, (room, *MAY[room]))}


def modules(room: str) -> list[Path]:
    paths = (settings.BASE_DIR / room).rglob("*.py")
    return [path for path in paths if "tests" not in path.parts]


@pytest.mark.parametrize("room", MAY)
def test_imports_follow_the_arrows(room):
    for path in modules(room):
        assert not astray(room, path.read_text()), path


@pytest.mark.parametrize("leaf", LEAVES)
def test_a_leaf_needs_the_standard_library_only(leaf):
    source = (settings.BASE_DIR / leaf.replace(".", "/")).with_suffix(".py").read_text()

    others = {name for name in names_imported(source) if not within(name, LEAVES)}

    assert {name.split(".")[0] for name in others} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("assets", "from jobs.models import Job"),
        ("jobs", "import runpod_bridge.pool"),
        ("jobs", "from worker import wire"),
        ("runpod_bridge", "from worker.errors import WorkError"),
        ("runpod_bridge", "from worker import handler"),
        ("faceswap_site", "def late():\n    from worker import engines"),
        ("worker", "import django.conf"),
        ("jobs", "import benchmarks.clips"),
    ],
)
def test_an_import_against_the_arrows_is_seen(room, source):
    assert astray(room, source)


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("runpod_bridge", "from worker import wire"),
        ("runpod_bridge", "from worker.wire import sign"),
        ("jobs", "import assets.models"),
        ("faceswap_site", "from jobs import sweep"),
        ("jobs", "import jobs_of_others"),
    ],
)
def test_an_import_along_the_arrows_is_fine(room, source):
    assert not astray(room, source)
