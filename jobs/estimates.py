"""How long a job will take: from the last results of whoever asks; before there are any, a guess."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from statistics import quantiles
from typing import Any

from jobs.models import Job, Mode, Quality

LOOKED_AT = 200  # results, the newest
FEWEST = 3  # of one mode and quality; of fewer, quartiles say nothing
START_SECONDS = 1.0  # before the first frame: the column `first` of docs/benchmarks.md
# Megapixels a second, by docs/benchmarks.md at 720p on two cores. Another machine may take twice as long.
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
    """Megapixels of the result a second, between the lower and the upper quartile."""

    slow: float
    quick: float
    is_guess: bool


def paces(owner: Any) -> dict[str, dict[str, Any]]:
    """Return the pace by mode and quality, as plain values: {"video_swap": {"fast": {"slow": …}}}."""
    # By owner, for which there is an index; of everybody's attempts there is none by their time.
    done = Job.objects.owned_by(owner).filter(status=Job.Status.DONE).order_by("-created_at", "-id")
    measured = defaultdict(list)
    for mode, quality, metrics in done.values_list("mode", "quality", "latest__metrics")[:LOOKED_AT]:
        if (pace := megapixels_a_second(metrics or {})) is not None:
            measured[mode, quality].append(pace)
    told: dict[str, dict[str, Any]] = {mode: {} for mode in Mode.values}
    for (mode, quality), once in MEASURED_ONCE.items():
        told[mode][quality] = asdict(pace_of(measured[mode, quality], once))
    return told


def pace_of(measured: list[float], once: float) -> Pace:
    if len(measured) < FEWEST:
        return Pace(slow=once / 2, quick=once, is_guess=True)
    slow, _, quick = quantiles(measured, n=4, method="inclusive")
    return Pace(slow=round(slow, 3), quick=round(quick, 3), is_guess=False)


def megapixels_a_second(metrics: dict[str, Any]) -> float | None:
    """Return the pace of one result, its start left out; None if its worker did not say enough."""
    frames, width, height = (metrics.get(name) or 0 for name in ("frames", "width", "height"))
    seconds = (metrics.get("run_seconds") or 0) - START_SECONDS
    megapixels = frames * width * height / 1e6
    return megapixels / seconds if megapixels > 0 and seconds > 0 else None
