"""A person's or a program's wish becomes a job: its parts are there, agreed to, proved, kept and queued."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from assets import space
from assets.errors import InvalidChoice, MissingField, NotFound
from assets.models import Asset
from assets.uploads import KINDS, HashedUpload, take_in
from jobs.errors import ConsentRequired
from jobs.faces import read_faces
from jobs.models import Job, Mode
from jobs.trim import read_trim

# What each mode cannot do without. photo_sing is content with a sound in place of the video.
NEEDS = {Mode.VIDEO_SWAP: ["reference_video", "source_image"], Mode.PHOTO_SING: ["source_image"]}
IGNORES = {Mode.VIDEO_SWAP: ["driving_audio"], Mode.PHOTO_SING: []}
WORDS = {
    "reference_video": gettext_noop("A video is needed: send it as reference_video."),
    "source_image": gettext_noop("A photo of the face is needed: send it as source_image."),
}
PHOTO_FIELDS = {"source_image", "source_images"}
PHOTOS_MOST = 8
# A part of a job with the field that it came in: a file, or one that was taken in before.
Part = tuple[str, HashedUpload | Asset]


@space.full_disk_refused()
def submit(
    *,
    owner: Any,
    parts: Sequence[Part],
    consent: str,
    consent_via: str,
    mode: str,
    faces: str = "",
    trim: str = "",
    alongside: Callable[[Job], None] = lambda job: None,
    **asked: Any,
) -> Job:
    """Make a job of these wishes and parts, or raise a Refusal and leave nothing behind.

    `alongside` is called within the job's own transaction: what it writes commits with the job.
    """
    mode = Mode(mode)
    check_parts(mode, [field for field, _ in parts], faces)
    if not consent:
        raise ConsentRequired(
            _("Consent is required: say that you have the right to use this face and this video.")
        )
    used = [(field, part) for field, part in parts if field not in IGNORES[mode]]
    new = take_in([(field, part) for field, part in used if not isinstance(part, Asset)], owner=owner)
    taken_in = iter(new)
    kept = [(field, part if isinstance(part, Asset) else next(taken_in)) for field, part in used]
    try:
        columns = columns_of(kept)
        photos = 1 + len(columns["more_photos"])
        seconds = columns["reference_video"].seconds if faces else None
        part = read_trim(trim, columns.get("driving_audio") or columns["reference_video"])
        with transaction.atomic():
            hold([(field, part) for field, part in used if isinstance(part, Asset)])
            job = Job.objects.submit(
                owner=owner,
                consent=consent,
                consent_via=consent_via,
                mode=mode,
                faces=read_faces(faces, photos=photos, seconds=seconds) if faces else [],
                ignored=[field for field, _ in parts if field in IGNORES[mode]],
                **columns,
                **part,
                **asked,
            )
            alongside(job)
            return job
    except BaseException:
        for asset in new:
            asset.erase(now())
        raise


def columns_of(kept: Sequence[tuple[str, Asset]]) -> dict[str, Any]:
    """Return the assets by the job's own fields."""
    first, *more = [asset for field, asset in kept if field in PHOTO_FIELDS]
    others = {field: asset for field, asset in kept if field not in PHOTO_FIELDS}
    return {**others, "source_image": first, "more_photos": more}


def hold(kept: Sequence[tuple[str, Asset]]) -> None:
    """Let nobody delete these files before the job is there; NotFound if somebody has."""
    keys = [asset.pk for _, asset in kept]
    here = Asset.objects.available().select_for_update(no_key=True).filter(pk__in=keys).order_by("pk")
    found = {asset.pk for asset in here}
    for field, asset in kept:
        if asset.pk not in found:
            raise NotFound(_("The file %(name)r has been deleted."), name=asset.name).on(field)


def kept_parts(owner: Any, named: Sequence[tuple[str, UUID]]) -> list[Part]:
    """Return the owner's files of these ids, for the fields that they are named in: `source_image_id`."""
    mine = Asset.objects.owned_by(owner).available().in_bulk([asset_id for _, asset_id in named])
    return [kept_part(name, asset_id, mine.get(asset_id)) for name, asset_id in named]


def kept_part(name: str, asset_id: UUID, asset: Asset | None) -> Part:
    field = name.replace("_id", "")
    if asset is None:
        raise NotFound(_("There is no file %(id)s of yours, or it has been deleted."), id=asset_id).on(name)
    if asset.kind != KINDS[field]:
        said = _("%(name)r is of kind %(kind)s; %(wanted)s is wanted here.")
        raise InvalidChoice(said, name=asset.name, kind=asset.kind, wanted=KINDS[field]).on(name)
    return field, asset


def check_parts(mode: Mode, fields: Sequence[str], faces: str) -> None:
    """Raise a Refusal for the first part that this mode cannot do without, or has no use for."""
    if "source_image" in fields and "source_images" in fields:
        raise InvalidChoice(_("Send either source_image or source_images, not both.")).on("source_images")
    for field in set(fields) - {"source_images"}:
        if fields.count(field) > 1:
            raise InvalidChoice(_("Send %(field)s once: either the file or the id of one."), field=field).on(
                field
            )
    for field in NEEDS[mode]:
        if field not in fields and not (field in PHOTO_FIELDS and "source_images" in fields):
            raise MissingField(_(WORDS[field])).on(field)
    if mode == Mode.PHOTO_SING and not {"reference_video", "driving_audio"} & set(fields):
        said = _("A sound is needed: send it as driving_audio, or a video as reference_video.")
        raise MissingField(said).on("driving_audio")
    if (photos := fields.count("source_images")) > PHOTOS_MOST:
        raise InvalidChoice(
            _("There are %(count)d photos; at most %(most)d are taken."), count=photos, most=PHOTOS_MOST
        ).on("source_images")
    if faces and mode != Mode.VIDEO_SWAP:
        said = _("faces is about the people in a video; %(mode)s has no use for it.")
        raise InvalidChoice(said, mode=mode).on("faces")
