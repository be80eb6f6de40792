from __future__ import annotations

import base64
import binascii
from datetime import datetime
from functools import partial
from typing import Any, cast
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from ninja import Field, File, Form, Router, Schema, Status
from ninja.decorators import decorate_view
from ninja.files import UploadedFile

from assets.errors import InvalidChoice
from assets.models import Asset
from assets.serving import serve
from assets.uploads import HashedUpload, refused_upload
from jobs import consent, idempotency
from jobs.auth import API_AUTH, ApiRequest, OutputLink, caller_of, output_token
from jobs.deletion import delete_files
from jobs.errors import NoOutput
from jobs.models import AspectRatio, Job, JobQuerySet, Mode, Quality, Stage
from jobs.submission import kept_parts, submit
from jobs.trim import PREVIEW_MOST

router = Router(tags=["jobs"])

PAGE = 20
MEASURED = ("swapped", "missed", "identity", "flicker", "engine", "models")
IDEMPOTENCY_KEY = {
    "name": idempotency.HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.LONGEST},
    "description": "The same key with the same content makes no second job: it gets the first answer again.",
}


class JobIn(Schema):
    mode: Mode
    quality: Quality = Quality.BALANCED
    enable_4k: bool = False
    aspect_ratio: AspectRatio = AspectRatio.PORTRAIT
    faces: str = ""
    trim: str = ""
    preview_seconds: int | None = Field(None, ge=1, le=PREVIEW_MOST)
    consent: bool = False
    reference_video_id: UUID | None = None
    source_image_id: UUID | None = None
    source_image_ids: list[UUID] = []
    driving_audio_id: UUID | None = None


class Accepted(Schema):
    id: UUID
    status: Job.Status
    stage: Stage


class Progress(Schema):
    percent: float | None
    frames_done: int | None
    frames_total: int | None
    eta_seconds: float | None


class Problem(Schema):
    code: str
    message: str


class Metrics(Schema):
    """What the latest attempt took, and what its worker measured of the result.

    `fps` is frames made per second of `run_seconds`, not a frame rate. `swapped` of the `frames` show the
    new face; `missed` are the stretches without, [from, to] in seconds. `identity` holds [seconds, distance]
    between the made face and the source's: under 0.6 they pass for one person. `flicker` is the made face's
    trembling over the clip's own: 1 is as steady. `models` are the SHA-256 digests of the networks by name.
    """

    queue_seconds: float | None
    run_seconds: float | None
    frames: int | None
    fps: float | None
    swapped: int | None
    missed: list[tuple[float, float]] | None
    identity: list[tuple[float, float]] | None
    flicker: float | None
    engine: str | None
    models: dict[str, str] | None


class JobOut(Schema):
    id: UUID
    mode: Mode
    quality: Quality
    enable_4k: bool
    aspect_ratio: AspectRatio
    status: Job.Status
    stage: Stage
    progress: Progress
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempt: int | None
    request_id: str | None
    runpod_job_id: str | None
    error_message: str | None
    error: Problem | None
    stage_timings: dict[str, dict[str, datetime | None]]
    input_config: dict[str, Any]
    metrics: Metrics
    output_url: str | None
    urls: dict[str, str | None]


class JobPage(Schema):
    items: list[JobOut]
    next: str | None


