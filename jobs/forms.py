"""The form of a new job. It says all that is missing at once; what the files are is judged by `submit`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import TextChoices

from assets.errors import Refusal
from jobs import consent
from jobs.models import AspectRatio, Job, Mode, Quality
from jobs.submission import NEEDS, submit

WORDS_FOR_MISSING = {
    "reference_video": "Choose the video that the face goes into.",
    "source_image": "Choose a photo that shows the face.",
    "driving_audio": "Choose the song or speech, or a video that has one.",
}
WORDS_FOR_CHOICE = {
    "required": "Choose one of these.",
    "invalid_choice": "“%(value)s” is not one of these; choose one.",
}


def choice(choices: type[TextChoices], initial: str) -> forms.ChoiceField:
    return forms.ChoiceField(choices=choices.choices, initial=initial, error_messages=WORDS_FOR_CHOICE)


def upload() -> forms.FileField:
    # An empty file is refused by name where all files are proved.
    return forms.FileField(required=False, allow_empty_file=True, widget=forms.FileInput)


class NewJob(forms.Form):
    mode = choice(Mode, Mode.VIDEO_SWAP)
    quality = choice(Quality, Quality.BALANCED)
    aspect_ratio = choice(AspectRatio, AspectRatio.ORIGINAL)
    enable_4k = forms.BooleanField(required=False)
    reference_video = upload()
    source_image = upload()
    driving_audio = upload()
    consent = forms.BooleanField(
        error_messages={"required": "Tick this box if it is so; without it nothing can be made."}
    )

    WISHES = ["mode", "quality", "aspect_ratio", "enable_4k"]
    FILES = ["reference_video", "source_image", "driving_audio"]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        missing = [field for field in NEEDS.get(data.get("mode", ""), ()) if not data[field]]
        has_motion = data["reference_video"] or data["driving_audio"]
        if data.get("mode") == Mode.PHOTO_SING and not has_motion:
            missing.append("driving_audio")
        for field in missing:
            self.add_error(field, WORDS_FOR_MISSING[field])
        return data

    def submit(self, *, owner: Any, request_id: str) -> Job:
        """Make the job of a valid form, or raise the Refusal of what the files turned out to be."""
        asked = {field: self.cleaned_data[field] for field in self.WISHES}
        files = [(field, file) for field in self.FILES if (file := self.cleaned_data[field])]
        return submit(
            owner=owner,
            files=files,
            consent=consent.STATEMENT,
            consent_via="web form",
            request_id=request_id,
            **asked,
        )

    def refuse(self, refusal: Refusal) -> None:
        """Show the sentence beside the field it is about, or else above the form."""
        self.add_error(refusal.field if refusal.field in self.fields else None, str(refusal))
