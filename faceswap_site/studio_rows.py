"""The rows of a studio to look at: a person, and jobs of every kind with their files and histories."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import chain, cycle, islice
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.urls import reverse
from django_q.models import Failure, Schedule, Success
from django_q.tasks import async_task

from assets.models import Asset, Token
from assets.probe import Facts, probe
from assets.uploads import describe, question_about
from faceswap_site.copies import BASE_DIR
from faceswap_site.setup import owner_token
from faceswap_site.studio import NAME, NEWCOMER, PASSWORD
from jobs import consent
from jobs.models import ApiKey, Attempt, Batch, Event, Heartbeat, Job, KeptFace, Share
from jobs.names import searchable
from runpod_bridge.models import WorkerToken

SAMPLES = BASE_DIR / "worker" / "samples"
CLIPS = ["Holiday at the lake, the second day, before the rain.mp4", "clip.mp4", "speech_of_the_admiral.mov"]
PHOTOS = ["astronaut.png", "portrait.jpg"]
OPEN = ["processing", "queued"]
CLOSED = ["failed", *4 * ["done"], "cancelled", *4 * ["done"]]
TALL = 5  # the number of a job whose clip and result are told to be narrow and high
WORKER = "this-machine"
NO_FACE = "No face was found in any of 24 pictures, taken from all through the video."
MEASURED = {
    "frames": 100,
    "fps": 31.2,
    "swapped": 92,
    "missed": [[1.2, 1.4], [3.0, 3.12]],
    "identity": [[0.0, 0.44], [1.0, 0.46], [2.0, 0.43], [3.0, 0.47]],
    "flicker": 1.1,
    "likeness": 0.45,
}


@dataclass(frozen=True, kw_only=True)
class Studio:
    """Whose jobs they are, the stored files whose bytes they share, and the moment that they lead up to."""

    owner: Any
    clips: list[Asset]
    photos: list[Asset]
    song: Asset
    result: Asset
    batch: Batch
    at: datetime


def fill(count: int) -> dict[str, str]:
    """Make the person and `count` jobs in this process's database; return the addresses worth a look.

    With no jobs there is no person either: a copy that nobody has set up yet.
    """
    if not count:
        return {"setup": reverse("setup", args=[owner_token()])}
    owner = get_user_model().objects.create_superuser(NAME, "olivia@example.org", PASSWORD)
    get_user_model().objects.create_user(NEWCOMER, password=PASSWORD)
    studio = Studio(
        owner=owner,
        clips=[stored(owner, "video", "hopper.mp4", name) for name in CLIPS],
        photos=[stored(owner, "image", "astronaut.png", name) for name in PHOTOS],
        song=stored(owner, "audio", "speech.m4a", "speech.m4a"),
        result=stored(owner, "output", "hopper.mp4", ""),
        batch=Batch.objects.create(owner=owner, name="One face, six clips"),
        at=datetime.now().astimezone(),
    )
    states = islice(chain(OPEN, cycle(CLOSED)), count)
    rows = [row for number, status in enumerate(states) for row in rows_of(number, status, studio)]
    write(rows)
    token, _ = WorkerToken.objects.issue(WORKER)
    token.workers.create(name=WORKER, seen_at=studio.at)
    for asset, name in zip(studio.photos, ["Ada, in the sun", "Grace"], strict=True):
        KeptFace.objects.create(owner=owner, asset=asset, name=name)
    add_what_only_the_admin_shows(studio)
    return links_of([row for row in rows if isinstance(row, Job)], studio)


def add_what_only_the_admin_shows(studio: Studio) -> None:
    """A row of each kind that no page but the admin's has, or that jobs bring about."""
    Token.objects.create(
        asset=studio.result, purpose=Token.Purpose.UPLOAD, subject="studio", expires_at=studio.at
    )
    ApiKey.objects.issue(owner=studio.owner, name="fsk_1", accepted=consent.KEY_HOLDER)
    Heartbeat.beat("studio", studio.at)
    Group.objects.create(name="Editors")
    times = {"started": studio.at, "stopped": studio.at}
    Success.objects.create(id="1" * 32, name="sweep", func="jobs.sweep.sweep", success=True, **times)
    Failure.objects.create(
        id="2" * 32, name="dispatch", func="jobs.dispatch.dispatch", success=False, **times
    )
    Schedule.objects.create(name="sweep", func="jobs.sweep.sweep")
    async_task("jobs.sweep.sweep", task_name="sweep")


