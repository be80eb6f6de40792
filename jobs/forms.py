"""The form of a new job. It says all that is missing at once; what the files are is judged by `submit`."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import TextChoices
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from assets.errors import Refusal
from assets.uploads import refused_upload
from jobs import consent
from jobs.models import AspectRatio, Job, Mode, Quality
from jobs.submission import NEEDS, kept_parts, submit
from jobs.trim import PREVIEW_MOST

WORDS_FOR_MISSING = {
    "reference_video": _("Choose the video that the face goes into."),
    "source_image": _("Choose a photo that shows the face."),
    "driving_audio": _("Choose the song or speech, or a video that has one."),
}
# Whatever is about a hidden field is shown beside the one that people see.
PLACES = {
    "reference_video_id": "reference_video",
    "source_image_id": "source_image",
    "source_images": "source_image",
    "source_image_ids": "source_image",
    "driving_audio_id": "driving_audio",
    "faces": "reference_video",
    "trim": "trim_start",
}
WORDS_FOR_CHOICE = {
    "required": _("Choose one of these."),
    "invalid_choice": _("“%(value)s” is not one of these; choose one."),
}


def sent(request: HttpRequest, form: type[forms.Form]) -> QueryDict:
    """Return what was sent; of a form that was cut off at too large a file, the rest as it is proposed."""
    data = request.POST.copy()  # Only now is it known whether it was cut off.
    if refused_upload(request):
        for name, field in form.base_fields.items():
            if field.initial is not None:
                data.setdefault(name, field.initial)
    return data


def choice(choices: type[TextChoices], initial: str) -> forms.ChoiceField:
    return forms.ChoiceField(choices=choices.choices, initial=initial, error_messages=WORDS_FOR_CHOICE)


def upload() -> forms.FileField:
    # An empty file is refused by name where all files are proved.
    return forms.FileField(required=False, allow_empty_file=True, widget=forms.FileInput)


def seconds() -> forms.FloatField:
    widget = forms.NumberInput(attrs={"min": 0, "step": "any", "inputmode": "decimal"})
    return forms.FloatField(required=False, widget=widget)


class FileIds(forms.UUIDField):
    """The ids of several files."""

    widget = forms.MultipleHiddenInput

    def clean(self, value: list[str] | None) -> list[UUID]:
        clean = super().clean
        return [clean(each) for each in value or [] if each]


class NewJob(forms.Form):
    mode = choice(Mode, Mode.VIDEO_SWAP)
    quality = choice(Quality, Quality.BALANCED)
    aspect_ratio = choice(AspectRatio, AspectRatio.ORIGINAL)
    enable_4k = forms.BooleanField(required=False)
    reference_video = upload()
    source_image = upload()
    driving_audio = upload()
    # Of files that were sent as soon as they were chosen.
    reference_video_id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    source_image_id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    source_image_ids = FileIds(required=False)
    driving_audio_id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    faces = forms.CharField(required=False, widget=forms.HiddenInput)
    # In seconds; what they mean is said in jobs.trim.
    trim_start = seconds()
    trim_end = seconds()
    preview_seconds = forms.IntegerField(
        required=False, min_value=1, max_value=PREVIEW_MOST, widget=forms.HiddenInput
    )
    consent = forms.BooleanField(
        error_messages={"required": _("Tick this box if it is so; without it nothing can be made.")}
    )

    WISHES = ["mode", "quality", "aspect_ratio", "enable_4k", "faces", "preview_seconds"]
    FILES = ["reference_video", "source_image", "driving_audio"]
    IDS = [f"{field}_id" for field in FILES]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        self.prefer_new_files()
        for field in self.missing():
            self.add_error(field, WORDS_FOR_MISSING[field])
        return data

    def missing(self) -> list[str]:
        """Return the fields of files that the mode cannot do without, and that are not there."""
        data = self.cleaned_data
        given = {field for field in self.FILES if data.get(field) or data.get(f"{field}_id")}
        if data.get("source_image_ids"):
            given.add("source_image")
        missing = [field for field in NEEDS.get(data.get("mode", ""), ()) if field not in given]
        has_motion = given & {"reference_video", "driving_audio"}
        if data.get("mode") == Mode.PHOTO_SING and not has_motion:
            missing.append("driving_audio")
        return missing

    def ids(self) -> list[tuple[str, UUID]]:
        """Return the files that are here already, each with the field that names it."""
        ids = [(name, key) for name in self.IDS if (key := self.cleaned_data.get(name))]
        return ids + [("source_image_ids", key) for key in self.cleaned_data.get("source_image_ids", [])]

    def prefer_new_files(self) -> None:
        """Let a file that was chosen now take the place of kept ones; who was to get those is void then."""
        for field, kept in [(name, f"{name}_id") for name in self.FILES] + [
            ("source_image", "source_image_ids")
        ]:
            if self.cleaned_data.get(field) and self.cleaned_data.get(kept):
                self.cleaned_data |= {kept: None if kept.endswith("_id") else [], "faces": ""}

    def submit(self, *, owner: Any, request_id: str) -> Job:
        """Make the job of a valid form, or raise the Refusal of what the files turned out to be."""
        asked = {field: self.cleaned_data[field] for field in self.WISHES}
        files = [(field, file) for field in self.FILES if (file := self.cleaned_data[field])]
        return submit(
            owner=owner,
            parts=[*files, *kept_parts(owner, self.ids())],
            consent=gettext(consent.STATEMENT),
            consent_via="web form",
            request_id=request_id,
            trim=self.trim(),
            **asked,
        )

    def trim(self) -> str:
        times = {"start": self.cleaned_data["trim_start"], "end": self.cleaned_data["trim_end"]}
        return json.dumps(times)

    def refuse(self, refusal: Refusal) -> None:
        """Show the sentence beside the field it is about, or else above the form."""
        field = PLACES.get(refusal.field or "", refusal.field)
        self.add_error(field if field in self.fields else None, str(refusal))
