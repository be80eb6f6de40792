"""What codes, moves and figures are called on the pages."""

from __future__ import annotations

import re
from datetime import datetime

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.template import Library
from django.utils.formats import date_format
from django.utils.timezone import now
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from assets.models import Asset
from jobs.models import Event, Job
from jobs.sentences import told

register = Library()

# What happened, by the status before and after.
HEADLINES = {
    ("", "queued"): _("Submitted"),
    ("queued", "processing"): _("Sent to a worker"),
    ("processing", "queued"): _("Trying again"),
    ("processing", "done"): _("Finished"),
    ("queued", "failed"): _("Failed"),
    ("processing", "failed"): _("Failed"),
    ("queued", "cancelled"): _("Cancelled"),
    ("processing", "cancelled"): _("Cancelled"),
    ("failed", "queued"): _("Queued again"),
    ("cancelled", "queued"): _("Queued again"),
}

AGED_DAYS = 30
SELF_EVIDENT = {"dispatched", "the result is here"}
BRACKET = re.compile(r" \([^()]*\)$")
CAUSE = re.compile(r"^(callback|poll|job-done|job-take|lease|deadline|dispatch|no sign of it): ")

# What to do next, by the code of the error; the error's own sentence stands above it.
ADVICE = {
    "no_face_in_source": _("Start a new job with a photo of one face: sharp, well lit, seen from the front."),
    "no_face_in_video": _(
        "Start a new job with a clip in which a face can be seen from the front for a while."
    ),
    "decode_error": _(
        "The file may be damaged. If it plays for you, save it anew as MP4 and start a new job."
    ),
    "no_audio": _("Start a new job and add a song or a speech as an audio file."),
    "bad_output": _("The worker's result could not be used. Retry; if it fails again, its log says more."),
    "timed_out": _("Retry with a shorter clip, a lower quality or without 4K."),
    "worker_lost": _("Check that the worker is running, then retry. Your files are still here."),
    "provider_unavailable": _("The machine that computes could not be reached. Retry in a few minutes."),
    "provider_refused": _("The settings of the compute provider need a look by whoever runs this service."),
}
# With the same files these would only fail again.
WANTS_OTHER_FILES = {"no_face_in_source", "no_face_in_video", "decode_error", "no_audio"}
ADVICE_ELSE = _("Retry. Your files are still here; if it fails again, the log of the worker says more.")

# What a kept sentence says in general: for readers of another language, where `told` does not know it.
GISTS = {
    "no_face_in_source": _("No face was found in the photo."),
    "no_face_in_video": _("No face was found in the video."),
    "decode_error": _("A file could not be read."),
    "no_audio": _("There is no sound to sing to."),
    "bad_output": _("The result could not be used."),
    "timed_out": _("It took longer than it may."),
    "worker_lost": _("Nothing was heard from the worker any more."),
    "provider_unavailable": _("The machine that computes did not answer."),
    "provider_refused": _("The compute provider refused the job."),
    "look_failed": _("The file could not be looked at."),
    "bad_payload": _("The worker did not understand the job."),
    "bad_engine": _("The networks that the worker is set up with cannot be used."),
    "unsupported_platform": _("The worker’s machine cannot run the engine."),
    "fetch_failed": _("The worker could not download a file."),
    "delivery_failed": _("The worker could not deliver the result."),
    "storage_full": _("There was no room left for the result."),
    "engine_error": _("The engine stopped for a reason that nobody foresaw."),
    "worker_failed": _("The worker failed."),
    "work_error": _("The worker failed."),
}
register.filter("told", told)


@register.filter
def gist(code: str) -> str:
    """A sentence on this code in the reader's language; nothing in English, where the kept one says more."""
    return "" if get_language() == settings.LANGUAGE_CODE else str(GISTS.get(code, ""))


@register.filter
def headline(event: Event) -> str:
    """“Submitted”, “Trying again”; what moved nothing is told by its own reason, less the brackets."""
    if move := HEADLINES.get((event.old, event.new)):
        return str(move)
    note = BRACKET.sub("", told(event.reason) or event.reason)
    return note[:1].upper() + note[1:]


@register.filter
def particulars(event: Event) -> str:
    """The reason, where it says more than the headline; without the word for how it became known."""
    if (event.old, event.new) not in HEADLINES or event.reason in SELF_EVIDENT:
        return ""
    return CAUSE.sub("", event.reason)


@register.filter
def advice(job: Job) -> str:
    return str(ADVICE.get(job.error_code, ADVICE_ELSE))


@register.filter
def needs_other_files(job: Job) -> bool:
    return job.status == Job.Status.FAILED and job.error_code in WANTS_OTHER_FILES


@register.filter
def cover(job: Job) -> Asset | None:
    """The file whose picture stands for the job: the result, else the clip, else the photo."""
    assets = (job.output, job.reference_video, job.source_image)
    return next((asset for asset in assets if asset and asset.is_available and asset.thumbnail), None)


@register.filter(expects_localtime=True)
def day(at: datetime) -> str:
    """“3 May 2026”, as the reader's language writes it."""
    return date_format(at, gettext("j F Y"))


@register.filter(expects_localtime=True)
def age(at: datetime) -> str:
    """“7 minutes ago”, “3 days ago”, and of what is older than a month, its day."""
    days = (now() - at).days
    if days < 1:
        return naturaltime(at)
    if days > AGED_DAYS:
        return day(at)
    return ngettext("%(days)d day ago", "%(days)d days ago", days) % {"days": days}


@register.filter
def clock(seconds: float | None) -> str:
    """75.4 → “1:15”; 0.4 → “0:01”, for nothing that can be seen lasts no time."""
    if seconds is None:
        return ""
    minutes, rest = divmod(max(round(seconds), 1), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def duration(seconds: float) -> str:
    """75.4 → “1 min 15 s”; of what takes an hour and more, the seconds do not matter."""
    minutes, rest = divmod(max(round(seconds), 1), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


@register.filter
def time_left(seconds: float | None) -> str:
    """“about 3 minutes left”; a figure to the second would jump about."""
    if seconds is None:
        return ""
    if seconds < 8:
        return gettext("a few seconds left")
    if seconds < 60:
        return gettext("about %(seconds)d seconds left") % {"seconds": round(seconds / 5) * 5}
    minutes = round(seconds / 60)
    if minutes < 60:
        return ngettext("about %(minutes)d minute left", "about %(minutes)d minutes left", minutes) % {
            "minutes": minutes
        }
    hours, minutes = divmod(minutes, 60)
    return gettext("about %(hours)d h %(minutes)d min left") % {"hours": hours, "minutes": minutes}


@register.filter
def took(job: Job) -> float | None:
    """Seconds from when a worker began until the result was here."""
    if job.finished_at is None or job.latest is None or job.latest.started_at is None:
        return None
    return (job.finished_at - job.latest.started_at).total_seconds()