def links_of(jobs: list[Job], studio: Studio) -> dict[str, str]:
    newest = {job.status: job for job in reversed(jobs)}
    share = Share.objects.create(job=newest["done"], expires_at=studio.at + timedelta(days=7))
    return {
        **{status: job.get_absolute_url() for status, job in newest.items()},
        "share": share.get_absolute_url(),
        "tall": jobs[TALL].get_absolute_url(),
        "middle": f"/?before={jobs[len(jobs) // 2].pk}",
        "last": f"/?before={jobs[-3].pk}",
        "batch": studio.batch.get_absolute_url(),
    }


def rows_of(number: int, status: str, studio: Studio) -> list[Any]:
    """A job of its own files, as many as such a library has, and all that belongs to it; nothing is saved."""
    clip, photo, output = (
        twin(asset, f"{number:05} {asset.name}")
        for asset in (studio.clips[number % 3], studio.photos[number % 2], studio.result)
    )
    if number == TALL:
        for asset in (clip, output):
            asset.width, asset.height = 540, 960
    sings, created_at = number % 5 == 4, studio.at - timedelta(hours=7 * number)
    parts = {
        "reference_video": None if sings else clip,
        "source_image": photo,
        "driving_audio": studio.song if sings else None,
        "batch": studio.batch if number < 6 else None,
    }
    job = Job(
        owner=studio.owner,
        mode="photo_sing" if sings else "video_swap",
        quality=["fast", "balanced", "max"][number % 3],
        aspect_ratio="original",
        output=output if status == "done" else None,
        status=status,
        created_at=created_at,
        finished_at=None if status in Job.OPEN else created_at + timedelta(minutes=2),
        error_code="no_face_in_video" if status == "failed" else "",
        error_message=NO_FACE if status == "failed" else "",
        names=searchable(parts.values()),
        consent_wording=consent.STATEMENT,
        consent_via="web form",
        **parts,
    )
    if status != "queued":
        job.latest = attempt_at(job, output, studio.at)
    return [row for row in (clip, photo, output, job, job.latest, *history(job)) if row]


def write(rows: list[Any]) -> None:
    models: list[Any] = [Asset, Job, Attempt, Event]
    with transaction.atomic():  # a job points at its attempt, and that at the job: looked at when it ends
        for model in models:
            model.objects.bulk_create([row for row in rows if isinstance(row, model)], batch_size=500)
        if connection.vendor == "postgresql":
            connection.cursor().execute("ANALYZE")  # as autovacuum does within a minute


def stored(owner: Any, kind: str, sample: str, name: str) -> Asset:
    content = (SAMPLES / sample).read_bytes()
    asset = Asset.objects.expect(owner=owner, kind=kind, name=name)
    asset.keep(ContentFile(content), size=len(content), sha256=sha256(content).hexdigest())
    question = question_about(asset.file.path, kind, name)
    (facts,) = probe([question], timeout=60)
    assert isinstance(facts, Facts), facts
    describe(asset, facts, question)
    return asset


def twin(asset: Asset, name: str) -> Asset:
    """Another row, unsaved, of the same bytes."""
    columns = {field.attname: getattr(asset, field.attname) for field in asset._meta.concrete_fields}
    return Asset(**{name: value for name, value in columns.items() if name != "id"} | {"name": name})


def attempt_at(job: Job, output: Asset, at: datetime) -> Attempt:
    is_open, is_done = job.status == "processing", job.status == "done"
    return Attempt(
        job=job,
        number=1,
        provider="runpod_bridge.pool.PoolProvider",
        external_id=str(job.pk),
        output=output,
        worker=f"{WORKER}/{WORKER}",
        created_at=job.created_at,
        sending_at=job.created_at,
        started_at=at - timedelta(seconds=40) if is_open else job.created_at + timedelta(seconds=4),
        heard_at=at,
        deadline=at + timedelta(hours=5),
        lease_until=at + timedelta(hours=3),
        closed_at=job.finished_at,
        outcome={"done": "completed", "processing": ""}.get(job.status, job.status),
        stage="generating" if is_open else job.status,
        percent=100 if is_done else 37.5,
        frames_done=100 if is_done else 45,
        frames_total=120,
        metrics=MEASURED if is_done else {},
    )


def history(job: Job) -> list[Event]:
    told = [Event(job=job, new="queued", reason=f"submitted by {NAME} (web form)", at=job.created_at)]
    if job.latest:
        sent = {"job": job, "attempt": job.latest, "at": job.created_at + timedelta(seconds=2)}
        told += [
            Event(**sent, reason="attempt 1 (pool)"),
            Event(**sent, old="queued", new="processing", reason="dispatched"),
        ]
    if job.finished_at:
        told.append(Event(job=job, attempt=job.latest, at=job.finished_at, old="processing", new=job.status))
    return told