@router.post(
    "",
    response={202: Accepted},
    summary="Submit a job",
    openapi_extra={"parameters": [IDEMPOTENCY_KEY]},
)
@decorate_view(idempotency.once(caller_of))
def create_job(
    request: ApiRequest,
    response: HttpResponse,
    asked: Form[JobIn],
    reference_video: File[UploadedFile | None] = None,
    source_image: File[UploadedFile | None] = None,
    source_images: File[list[UploadedFile]] = [],  # noqa: B006 (ninja reads it, and nobody writes to it)
    driving_audio: File[UploadedFile | None] = None,
):
    """Put the face of `source_image` into `reference_video`, or make the photo sing.

    Several `source_images` in place of one, up to 8, are faces to choose from. `faces` says who in the
    video gets which: a JSON list of
    `{"target": {"time": 1.5, "box": [left, top, right, bottom]}, "source": 0}`. Whoever is seen at that
    second in that box, shares of the upright picture's sides, gets the photo of that number; null leaves
    this person alone, and so is everybody who is not named. Without `faces` the first photo goes onto the
    person whom the video shows most.

    `trim`, `{"start": 1.5, "end": 4}`, makes that part alone: the pictures with start <= time < end, in
    seconds, and their sound. Either may be left out. It is a part of the clip that gives the result its
    length: in photo_sing of the `driving_audio`, if there is one, else of the video. Times of `faces` stay
    those of the whole clip. `preview_seconds`, 1 to 10, makes only so much from where the trim starts.

    Instead of a file, `reference_video_id`, `source_image_id`, `driving_audio_id` or, repeated,
    `source_image_ids` name files of yours that are here already: those of an earlier job, as long as they
    are kept, and those uploaded beforehand. Photos that are sent come before photos that are named.

    Answers at once; poll the job. A browser session must send `consent=true`; a key carries its
    owner's consent. Refusals: `not_found` (404: a file that is named), `missing_field`, `invalid_choice`,
    `empty_file`, `unreadable_media`, `too_long`, `too_many_pixels` (422), `unsupported_media` (415),
    `too_large` (413), `no_length` (411), `consent_required` (403), `storage_full` (507),
    `idempotency_conflict` (409 while the first request with the key is at work, 422 when its content was
    another).
    """
    one_each = {
        "reference_video": reference_video,
        "source_image": source_image,
        "driving_audio": driving_audio,
    }
    files = [*one_each.items(), *(("source_images", photo) for photo in source_images)]
    caller = request.auth
    wishes = asked.dict()
    agreed = caller.consent or (consent.STATEMENT if wishes.pop("consent") else "")
    wishes.pop("consent", None)
    named = [(f"{field}_id", wishes.pop(f"{field}_id")) for field in one_each]
    named += [("source_image_ids", key) for key in wishes.pop("source_image_ids")]
    refuse_what_was_cut_off(request)
    if answer := idempotency.earlier_answer(request, request.claim):
        return answer
    job = submit(
        alongside=partial(keep_answer, request),
        owner=caller.user,
        parts=[
            *((field, cast(HashedUpload, file)) for field, file in files if file is not None),
            *kept_parts(caller.user, [(name, key) for name, key in named if key is not None]),
        ],
        consent=agreed,
        consent_via=caller.via,
        request_id=request.id,
        **wishes,
    )
    response["Location"] = address_of(request, job)
    return Status(202, job)


def keep_answer(request: ApiRequest, job: Job) -> None:
    """Called within the transaction that makes the job: both are there, or neither is."""
    if request.claim:
        request.claim.answer(
            fingerprint=idempotency.fingerprint(request),
            status=202,
            body=Accepted.from_orm(job).model_dump(mode="json"),
            location=address_of(request, job),
        )


@router.get("", response=JobPage, summary="List jobs")
def list_jobs(request: ApiRequest, status: Job.Status | None = None, cursor: str = "", limit: int = PAGE):
    """The caller's jobs, newest first. `next` is the address of the following page, or null."""
    jobs = shown(request).order_by("-created_at", "-id")
    if status:
        jobs = jobs.filter(status=status)
    if cursor:
        at, key = read_cursor(cursor)
        jobs = jobs.filter(Q(created_at__lt=at) | Q(created_at=at, id__lt=key))
    limit = min(max(limit, 1), 100)
    page = list(jobs[: limit + 1])
    following = None
    if len(page) > limit:
        query = request.GET.copy()
        query["cursor"] = write_cursor(page[limit - 1])
        following = absolute(request, f"/v1/jobs?{query.urlencode()}")
    return {"items": [job_out(request, job) for job in page[:limit]], "next": following}


@router.get("/{uuid:job_id}", response=JobOut, summary="Look at a job")
def get_job(request: ApiRequest, job_id: UUID):
    """Everything about one job. Asking often is fine: it never waits for the compute provider."""
    job = owned_job(request, job_id)
    job.request_poll(now())
    return job_out(request, job)


@router.post("/{uuid:job_id}/retry", response={202: Accepted}, summary="Retry a job")
def retry_job(request: ApiRequest, job_id: UUID):
    """Queue a failed or cancelled job once more. 409 `not_retryable` for any other."""
    job = owned_job(request, job_id)
    job.retry(reason=f"retried by {request.auth}")
    return Status(202, job)


@router.post("/{uuid:job_id}/cancel", response={202: Accepted}, summary="Cancel a job")
def cancel_job(request: ApiRequest, job_id: UUID):
    """Stop an open job; its worker stops within seconds. 409 `not_cancellable` for any other."""
    job = owned_job(request, job_id)
    job.cancel(reason=f"cancelled by {request.auth}")
    return Status(202, job)


@router.delete("/{uuid:job_id}", response={204: None}, summary="Delete a job's files")
def delete_job(request: ApiRequest, job_id: UUID):
    """Erase the job's inputs and result at once; an open job is cancelled first."""
    delete_files(owned_job(request, job_id), reason=f"deleted by {request.auth}")
    return Status(204, None)


@router.api_operation(
    ["GET", "HEAD"], "/{uuid:job_id}/output", auth=[OutputLink(), *API_AUTH], summary="Fetch the result"
)
def get_output(request: ApiRequest, job_id: UUID) -> HttpResponseBase:
    """The finished video, whole or ranged. Open to its owner, and to the token of the job's `output_url`."""
    job = owned_job(request, job_id)
    if job.output is None:
        raise NoOutput(f"Job {job.pk} is {job.status} and has no result yet.")
    preview = "-preview" if job.preview_seconds else ""
    return serve(request, job.output, filename=f"{job.mode}-{job.pk}{preview}.mp4")


