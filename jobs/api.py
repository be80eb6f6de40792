from __future__ import annotations

import base64
import binascii
from datetime import datetime
from functools import partial
from typing import cast
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from ninja import File, Form, Router, Status
from ninja.decorators import decorate_view
from ninja.files import UploadedFile

from assets.errors import InvalidChoice
from assets.serving import serve
from assets.uploads import HashedUpload, refused_upload
from jobs import consent, idempotency
from jobs.answers import absolute, address_of, job_out
from jobs.auth import API_AUTH, ApiRequest, OutputLink, caller_of
from jobs.deletion import delete_files
from jobs.errors import NoOutput
from jobs.models import Job, JobQuerySet, Stage
from jobs.schemas import Accepted, JobIn, JobOut, JobPage
from jobs.submission import kept_parts, submit
from jobs.turns import queue_position, queue_positions

router = Router(tags=["jobs"])

PAGE = 20
IDEMPOTENCY_KEY = {
    "name": idempotency.HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.LONGEST},
    "description": "The same key with the same content makes no second job: it gets the first answer again.",
}


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

    Several `source_images` in place of one, up to 8, are faces to choose from. Answers at once; poll the job.

    Refusals: `not_found` (404: a file that is named), `missing_field`, `invalid_choice`, `empty_file`,
    `unreadable_media`, `too_long`, `too_many_pixels` (422), `unsupported_media` (415), `too_large` (413),
    `no_length` (411), `consent_required` (403), `storage_full` (507), `idempotency_conflict` (409 while the
    first request with the key is at work, 422 when its content was another).
    """
    one_each = [
        ("reference_video", reference_video),
        ("source_image", source_image),
        ("driving_audio", driving_audio),
    ]
    files = [*one_each, *(("source_images", photo) for photo in source_images)]
    sent = [(field, cast(HashedUpload, file)) for field, file in files if file is not None]
    refuse_what_was_cut_off(request)
    if answer := idempotency.earlier_answer(request, request.claim):
        return answer
    caller = request.auth
    job = submit(
        alongside=partial(keep_answer, request),
        owner=caller.user,
        parts=[*sent, *kept_parts(caller.user, asked.named)],
        consent=caller.consent or (consent.STATEMENT if asked.consent else ""),
        consent_via=caller.via,
        request_id=request.id,
        **asked.wishes,
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
    places = queue_positions() if any(job.stage == Stage.QUEUED for job in page) else {}
    following = None
    if len(page) > limit:
        query = request.GET.copy()
        query["cursor"] = write_cursor(page[limit - 1])
        following = absolute(request, f"/v1/jobs?{query.urlencode()}")
    items = [job_out(request, job, places.get(job.pk)) for job in page[:limit]]
    return {"items": items, "next": following}


@router.get("/{uuid:job_id}", response=JobOut, summary="Look at a job")
def get_job(request: ApiRequest, job_id: UUID):
    """Everything about one job. Asking often is fine: it never waits for the compute provider."""
    job = owned_job(request, job_id)
    job.request_poll(now())
    return job_out(request, job, queue_position(job) if job.stage == Stage.QUEUED else None)


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


def write_cursor(job: Job) -> str:
    return base64.urlsafe_b64encode(f"{job.created_at.isoformat()}|{job.pk}".encode()).decode()


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, key = base64.urlsafe_b64decode(cursor).decode().split("|")
        return datetime.fromisoformat(at), UUID(key)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise InvalidChoice(f"{cursor[:80]!r} is no cursor of ours.").on("cursor") from None
