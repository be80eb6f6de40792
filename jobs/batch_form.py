"""The form for several jobs at once: every clip of it gets every face of it.

The form knows files by their ids alone; what comes as a file is taken in before it, by the page. Those in
which a look has found no face are shown, but nothing is made of them.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.db import transaction
from django.http import QueryDict
from django.utils.translation import gettext, gettext_lazy, ngettext

from assets.errors import Refusal
from assets.models import Asset
from assets.uploads import FILES_AT_ONCE, KINDS
from jobs import consent
from jobs.analyses import Analysis
from jobs.batches import Batch
from jobs.forms import choice
from jobs.models import AspectRatio, Mode, Quality
from jobs.submission import submit

FIELDS = ("reference_video", "source_image")
JOBS_AT_ONCE = 40
WORDS_FOR_MISSING = {
    "reference_video": gettext_lazy("Choose at least one clip."),
    "source_image": gettext_lazy("Choose at least one photo of a face."),
}
WORDS_FOR_FACELESS = {
    "reference_video": gettext_lazy("No face was found in these clips: choose another one."),
    "source_image": gettext_lazy("No face was found in these photos: choose another one."),
}


class NewBatch(forms.Form):
    quality = choice(Quality, Quality.BALANCED)
    aspect_ratio = choice(AspectRatio, AspectRatio.ORIGINAL)
    # What is wrong with files is shown beside these; the files themselves are in `files`.
    reference_video = forms.Field(required=False)
    source_image = forms.Field(required=False)
    consent = forms.BooleanField(
        error_messages={
            "required": gettext_lazy("Tick this box if it is so; without it nothing can be made.")
        }
    )

    def __init__(self, data: QueryDict | None = None, *, owner: Any = None) -> None:
        super().__init__(data)
        self.sent = data or QueryDict()
        self.owner = owner
        self.files_of: dict[str, list[Asset]] = {field: self.find(field) for field in FIELDS}
        files = [asset for assets in self.files_of.values() for asset in assets]
        faceless = set(Analysis.objects.faceless().filter(asset__in=files).values_list("asset_id", flat=True))
        self.unused = [asset for asset in files if asset.pk in faceless]

    def find(self, field: str) -> list[Asset]:
        """Return the files named here, each once and in order, less those that are not the owner's."""
        keys = [key for text in self.named(field) if (key := as_uuid(text))]
        if not keys:
            return []
        here = Asset.objects.owned_by(self.owner).available().filter(kind=KINDS[field]).in_bulk(keys)
        return [here[key] for key in keys if key in here]

    def used(self, field: str) -> list[Asset]:
        return [asset for asset in self.files_of[field] if asset not in self.unused]

    def named(self, field: str) -> list[str]:
        return list(dict.fromkeys(self.sent.getlist(f"{field}_id")))

    def clean(self) -> dict[str, Any]:
        clips, photos = (self.used(field) for field in FIELDS)
        for field in FIELDS:
            if len(self.files_of[field]) < len(self.named(field)):
                self.add_error(field, gettext("A file is gone, or was never yours: choose it once more."))
            elif not self.files_of[field] and field not in self.errors:
                self.add_error(field, WORDS_FOR_MISSING[field])
            elif not self.used(field) and field not in self.errors:
                self.add_error(field, WORDS_FOR_FACELESS[field])
        if (files := sum(map(len, self.files_of.values()))) > FILES_AT_ONCE:
            self.add_error(
                None,
                gettext("There are %(files)d files; at most %(most)d are taken at once.")
                % {"files": files, "most": FILES_AT_ONCE},
            )
        if (jobs := len(clips) * len(photos)) > JOBS_AT_ONCE:
            self.add_error(
                None,
                gettext(
                    "%(clips)d clips with %(faces)d faces make %(jobs)d videos; at most %(most)d are made."
                )
                % {"clips": len(clips), "faces": len(photos), "jobs": jobs, "most": JOBS_AT_ONCE},
            )
        return self.cleaned_data

    def refuse(self, refusal: Refusal) -> None:
        """Show the sentence beside the files it is about, or else above the form."""
        self.add_error(refusal.field if refusal.field in FIELDS else None, str(refusal))

    @transaction.atomic
    def submit(self, *, request_id: str) -> Batch:
        """Make all jobs of a valid form, or raise the Refusal of one and make none."""
        clips, photos = (self.used(field) for field in FIELDS)
        batch = Batch.objects.create(owner=self.owner, name=name_of(clips, photos))
        for clip in clips:
            for photo in photos:
                submit(
                    owner=self.owner,
                    parts=[("reference_video", clip), ("source_image", photo)],
                    consent=gettext(consent.STATEMENT),
                    consent_via="web form",
                    request_id=request_id,
                    mode=Mode.VIDEO_SWAP,
                    quality=self.cleaned_data["quality"],
                    aspect_ratio=self.cleaned_data["aspect_ratio"],
                    batch=batch,
                )
        return batch


def name_of(clips: list[Asset], photos: list[Asset]) -> str:
    """“aunt.jpg in 5 clips”: what there is one of goes by its name, cut to what fits."""
    face = photos[0].name[:80] if len(photos) == 1 else ""
    clip = clips[0].name[:80] if len(clips) == 1 else ""
    face = face or ngettext("%(count)d face", "%(count)d faces", len(photos)) % {"count": len(photos)}
    clip = clip or ngettext("%(count)d clip", "%(count)d clips", len(clips)) % {"count": len(clips)}
    return gettext("%(face)s in %(clip)s") % {"face": face, "clip": clip}


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
