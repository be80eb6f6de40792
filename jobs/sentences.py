"""What rows keep in English, word for word, and readers of another language are told in theirs.

The API, the admin and the log show a kept sentence as it was written: here, by a worker, or years ago. For
the pages it is found again among these, and its values are put into the translation. What is none of these,
the words of a foreign worker, say, has no translation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

HISTORY = [
    _("submitted by %(who)s (%(how)s)"),
    _("dispatched"),
    _("attempt %(number)s (%(provider)s)"),
    _("taken by %(worker)s"),
    _("given to %(worker)s again, which had not received it"),
    _("the answer to the dispatch was lost: %(why)s"),
    _("%(task)s queued again by the sweep"),
    _("result reported (%(how)s)"),
    _("the result is here"),
    _("retried by %(who)s in the admin"),
    _("retried by %(who)s"),
    _("cancelled by %(who)s in the admin"),
    _("cancelled by %(who)s"),
    _("cancelled at the provider"),
    _("deleted by %(who)s"),
    _("deletion taken back"),
    _("deleted for good"),
    _("%(file)s was deleted after %(days)s days (retention)"),
]
# The values of others: how a job stands, who asked and how, what a task does, which file, what came between.
PHRASES = [
    *(_("queued"), _("processing"), _("done"), _("failed"), _("cancelled")),
    *(_("browser session"), _("key %(prefix)s (%(name)s)"), _("web form"), _("after its preview")),
    *(_("%(how)s; %(before)s"), _("%(who)s (%(how)s)")),
    *(_("dispatch"), _("send"), _("collect")),
    *(_("reference video"), _("source image"), _("driving audio"), _("source image number %(number)s")),
    *(_("the photo"), _("the source photo"), _("source photo number %(number)s")),
    *(_("the result"), _("the clip"), _("the sound")),
    _("it did not answer in time"),
    _("the connection broke"),
    _("it could not be reached"),
    _("the request failed (%(error)s)"),
    _("the server answered %(status)s"),
    _("the server sent another part than the one asked for"),
]
FACES = [
    _("No face was found in any of %(count)s pictures, taken from all through the video."),
    _("No face was found in any of the %(count)s source photos."),
    _("No face was found in the reference video, which is %(seconds)s s long."),
    _("No face was found in the photo."),
    _("No face was found in %(photo)s of %(width)sx%(height)s pixels."),
    _("No face was found at %(time)s s in the box [%(box)s]."),
    _("No face to replace was found in any of the %(count)s pictures of the video."),
    _("The video has no picture at %(time)s s, where a face was named."),
    _("The face is only %(height)s pixels high; it needs %(least)s to be made out well."),
    _("The face is turned away by more than %(degrees)s degrees: one side is not seen."),
]
FILES = [
    _("The file could not be looked at within the limits on time and memory."),
    _("The file has been deleted."),
    _("The file %(file)s has no sound."),
    _("The file %(file)s has no sound within the part from %(start)s s."),
    _("The file %(file)s cannot be read as video or sound: %(why)s."),
    _("The file %(file)s is no image that can be decoded."),
    _("The file %(file)s holds no video."),
    _("The image %(file)s cannot be decoded: %(why)s."),
    _("The sound of %(file)s is in a format that cannot be read here."),
    _("The video in %(file)s has no picture at %(time)s s."),
    _("The video in %(file)s is only %(width)sx%(height)s pixels."),
    _("No picture of the video in %(file)s can be decoded."),
    _("The video's colours cannot be read here: they are in matrix %(matrix)s of H.273."),
]
WORKERS = [
    _("The worker stopped answering."),
    _("The worker was started again and has forgotten the job."),
    _("The worker failed and gave no reason."),
    _("The worker says it is finished, but its result has not arrived."),
    _("The worker says it is finished, but has delivered no result."),
    _("The worker's disk is full."),
    _("The work took longer than it may."),
    _("The job was cancelled."),
    _("The job was sent, but nobody seems to have taken it."),
    _("The engine stopped unexpectedly (%(error)s)."),
    _("The %(file)s could not be downloaded: %(why)s."),
    _("The %(file)s has at least %(size)s bytes; the limit is %(most)s."),
    _("The result has %(size)s bytes; the service takes %(most)s."),
    _("The result has %(size)s bytes; without an upload address it can have %(most)s."),
    _("The result could not be uploaded: %(why)s."),
    _("The result came, but it could not be taken in (%(tries)s tries)."),
    _("The service did not take a message: %(why)s."),
    _("The service answered a message with %(status)s."),
]
RUNPOD = [
    _("The job was not taken, or not finished, within the time that it has at Runpod."),
    _("Runpod refused the API key (%(status)s). Check RUNPOD_API_KEY."),
    _("Runpod refused the API key (%(status)s). Check RUNPOD_API_KEY and what it may do."),
    _("Runpod knows no endpoint %(endpoint)s (%(status)s). Check RUNPOD_ENDPOINT_ID."),
    _("Runpod refused the request (%(status)s)."),
    _("Runpod took the job but named no id for it."),
    _("Runpod no longer knows the job %(job)s."),
    _("Runpod takes no more requests at the moment (429)."),
    _("Runpod has trouble (%(status)s)."),
    _("Runpod did not answer in time (%(error)s)."),
    _("Runpod could not be reached (%(error)s)."),
    _("Runpod's answer cannot be read."),
    _("Runpod's answer is no JSON object."),
    _("PUBLIC_BASE_URL is not set, so a worker at Runpod could not reach this service."),
]
SENTENCES = [*HISTORY, *FACES, *FILES, *WORKERS, *RUNPOD, *PHRASES]
# Characters; what a worker may say is longer, and would be looked at for ever, or too deep.
LONGEST = 400
VALUE = re.compile(r"%\((\w+)\)s")
DECIMAL = re.compile(r"-?\d+\.\d+")


def told(kept: str) -> str:
    """Return what was kept in the reader's language, or nothing if it is not known how to say it in that."""
    if get_language() == settings.LANGUAGE_CODE:
        return kept
    if len(kept) > LONGEST:
        return ""
    for sentence, pattern in patterns():
        if found := pattern.fullmatch(kept):
            values = {name: anew(value) for name, value in found.groupdict().items()}
            return gettext(sentence) % values
    return ""


def anew(value: str) -> str:
    return number_format(value) if DECIMAL.fullmatch(value) else told(value) or value


@cache
def patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(sentence, re.compile("".join(parts_of(sentence)), re.DOTALL)) for sentence in SENTENCES]


def parts_of(sentence: str) -> Iterator[str]:
    """Text and the names of values by turns, as `re.split` gives them, become a pattern."""
    for number, part in enumerate(VALUE.split(sentence)):
        yield f"(?P<{part}>.+?)" if number % 2 else re.escape(part)
