"""The signed callback: a worker's word on its job, believed only for the attempt whose secret signed it."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from django.db.models import F
from django.http import HttpRequest
from ninja import Router, Schema

from assets.errors import Refusal
from assets.uploads import drain
from jobs import outcomes, trace
from jobs.models import Attempt
from runpod_bridge.bodies import Body, NoMessage, received
from runpod_bridge.payload import callback_secret
from runpod_bridge.reports import report_of
from worker.wire import SIGNATURE_HEADER, BadMessage, Message, verify

log = logging.getLogger(__name__)
router = Router(tags=["workers"], auth=None)
CAUSE = "callback"
METADATA = {
    "type": "object",
    "properties": {
        "stage": {"type": "string"},
        "percent": {"type": "number"},
        "frames_done": {"type": "integer"},
        "frames_total": {"type": "integer"},
    },
}
MESSAGE = {
    "type": "object",
    "required": ["job_id", "status"],
    "properties": {
        "job_id": {"type": "string", "format": "uuid"},
        "status": {"enum": ["processing", "completed", "failed"]},
        "output_url": {"type": "string", "nullable": True},
        "output_base64": {"type": "string", "nullable": True},
        "error": {"type": "string", "nullable": True},
        "metadata": METADATA,
    },
}
SIGNATURE = {
    "name": SIGNATURE_HEADER,
    "in": "header",
    "required": True,
    "schema": {"type": "string"},
    "description": "hex(HMAC-SHA256(raw body, callback.secret))",
}


class Unbelieved(Refusal):
    code, status, title = "unauthorized", 401, "The message is not believed."


class Answer(Schema):
    status: str
    job_id: UUID
    cancel: bool


@router.post(
    "/callback",
    response=Answer,
    summary="Hear from a worker",
    openapi_extra={
        "parameters": [SIGNATURE],
        "requestBody": {"required": True, "content": {"application/json": {"schema": MESSAGE}}},
    },
)
def callback(request: HttpRequest):
    """What became of a job, or how it goes. `cancel` in the answer asks the worker to stop.

    401 `unauthorized` for anything not signed with the secret of one of the job's attempts; 422
    `bad_message` for what is no message; 503 `busy` with `Retry-After` when large ones queue up.
    """
    signature = request.headers.get(SIGNATURE_HEADER)
    if not signature:
        drain(request)
        raise unbelieved()
    with received(request) as body:
        attempt = sender(body, signature)
        trace.note(job=attempt.job_id, attempt=attempt.pk)
        hear(attempt, body)
    attempt.refresh_from_db()
    is_moot = not attempt.is_open and attempt.outcome != Attempt.Outcome.COMPLETED
    return {"status": attempt.job.status, "job_id": attempt.job_id, "cancel": is_moot}


def sender(body: Body, signature: str) -> Attempt:
    """Return the attempt whose secret signed these very bytes, or raise Unbelieved: never saying why."""
    attempts = list(attempts_named_in(body))
    raw: Any = body.raw  # HMAC reads a mapped file as it reads bytes
    believed = [attempt for attempt in attempts if verify(raw, signature, callback_secret(attempt))]
    if believed:
        return believed[0]
    if attempts:
        Attempt.objects.filter(pk=attempts[0].pk).update(refusals=F("refusals") + 1)
        log.warning("A message in the name of job %s was not believed.", attempts[0].job_id)
    raise unbelieved()


def attempts_named_in(body: Body) -> Any:
    """Read the job's id and nothing else; the newest attempt comes first."""
    try:
        job_id = UUID(body.read().get("job_id"))
    except (NoMessage, AttributeError, TypeError, ValueError):
        return Attempt.objects.none()
    return Attempt.objects.filter(job=job_id).select_related("job", "output").order_by("-number")


def hear(attempt: Attempt, body: Body) -> None:
    """Let the judge hear a believed message; from an attempt that has ended it changes nothing."""
    try:
        message = Message.from_bytes(body.text, max_bytes=len(body.text))
    except BadMessage as exc:
        raise NoMessage(str(exc)) from exc
    if message.output_url and message.output_base64:
        raise NoMessage("The message has both output_url and output_base64; it may have one of them.")
    if Attempt.objects.working().filter(pk=attempt.pk).exists():
        outcomes.apply(attempt, report_of(attempt, message, cause=CAUSE, body=body))


def unbelieved() -> Unbelieved:
    return Unbelieved("The message is unsigned, signed with another secret, or of a job that is unknown.")
