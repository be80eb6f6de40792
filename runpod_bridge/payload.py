"""What a worker is sent."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from assets.models import Token
from jobs.models import Attempt
from jobs.trim import part_of
from worker.wire import (
    AspectRatio,
    Callback,
    Casting,
    Inputs,
    Mode,
    OutputTarget,
    Payload,
    Quality,
    Trim,
    attempt_secret,
)

CALLBACK_PATH = "/v1/runpod/callback"


def payload_for(attempt: Attempt, base_url: str) -> Payload:
    """Put an attempt into the contract's words; every address in it begins with `base_url`."""
    job, photos = attempt.job, attempt.job.photos
    tokens = {(token.asset_id, token.purpose): token for token in attempt.tokens()}
    upload = tokens[attempt.output_id, Token.Purpose.UPLOAD]

    part = part_of(job)
    trim = part and Trim(start=part[0], end=part[1])

    def url(asset_id: UUID) -> str:
        return f"{base_url}{tokens[asset_id, Token.Purpose.DOWNLOAD].path}"

    return Payload(
        job_id=str(job.pk),
        mode=Mode(job.mode),
        quality=Quality(job.quality),
        enable_4k=job.enable_4k,
        aspect_ratio=AspectRatio(job.aspect_ratio),
        assets=Inputs(
            reference_video_url=url(job.reference_video_id) if job.reference_video_id else None,
            source_image_url=url(job.source_image_id),
            source_image_urls=tuple(url(photo.pk) for photo in photos) if len(photos) > 1 else (),
            driving_audio_url=url(job.driving_audio_id) if job.driving_audio_id else None,
        ),
        callback=Callback(url=f"{base_url}{CALLBACK_PATH}", secret=callback_secret(attempt)),
        output_target=OutputTarget(
            upload_url=f"{base_url}{upload.path}",
            output_url=url(attempt.output_id),
            max_bytes=upload.max_bytes,
        ),
        attempt=attempt.number,
        trim=trim,
        preview=bool(job.preview_seconds),
        faces=tuple(Casting.from_input(face, "faces", len(photos)) for face in job.faces),
    )


def callback_secret(attempt: Attempt) -> str:
    """Return what its worker signs with: a secret of its own, unless workers were given ours beforehand."""
    if settings.CALLBACK_SECRET_SHARED:
        return settings.CALLBACK_SECRET
    return attempt_secret(settings.CALLBACK_SECRET, str(attempt.pk))
