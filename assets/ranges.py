"""One byte range of a file, as RFC 9110 asks for it."""

from __future__ import annotations

import re

SINGLE = re.compile(r"^bytes=(\d*)-(\d*)$")


class Unsatisfiable(Exception):
    """No byte of the file is in the range: 416."""


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the half-open (start, stop) that the header asks for; None means send it all.

    Several ranges, another unit and nonsense are ignored, as the standard allows.
    """
    match = SINGLE.match(header.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        start, stop = max(size - int(match[2]), 0), size
    else:
        start, stop = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
        if match[2] and int(match[2]) < start:
            return None  # an invalid range is no range
    if start >= stop:
        raise Unsatisfiable
    return start, stop
