"""What a job is found by: the names of its files and of its batch, folded so that like spellings meet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from unicodedata import normalize


def fold(text: str) -> str:
    """Make one of capital and small letters, and of an umlaut written as one character or as two."""
    return normalize("NFKC", text).casefold()


def searchable(parts: Iterable[Any]) -> str:
    """Return the folded names of these files and batches, a line each; None is skipped."""
    return "\n".join(fold(part.name) for part in parts if part)
