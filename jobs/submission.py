"""A person's or a program's wish becomes a job: its parts are there, agreed to, proved, kept and queued."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from assets import space
from assets.errors import InvalidChoice, MissingField
from assets.models import Asset
from assets.uploads import HashedUpload, take_in
from jobs.errors import ConsentRequired
from jobs.faces import read_faces
from jobs.models import Job, Mode

# What each mode cannot do without. photo_sing is content with a sound in place of the video.
NEEDS = {Mode.VIDEO_SWAP: ["reference_video", "source_image"], Mode.PHOTO_SING: ["source_image"]}
IGNORES = {Mode.VIDEO_SWAP: ["driving_audio"], Mode.PHOTO_SING: []}
WORDS = {
    "reference_video": "A video is needed: send it as reference_video.",
    "source_image": "A photo of the face is needed: send it as source_image.",
}
PHOTO_FIELDS = {"source_image", "source_images"}
PHOTOS_MOST = 8


@space.full_disk_refused()
def submit(
    *,
    owner: Any,
    files: Sequence[tuple[str, HashedUpload]],
    consent: str,
    consent_via: str,
    mode: str,
    faces: str = "",
    alongside: Callable[[Job], None] = lambda job: None,
    **asked: Any,
) -> Job:
    """Make a job of these wishes and files, each with its field, or raise a Refusal and leave nothing behind.

    `alongside` is called within the job's own transaction: what it writes commits with the job.
    """
    mode = Mode(mode)
    check_parts(mode, [field for field, _ in files], faces)
    if not consent:
        raise ConsentRequired(
            "Consent is required: say that you have the right to use this face and this video."
        )
    used = [(field, file) for field, file in files if field not in IGNORES[mode]]
    assets = take_in(used, owner=owner)
    try:
        parts = parts_of([field for field, _ in used], assets)
        photos = 1 + len(parts["more_photos"])
        seconds = parts["reference_video"].seconds if faces else None
        with transaction.atomic():
            job = Job.objects.submit(
                owner=owner,
                consent=consent,
                consent_via=consent_via,
                mode=mode,
                faces=read_faces(faces, photos=photos, seconds=seconds) if faces else [],
                ignored=[field for field, _ in files if field in IGNORES[mode]],
                **parts,
                **asked,
            )
            alongside(job)
            return job
    except BaseException:
        for asset in assets:
            asset.erase(now())
        raise


def parts_of(fields: Sequence[str], assets: Sequence[Asset]) -> dict[str, Any]:
    """Return the assets by the job's own fields."""
    pairs = list(zip(fields, assets, strict=True))
    first, *more = [asset for field, asset in pairs if field in PHOTO_FIELDS]
    others = {field: asset for field, asset in pairs if field not in PHOTO_FIELDS}
    return {**others, "source_image": first, "more_photos": more}


def check_parts(mode: Mode, fields: Sequence[str], faces: str) -> None:
    """Raise a Refusal for the first part that this mode cannot do without, or has no use for."""
    if "source_image" in fields and "source_images" in fields:
        raise InvalidChoice("Send either source_image or source_images, not both.").on("source_images")
    for field in NEEDS[mode]:
        if field not in fields and not (field in PHOTO_FIELDS and "source_images" in fields):
            raise MissingField(WORDS[field]).on(field)
    if mode == Mode.PHOTO_SING and not {"reference_video", "driving_audio"} & set(fields):
        raise MissingField("A sound is needed: send it as driving_audio, or a video as reference_video.").on(
            "driving_audio"
        )
    if (photos := fields.count("source_images")) > PHOTOS_MOST:
        raise InvalidChoice(f"There are {photos} photos; at most {PHOTOS_MOST} are taken.").on(
            "source_images"
        )
    if faces and mode != Mode.VIDEO_SWAP:
        raise InvalidChoice(f"faces is about the people in a video; {mode} has no use for it.").on("faces")
