"""Make the video that a job asks for.

`make` is the one way in: it picks the engine by the task's mode. Errors are those of `worker.errors`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from worker.machine import share_heaps
from worker.media.span import Span
from worker.wire import Casting, Trim

# Called with (stage, frames done, frames in all if known). It may raise, which ends the work between frames.
Progress = Callable[[str, int, int | None], None]

# Imported only when one is asked for: they bring the whole of OpenCV and ONNX Runtime with them.
ENGINES = {
    "video_swap": "worker.engines.swap.job",
    "photo_sing": "worker.engines.sing.job",
}
# In the environment: the folder of an operator's own networks; see worker.engines.swap.neural.
OWN_NETWORKS = "SWAP_MODELS"
# What every result says of itself, in the file's own comment. Whoever passes it on passes this on.
MARKS = {
    "video_swap": "Altered by AI: the face in this video was put there by TrueFaceSwapVideo.",
    "photo_sing": "Made by AI: TrueFaceSwapVideo made a still photo move and sing.",
}
PREVIEW_MARK = "This is a preview, a part of what was asked for."


@dataclass(frozen=True, kw_only=True)
class Task:
    """What to make, of which files. `reference_video` is None only where `driving_audio` is not.

    `parts` is a folder for what is finished on the way. If it holds what an earlier process finished of the
    same task, the work goes on there. It is left as it is; without one, nothing outlives the work.

    Of a `trim` only that part is made. A preview is marked as one in the file's comment, not in its pictures:
    it is there to be judged, so it shows what the whole will show.
    """

    mode: str
    quality: str
    enable_4k: bool
    aspect_ratio: str
    reference_video: Path | None
    source_image: Path
    driving_audio: Path | None
    output: Path
    parts: Path | None = None
    more_source_images: tuple[Path, ...] = ()
    faces: tuple[Casting, ...] = ()
    trim: Trim | None = None
    is_preview: bool = False

    @property
    def source_images(self) -> tuple[Path, ...]:
        """The photos in the order in which `Casting.source` counts them."""
        return (self.source_image, *self.more_source_images)

    @property
    def span(self) -> Span | None:
        return None if self.trim is None else Span.of(self.trim.start, self.trim.end)

    @property
    def mark(self) -> str:
        """What the result says of itself."""
        return f"{MARKS[self.mode]} {PREVIEW_MARK}" if self.is_preview else MARKS[self.mode]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was made: `frames` written, `swapped` of them with a face replaced or animated, `seconds` long.

    `told` is what was measured of it on the way, as plain JSON: see worker.engines.record.
    """

    frames: int
    swapped: int
    width: int
    height: int
    fps: float
    seconds: float
    stage_seconds: dict[str, float] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)


def make(task: Task, progress: Progress) -> Result:
    """Write `task.output`, or raise a WorkError, or whatever `progress` raised."""
    share_heaps()
    return import_module(ENGINES[task.mode]).run(task, progress)
