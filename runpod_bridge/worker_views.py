"""The addresses at which workers ask for work and hand it in: Runpod's own protocol for its workers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from assets.errors import Refusal
from assets.problems import problem
from assets.uploads import drain
from jobs import outcomes, trace
from jobs.compute import Report, State
from runpod_bridge import handed_in, pool, shutdown
from runpod_bridge.bodies import received
from runpod_bridge.models import Worker, WorkerToken
from runpod_bridge.payload import payload_for

LOOK_EVERY = 0.3  # seconds, while a request is held
Found = TypeVar("Found")
View = Callable[..., HttpResponse]


class Unauthorized(Refusal):
    code, status, title = "unauthorized", 401, "Who are you?"


class NotYours(Refusal):
    code, status, title = "not_found", 404, "There is nothing here."


def for_workers(view: View) -> View:
    """Let in whoever brings a live token, and hand the worker on. Guarded by that alone, so no CSRF."""

    @csrf_exempt
    @wraps(view)
    def guarded(request: HttpRequest, endpoint: str, worker: str, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, admit(request, worker), **kwargs)
        except Refusal as refusal:
            return problem(request, refusal)

    return guarded


def admit(request: HttpRequest, name: str) -> Worker:
    """Return the worker who calls, or raise Unauthorized."""
    at = now()
    # Runpod's SDK sends the bare token; what is not ours sends it as everybody does.
    value = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    token = WorkerToken.objects.authenticate(value, at)
    if token is None:
        raise Unauthorized("The worker's token is unknown or was revoked.")
    return pool.notice(token, name, request.META.get("REMOTE_ADDR") or None, at)


@require_GET
@for_workers
def job_take(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Wait some seconds for work: 200 with a job, or 204."""
    is_idle = request.GET.get("job_in_progress") == "0"
    if is_idle:
        pool.give_up_abandoned(worker, now())
        pool.note_stopped(worker, [], now())
    attempt = hold(request, lambda: (is_idle and pool.give_again(worker, now())) or pool.take(worker, now()))
    if attempt is None:
        return HttpResponse(status=204)
    payload = payload_for(attempt, base_url(request))
    return JsonResponse({"id": str(attempt.pk), "input": payload.as_input()})


@require_GET
@for_workers
def job_stop(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Wait some seconds for a job that this worker should stop: 200 with its id, or 204."""
    ids = hold(request, lambda: pool.to_stop(worker))
    if not ids:
        return HttpResponse(status=204)
    return JsonResponse({"jobsToStop": [str(pk) for pk in ids]})


@require_GET
@for_workers
def ping(request: HttpRequest, worker: Worker) -> HttpResponse:
    """The worker lives and is at these jobs."""
    named = attempt_ids(request.GET.get("job_id", ""))
    pool.renew(worker, named, now())
    pool.note_stopped(worker, named, now())
    return JsonResponse({"status": "ok"})


@require_POST
@for_workers
def job_done(request: HttpRequest, worker: Worker, job: UUID) -> HttpResponse:
    """What became of a job, or how it goes. Repeating is safe: only the first end counts."""
    attempt = pool.held_by(worker).select_related("job", "output").filter(pk=job).first()
    if attempt is None:
        drain(request)
        raise NotYours(f"Worker {worker} has not taken the job {job}.")
    trace.note(job=attempt.job_id, attempt=attempt.pk)
    with received(request) as body:
        handed_in.judge(attempt, body)
    return JsonResponse({"status": "ok"})


@require_POST
@for_workers
def job_stream(request: HttpRequest, worker: Worker, job: UUID) -> HttpResponse:
    """A part of a result. Only its arrival counts: results come whole, by upload or callback."""
    drain(request)
    attempt = pool.held_by(worker).filter(pk=job).first()
    if attempt is None:
        raise NotYours(f"Worker {worker} has not taken the job {job}.")
    outcomes.apply(attempt, Report(state=State.RUNNING, cause="job-stream"))
    return JsonResponse({"status": "ok"})


def hold(request: HttpRequest, look: Callable[[], Found]) -> Found:
    """Look until something is found, the time is up, the server ends, or nobody listens any more."""
    until = time.monotonic() + settings.TAKE_HOLD.total_seconds()
    while True:
        found = look()
        if found or shutdown.has_begun() or time.monotonic() >= until:
            return found
        time.sleep(LOOK_EVERY)
        if has_hung_up(request):
            return found


def has_hung_up(request: HttpRequest) -> bool:
    """Did the client close the connection? What a dead worker takes is lost for the length of a lease."""
    connection = request.META.get("gunicorn.socket")
    if connection is None:
        return False  # another server, which does not show it
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False  # nothing to read: it waits for our answer
    except OSError:
        return True


def base_url(request: HttpRequest) -> str:
    """Return the address at which this worker reaches us."""
    host, _ = split_domain_port(request.get_host())
    if host == settings.PUBLIC_HOST:
        return settings.PUBLIC_BASE_URL  # A tunnel ends TLS, so its requests look like plain http here.
    return request.build_absolute_uri("/").rstrip("/")


def attempt_ids(value: str) -> list[UUID]:
    """Read the comma-separated ids of a ping, and pass over what is none."""
    ids = []
    for part in value.split(",")[:100]:
        try:
            ids.append(UUID(part.strip()))
        except ValueError:
            continue
    return ids
