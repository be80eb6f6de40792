"""Is the process alive, and could it do a job now?"""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from assets import space
from jobs.heartbeat import FRESH, QUEUE_BEAT, WORKER_BEAT
from jobs.models import Heartbeat
from jobs.sweep import HEALTH_EVERY


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when a job could be done now; else 503, naming what is missing."""
    missing = {name: sentence for name, check in CHECKS.items() if (sentence := check())}
    checks = {name: missing.get(name, "ok") for name in CHECKS}
    return JsonResponse({"ready": not missing, "checks": checks}, status=503 if missing else 200)


def database() -> str:
    try:
        connection.ensure_connection()
        Heartbeat.objects.exists()
    except DatabaseError as exc:
        return f"The database does not answer: {exc}"
    return ""


def storage() -> str:
    name = f"tmp/{uuid4().hex}.ready"
    try:
        default_storage.delete(default_storage.save(name, ContentFile(b"ready")))
    except OSError as exc:
        return f"The storage takes no files: {exc.strerror}."
    return space.shortage()


def queue() -> str:
    silent = [name for name, beat in QUEUE_BEAT.items() if not Heartbeat.is_fresh(beat, now(), FRESH)]
    return f"No sign of life from the queue: {', '.join(silent)}." if silent else ""


def worker() -> str:
    # With a provider that is asked about its health, a sign of life is as old as the last question.
    within = max(FRESH, 2 * HEALTH_EVERY)
    if Heartbeat.is_fresh(WORKER_BEAT, now(), within):
        return ""
    return f"No worker has been seen lately ({settings.COMPUTE_PROVIDER.rpartition('.')[2]})."


CHECKS: dict[str, Callable[[], str]] = {
    "database": database,
    "storage": storage,
    "queue": queue,
    "worker": worker,
}
