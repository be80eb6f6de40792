"""Which part of a clip is made: the `trim` and the `preview_seconds` of a new job.

`trim` is JSON, {"start": 1.5, "end": 4}, in seconds of the clip that gives the result its length: the driving
audio of a photo_sing that has one, else the reference video. Either may be absent or null. A preview is made
of so many seconds from where the trim starts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

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
        raise refusal(_("trim is no JSON: %(text)r."), text=text[:80]) from None
    if not isinstance(said, dict):
        raise refusal(_("trim must be an object with a start and an end and is %(text)r."), text=text[:80])
    start, end = said.get("start"), said.get("end")
    check_times(start, end, seconds=clip.seconds, frame=1 / (clip.fps or USUAL_RATE))
    return {"trim_start": start, "trim_end": end}


def check_times(start: Any, end: Any, *, seconds: float | None, frame: float) -> None:
    whole = LONGEST if seconds is None else seconds
    most = LONGEST if seconds is None else seconds + frame
    for name, value in (("start", start), ("end", end)):
        if value is not None and not is_time(value, most):
            said = _("trim.%(name)s must be a second of the clip of %(whole)s s and is %(value)s.")
            if seconds is None:
                said = _("trim.%(name)s must be a second of the clip and is %(value)s.")
            raise refusal(said, name=name, value=repr(value)[:80], whole=figure(whole))
    begins, ends = start or 0, most if end is None else end
    if ends - begins < SHORTEST - 1e-9:  # 1.2 - 1.0, say, is a little less than 0.2
        said = _("trim goes from %(begins)s s to %(ends)s s; it must be %(least)s s or longer.")
        if end is None:
            ends = whole
            said = _(
                "trim goes from %(begins)s s to the end at %(ends)s s; it must be %(least)s s or longer."
            )
        raise refusal(said, begins=figure(begins), ends=figure(ends), least=figure(SHORTEST))


def figure(number: float) -> str:
    """As short as it goes, with the decimal point of whoever reads it."""
    return number_format(f"{number:g}")


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


def refusal(sentence: str, **values: object) -> Refusal:
    return InvalidChoice(sentence, **values).on("trim")
