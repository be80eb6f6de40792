"""A person's or a program's wish becomes a job: its parts are there, agreed to, proved, kept and queued."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from assets import space
from assets.errors import MissingField
from assets.uploads import HashedUpload, take_in
from jobs.errors import ConsentRequired
from jobs.models import Job, Mode

# What each mode cannot do without. photo_sing is content with a sound in place of the video.
NEEDS = {Mode.VIDEO_SWAP: ["reference_video", "source_image"], Mode.PHOTO_SING: ["source_image"]}
IGNORES = {Mode.VIDEO_SWAP: ["driving_audio"], Mode.PHOTO_SING: []}
WORDS = {
    "reference_video": "A video is needed: send it as reference_video.",
    "source_image": "A photo of the face is needed: send it as source_image.",
}


@space.full_disk_refused()
def submit(
    *,
    owner: Any,
    files: dict[str, HashedUpload],
    consent: str,
    consent_via: str,
    mode: str,
    alongside: Callable[[Job], None] = lambda job: None,
    **asked: Any,
) -> Job:
    """Make a job of these files and wishes, or raise a Refusal and leave nothing behind.

    `alongside` is called within the job's own transaction: what it writes commits with the job.
    """
    mode = Mode(mode)
    check_parts(mode, files)
    if not consent:
        raise ConsentRequired(
            "Consent is required: say that you have the right to use this face and this video."
        )
    ignored = [field for field in IGNORES[mode] if field in files]
    assets = take_in({field: file for field, file in files.items() if field not in ignored}, owner=owner)
    try:
        with transaction.atomic():
            job = Job.objects.submit(
                owner=owner,
                consent=consent,
                consent_via=consent_via,
                mode=mode,
                ignored=ignored,
                **assets,
                **asked,
            )
            alongside(job)
            return job
    except BaseException:
        for asset in assets.values():
            asset.erase(now())
        raise


def check_parts(mode: Mode, files: dict[str, HashedUpload]) -> None:
    """Raise MissingField for the first part that this mode cannot do without."""
    for field in NEEDS[mode]:
        if field not in files:
            raise MissingField(WORDS[field]).on(field)
    if mode == Mode.PHOTO_SING and not {"reference_video", "driving_audio"} & set(files):
        raise MissingField("A sound is needed: send it as driving_audio, or a video as reference_video.").on(
            "driving_audio"
        )
