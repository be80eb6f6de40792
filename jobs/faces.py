"""Who in a clip gets which photo: the `faces` of a new job, as a client writes them.

A JSON list of {"target": {"time": 1.5, "box": [left, top, right, bottom]}, "source": 0}: whoever is seen at
that second in that box, shares of the upright picture's sides, gets the photo of that number. A source of
null leaves this person alone, as everybody is left alone who is not named.
"""

from __future__ import annotations

import json
import math
from typing import Any

from django.utils.translation import gettext as _

from assets.errors import InvalidChoice, Refusal

MOST = 12


def read_faces(text: str, *, photos: int, seconds: float | None) -> list[dict[str, Any]]:
    """Return the list in its plain form, or raise InvalidChoice. `seconds`: the clip's length, if known."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise refusal(_("faces is no JSON: %(text)r."), text=text[:80]) from None
    if not isinstance(said, list) or not 0 < len(said) <= MOST:
        said = _("faces must be a list of 1 to %(most)d entries and is %(text)r.")
        raise refusal(said, most=MOST, text=text[:80])
    return [read_face(entry, photos=photos, seconds=seconds) for entry in said]


def read_face(entry: object, *, photos: int, seconds: float | None) -> dict[str, Any]:
    target = entry.get("target") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(target, dict) or "source" not in entry:
        said = _("Each of the faces needs a target and a source; one is %(entry)s.")
        raise refusal(said, entry=repr(entry)[:120])
    time, box, source = target.get("time"), target.get("box"), entry["source"]
    if not is_share(time, most=seconds if seconds is not None else math.inf):
        said = _("A face's target.time must be a second of the clip and is %(time)s.")
        raise refusal(said, time=repr(time)[:80])
    if not is_box(box):
        said = _("A face's target.box must be [left, top, right, bottom] in 0..1 and is %(box)s.")
        raise refusal(said, box=repr(box)[:80])
    if source is not None and not is_number_of_photo(source, photos):
        said = _("A face's source must be null or a photo's number, 0 to %(last)d, not %(source)s.")
        raise refusal(said, last=photos - 1, source=repr(source)[:80])
    return {"target": {"time": time, "box": box}, "source": source}


def is_number_of_photo(value: object, photos: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < photos


def is_box(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 4 or not all(map(is_share, value)):
        return False
    left, top, right, bottom = value
    return left < right and top < bottom


def is_share(value: object, most: float = 1) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most


def refusal(sentence: str, **values: object) -> Refusal:
    return InvalidChoice(sentence, **values).on("faces")
