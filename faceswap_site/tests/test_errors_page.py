"""docs/errors.md lists every code that a program may meet."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator

from django.conf import settings
from django.urls import get_resolver

from assets.errors import Refusal


def all_below(kind: type) -> Iterator[type]:
    yield kind
    for child in kind.__subclasses__():
        yield from all_below(child)


def listed() -> dict[str, set[str]]:
    """Of each code in the page's tables: the statuses beside it."""
    rows: dict[str, set[str]] = {}
    for line in (settings.BASE_DIR / "docs" / "errors.md").read_text().splitlines():
        if line.startswith("| `"):
            codes, second = line.split("|")[1:3]
            for code in re.findall(r"`([a-z_]+)`", codes):
                rows.setdefault(code, set()).update(re.findall(r"\d{3}", second))
    return rows


def test_every_refusal_is_listed_with_its_status():
    get_resolver().url_patterns  # noqa: B018  the address table loads every room
    page = listed()

    for refusal in all_below(Refusal):
        assert refusal.code in page, refusal
        # A code that only a job's error carries has no status beside it.
        assert not page[refusal.code] or str(refusal.status) in page[refusal.code], refusal


def test_every_error_of_the_worker_is_listed():
    errors = importlib.import_module("worker.errors")
    page = listed()

    for error in all_below(errors.WorkError):
        assert error.code in page, error
