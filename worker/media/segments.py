"""The finished segments of a video, in a folder that outlives the process: only the last one can be lost.

A segment is a small mp4 of pictures alone, encoded by itself, its times counted from its first picture.
`state.npz` names those that are finished and keeps what goes on after them. It is written after the segment
it names, so at any moment it tells the truth.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from worker.memory import Kept, load, save, storable

SECONDS = 10.0
LEAST_FRAMES = 10  # a slide show of one picture in ten seconds shall not become all key frames

STATE = "state.npz"
DRAFT = "draft.mp4"


@storable
@dataclass(frozen=True, kw_only=True)
class Segment:
    """`first` and `last` are pts of the whole video; `delay` is how many packets late its decoder shows."""

    file: str
    bytes: int
    frames: int
    first: int
    last: int
    delay: int


class Segments:
    """The `finished` ones in order, and what was `remembered` with the last; None if there is none yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.finished: list[Segment] = []
        self.remembered: Kept | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._take_up()

    @property
    def frames(self) -> int:
        return sum(segment.frames for segment in self.finished)

    @property
    def draft(self) -> Path:
        """Where the next segment is written until it is finished."""
        return self.folder / DRAFT

    def path(self, segment: Segment) -> Path:
        return self.folder / segment.file

    def finish(self, *, frames: int, first: int, last: int, delay: int) -> None:
        """Add the draft, which is complete and closed."""
        file = f"segment-{len(self.finished):05}.mp4"
        settle(self.draft)
        self.draft.replace(self.folder / file)
        size = (self.folder / file).stat().st_size
        segment = Segment(file=file, bytes=size, frames=frames, first=first, last=last, delay=delay)
        self.finished.append(segment)

    def remember(self, kept: Kept) -> None:
        """Let a later process go on after the last finished segment, with what is `kept`."""
        save({"finished": self.finished, "remembered": kept}, self.folder / STATE)

    def _take_up(self) -> None:
        state = load(self.folder / STATE)
        if state and all(is_whole(self.path(segment), segment.bytes) for segment in state["finished"]):
            self.finished, self.remembered = state["finished"], state["remembered"]


def segment_frames(rate: Fraction) -> int:
    return max(LEAST_FRAMES, round(SECONDS * rate))


def is_whole(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def settle(path: Path) -> None:
    """Bring the file to the disk, so that no state outlives what it names if the machine dies."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
