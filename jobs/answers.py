"""How the API tells of a job: everything about it, with the addresses of what else there is."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.timezone import now

from assets.models import Asset
from jobs.auth import output_token
from jobs.models import Job
from jobs.schemas import Metrics

MEASURED = ("swapped", "missed", "identity", "flicker", "engine", "models")


def job_out(request: HttpRequest, job: Job, place: int | None) -> dict[str, Any]:
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
        "queue_position": place,
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
    # The last report on the way may be a few frames short of what was made.
    made = attempt.metrics.get("frames")
    return {
        "percent": attempt.percent,
        "frames_done": made or attempt.frames_done,
        "frames_total": made or attempt.frames_total,
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


def address_of(request: HttpRequest, job: Job) -> str:
    return absolute(request, f"/v1/jobs/{job.pk}")


def absolute(request: HttpRequest, path: str) -> str:
    return request.build_absolute_uri(path)
