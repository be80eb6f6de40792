"""How long a job will take: from the last results of whoever asks; before there are any, a guess."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from statistics import quantiles
from typing import Any

from jobs.models import Job, Mode, Quality

LOOKED_AT = 200  # results, the newest
FEWEST = 3  # of one mode and quality; of fewer, quartiles say nothing
START_SECONDS = 2.0  # to fetch the files, and the column `first` of docs/benchmarks.md
# Megapixels a second, by docs/benchmarks.md at 720p on two cores. Elsewhere it may take thrice as long.
MEASURED_ONCE = {
    (Mode.VIDEO_SWAP, Quality.FAST): 54,
    (Mode.VIDEO_SWAP, Quality.BALANCED): 48,
    (Mode.VIDEO_SWAP, Quality.MAX): 26,
    (Mode.PHOTO_SING, Quality.FAST): 52,
    (Mode.PHOTO_SING, Quality.BALANCED): 52,
    (Mode.PHOTO_SING, Quality.MAX): 42,
}


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Megapixels a second of the clip or the result, whichever is larger: lower and upper quartile."""

    slow: float
    quick: float
    is_guess: bool


def paces(owner: Any) -> dict[str, dict[str, Any]]:
    """Return the pace by mode and quality, as plain values: {"video_swap": {"fast": {"slow": …}}}."""
    # By owner, for which there is an index; of everybody's attempts there is none by their time.
    done = Job.objects.owned_by(owner).filter(status=Job.Status.DONE).order_by("-created_at", "-id")
    measured = defaultdict(list)
    columns = ("mode", "quality", "latest__metrics", "reference_video__width", "reference_video__height")
    for mode, quality, metrics, width, height in done.values_list(*columns)[:LOOKED_AT]:
        if (pace := megapixels_a_second(metrics or {}, (width or 0) * (height or 0))) is not None:
            measured[mode, quality].append(pace)
    told: dict[str, dict[str, Any]] = {mode: {} for mode in Mode.values}
    for (mode, quality), once in MEASURED_ONCE.items():
        told[mode][quality] = asdict(pace_of(measured[mode, quality], once))
    return told


def pace_of(measured: list[float], once: float) -> Pace:
    if len(measured) < FEWEST:
        return Pace(slow=once / 3, quick=once, is_guess=True)
    slow, _, quick = quantiles(measured, n=4, method="inclusive")
    return Pace(slow=round(slow, 3), quick=round(quick, 3), is_guess=False)


def megapixels_a_second(metrics: dict[str, Any], clip_pixels: int) -> float | None:
    """Return the pace of one result, its start left out; None if its worker did not say enough."""
    frames, width, height = (metrics.get(name) or 0 for name in ("frames", "width", "height"))
    seconds = (metrics.get("run_seconds") or 0) - START_SECONDS
    # A crop is cut out at the end: whoever is looked for is looked for in all of the clip.
    megapixels = frames * max(width * height, clip_pixels) / 1e6
    return megapixels / seconds if width * height * frames > 0 and seconds > 0 else None
