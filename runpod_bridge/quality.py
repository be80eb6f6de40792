"""What a worker measured of its own result. It is believed only as far as it has the right form."""

from __future__ import annotations

from typing import Any

NUMBERS_MOST = 40
PAIRS_MOST = 500
MODELS_MOST = 40
NAME_LENGTH = 80
NUMBER_MOST = 1e15
# From and to without a face, in seconds; a time in seconds and the face's distance from the source's.
PAIRS = ("missed", "identity")
COUNTS = ("frames", "swapped")


def metrics_of(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of a last message, what was measured over time, and who made it; nothing else."""
    said = metadata.get("metrics")
    metrics = said if isinstance(said, dict) else {}
    found = {
        **numbers(metrics),
        **{name: pairs(metrics.get(name)) for name in PAIRS},
        **{name: count(metrics.get(name)) for name in COUNTS},
        "models": texts(metrics.get("models")) or None,
        "engine": texts({"engine": metadata.get("engine")}).get("engine"),
    }
    return {name: value for name, value in found.items() if value is not None}


def numbers(said: dict[str, Any]) -> dict[str, Any]:
    named = {name: value for name, value in said.items() if name.isidentifier() and is_number(value)}
    return dict(list(named.items())[:NUMBERS_MOST])


def count(said: object) -> int | None:
    return said if isinstance(said, int) and is_number(said) and said >= 0 else None


def pairs(said: object) -> list[list[float]] | None:
    """Return a list of two numbers each, or None if it is anything else, or too long to be one of ours."""
    if not isinstance(said, list) or len(said) > PAIRS_MOST:
        return None
    are_pairs = all(isinstance(pair, list) and len(pair) == 2 and all(map(is_number, pair)) for pair in said)
    return said if are_pairs else None


def texts(said: object) -> dict[str, str]:
    """Return short texts by name, as of the models that were used, by the digests of their files."""
    items = list(said.items())[:MODELS_MOST] if isinstance(said, dict) else []
    return {plain(name): plain(value) for name, value in items if isinstance(value, str) and value}


def plain(text: str) -> str:
    """Return the text without what no database holds, NUL and halves of pairs."""
    return text[:NAME_LENGTH].encode("utf-8", "replace").decode().replace("\x00", "")


def is_number(value: object) -> bool:
    """No truth value, no NaN, nothing that a float cannot hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return -NUMBER_MOST < value < NUMBER_MOST