def owned_job(request: ApiRequest, job_id: UUID) -> Job:
    return get_object_or_404(shown(request), pk=job_id)


def shown(request: ApiRequest) -> JobQuerySet:
    """The caller's jobs, with everything that is told of them."""
    return Job.objects.owned_by(request.auth.user).with_parts().prefetch_related("more_photos__asset")


def refuse_what_was_cut_off(request: ApiRequest) -> None:
    """A file over the cap ends the reading of the form; the fields after it are not missing but unread."""
    if refusal := refused_upload(request):
        raise refusal


def address_of(request: ApiRequest, job: Job) -> str:
    return absolute(request, f"/v1/jobs/{job.pk}")


def absolute(request: ApiRequest, path: str) -> str:
    return request.build_absolute_uri(path)


def write_cursor(job: Job) -> str:
    return base64.urlsafe_b64encode(f"{job.created_at.isoformat()}|{job.pk}".encode()).decode()


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, key = base64.urlsafe_b64decode(cursor).decode().split("|")
        return datetime.fromisoformat(at), UUID(key)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise InvalidChoice(f"{cursor[:80]!r} is no cursor of ours.").on("cursor") from None


def job_out(request: ApiRequest, job: Job) -> dict[str, Any]:
    """The job as GET shows it; what is not there is null."""
    here = address_of(request, job)
    has_output = job.output is not None and job.output.is_available
    attempt = job.latest
    last_sign = attempt and (attempt.heard_at or attempt.started_at)
    return {
        **{
            field: getattr(job, field)
            for field in ("id", "mode", "quality", "enable_4k", "aspect_ratio", "status")
        },
        "stage": job.stage,
        "progress": progress_out(job),
        "created_at": job.created_at,
        "updated_at": max(job.changed_at, last_sign or job.changed_at),
        "started_at": attempt and attempt.started_at,
        "finished_at": job.finished_at,
        "attempt": attempt and attempt.number,
        "request_id": job.request_id or None,
        "runpod_job_id": (attempt and attempt.external_id) or None,
        "error_message": job.error_message or None,
        "error": {"code": job.error_code, "message": job.error_message} if job.error_code else None,
        "stage_timings": job.stage_timings,
        "input_config": input_config(job),
        "metrics": metrics_out(job),
        "output_url": f"{here}/output?token={output_token(job)}" if has_output else None,
        "urls": {
            "self": here,
            "output": f"{here}/output",
            "retry": f"{here}/retry",
            "cancel": f"{here}/cancel",
        },
    }


def progress_out(job: Job) -> dict[str, Any]:
    attempt = job.latest
    if attempt is None or job.status == Job.Status.QUEUED:
        return {"percent": None, "frames_done": None, "frames_total": None, "eta_seconds": None}
    return {
        "percent": attempt.percent,
        "frames_done": attempt.frames_done,
        "frames_total": attempt.frames_total,
        "eta_seconds": attempt.eta_seconds(now()),
    }


def metrics_out(job: Job) -> dict[str, Any]:
    attempt = job.latest
    if attempt is None or attempt.started_at is None:
        return dict.fromkeys(Metrics.model_fields)
    run_seconds, frames = attempt.run_seconds, attempt.metrics.get("frames")
    return {
        "queue_seconds": (attempt.started_at - job.queued_at).total_seconds(),
        "run_seconds": run_seconds,
        "frames": frames,
        "fps": round(frames / run_seconds, 2) if frames and run_seconds else None,
        **{name: attempt.metrics.get(name) for name in MEASURED},
    }


def input_config(job: Job) -> dict[str, Any]:
    """What was asked for, and with which files."""
    parts = ("reference_video", "source_image", "driving_audio")
    return {
        **{field: getattr(job, field) for field in ("mode", "quality", "enable_4k", "aspect_ratio")},
        **{field: asset_out(asset) for field in parts if (asset := getattr(job, field))},
        "source_images": [asset_out(asset) for asset in job.photos],
        "faces": job.faces,
        "trim": trim_out(job),
        "preview_seconds": job.preview_seconds,
        "ignored": job.ignored,
    }


def trim_out(job: Job) -> dict[str, float | None] | None:
    if job.trim_start is None and job.trim_end is None:
        return None
    return {"start": job.trim_start, "end": job.trim_end}


def asset_out(asset: Asset) -> dict[str, Any]:
    fields = (
        *("id", "name", "content_type", "size", "sha256", "width", "height", "seconds", "fps", "has_sound"),
        "deleted_at",
    )
    return {field: getattr(asset, field) for field in fields}
