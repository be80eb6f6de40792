"""A part of a clip: from a picture on, until before another.

A span's times are seconds from the clip's origin (see `origin_of`), a stretch's are pts as the file has them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import av

HELD = Fraction(
    1, 5
)  # seconds: a picture that is still shown for so long belongs to a span that begins in it


@dataclass(frozen=True, kw_only=True)
class Span:
    """Everything at or after `begin` and before `end`; to the clip's end if that is None."""

    begin: Fraction
    end: Fraction | None = None

    @classmethod
    def of(cls, begin: float, end: float | None) -> Span:
        """Take the numbers as they are written: 1.1 is picture 33 at 30 a second, not a moment after it."""
        return cls(begin=Fraction(str(begin)), end=None if end is None else Fraction(str(end)))

    @property
    def length(self) -> Fraction | None:
        return None if self.end is None else self.end - self.begin

    def ticks(self, time_base: Fraction, origin: Fraction) -> tuple[int, int | None]:
        """Return the first pts that belongs to it, and the first after that no longer does."""
        first = math.ceil((origin + self.begin) / time_base)
        return first, None if self.end is None else math.ceil((origin + self.end) / time_base)

    def after(self, seconds: Fraction) -> Span:
        """Return the same part by a clock that begins so many seconds later, from its zero on."""
        end = None if self.end is None else max(Fraction(0), self.end - seconds)
        return Span(begin=max(Fraction(0), self.begin - seconds), end=end)


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """The `frames` pictures of a span: shown from `first` on, the `last` one for `shown` ticks.

    `held` is the picture before them that is still shown at `first`, where the span begins while a still is
    shown; else None.
    """

    first: int
    last: int
    shown: int
    frames: int
    held: int | None = None

    @property
    def end(self) -> int:
        return self.last + self.shown


@dataclass(kw_only=True)
class Passed:
    """What went by of the pictures before, within and after a span; each with the pts at which it ends."""

    before: tuple[int, int] | None = None  # the last one
    first: int | None = None
    last: tuple[int, int] | None = None
    after: int | None = None  # the first one
    frames: int = 0

    def add(self, pts: int, ends: int, *, first: int, stop: int | None) -> None:
        here = (pts, ends)
        if pts < first:
            self.before = max(self.before or here, here)
        elif stop is not None and pts >= stop:
            self.after = min(self.after or pts, pts)
        else:
            self.first = pts if self.first is None else min(self.first, pts)
            self.last = max(self.last or here, here)
            self.frames += 1


def stretch_of(
    packets: Iterable[av.Packet], *, first: int, stop: int | None, step: int, hold: int
) -> Stretch | None:
    """Read on until all is known of the pictures with `first` <= pts < `stop`; None if there is none to show.

    `step`: ticks that a picture is shown for all that is known, `hold`: how many make it a still.
    """
    passed = Passed()
    for packet in packets:
        if packet.pts is None or packet.is_discard:
            continue
        passed.add(packet.pts, packet.pts + (packet.duration or step), first=first, stop=stop)
        if passed.after is not None and packet.dts is not None and packet.dts >= passed.after:
            break  # whatever comes is shown later still
    held = None
    if passed.before is not None:
        until = passed.before[1] if passed.after is None else passed.after
        is_held = until > first if passed.first is None else passed.first - first >= hold
        if is_held:
            held = passed.before[0]
    begin = first if held is not None else passed.first
    if begin is None:
        return None
    last, ends = passed.last or (begin, until)
    ends = ends if passed.after is None else passed.after
    shown = ends - last
    if stop is not None and shown >= hold:
        shown = min(shown, stop - last)
    return Stretch(first=begin, last=last, shown=shown, frames=passed.frames + (held is not None), held=held)
