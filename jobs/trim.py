"""Which part of a clip is made: the `trim` and the `preview_seconds` of a new job.

`trim` is JSON, {"start": 1.5, "end": 4}, in seconds of the clip that gives the result its length: the driving
audio of a photo_sing that has one, else the reference video. Either may be absent or null. A preview is made
of so many seconds from where the trim starts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from assets.errors import InvalidChoice, Refusal
from assets.models import Asset

if TYPE_CHECKING:
    from jobs.models import Job

SHORTEST = 0.2  # seconds
PREVIEW_MOST = 10  # seconds
LONGEST = 10**6  # seconds, of a clip that does not say how long it is
USUAL_RATE = 25  # pictures a second, where the clip does not say

Part = tuple[float, float | None]  # from, to; None is the clip's end


def read_trim(text: str, clip: Asset) -> dict[str, Any]:
    """Return a job's columns, or raise InvalidChoice."""
    try:
        said = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        raise refusal(f"trim is no JSON: {text[:80]!r}.") from None
    if not isinstance(said, dict):
        raise refusal(f"trim must be an object with a start and an end and is {text[:80]!r}.")
    start, end = said.get("start"), said.get("end")
    check_times(start, end, seconds=clip.seconds, frame=1 / (clip.fps or USUAL_RATE))
    return {"trim_start": start, "trim_end": end}


def check_times(start: Any, end: Any, *, seconds: float | None, frame: float) -> None:
    most = LONGEST if seconds is None else seconds + frame
    known = "" if seconds is None else f" of {seconds:g} s"
    for name, value in (("start", start), ("end", end)):
        if value is not None and not is_time(value, most):
            raise refusal(f"trim.{name} must be a second of the clip{known} and is {value!r:.80}.")
    begins, ends = start or 0, most if end is None else end
    if ends - begins < SHORTEST - 1e-9:  # 1.2 - 1.0, say, is a little less than 0.2
        until = f"{ends:g} s" if end is not None else f"the clip's end at {seconds:g} s"
        raise refusal(f"trim goes from {begins:g} s to {until}; it must be {SHORTEST:g} s or longer.")


def is_time(value: object, most: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most


def clip_of(job: Job) -> Asset | None:
    """Return the file that gives the result its length."""
    return job.driving_audio or job.reference_video


def part_of(job: Job) -> Part | None:
    """Return what is made of the clip; None for all of it."""
    start, end = job.trim_start or 0.0, job.trim_end
    if job.preview_seconds:
        preview_end = round(start + job.preview_seconds, 6)
        return start, preview_end if end is None else min(end, preview_end)
    return None if not start and end is None else (start, end)


def seconds_of(job: Job) -> float:
    """Return how long the result will be, as far as is known; else 0."""
    clips = [clip.seconds or 0 for clip in (job.reference_video, job.driving_audio) if clip]
    if (part := part_of(job)) is None:
        return max(clips, default=0)
    clip = clip_of(job)
    start, end = part
    whole = (clip and clip.seconds) or max(clips, default=0)
    return max(0.0, (whole if end is None else end) - start)


def refusal(sentence: str) -> Refusal:
    return InvalidChoice(sentence).on("trim")
