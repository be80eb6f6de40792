"""The rows of a studio to look at: a person, and jobs of every kind with their files and histories."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from itertools import chain, cycle, islice
from typing import Any

from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.urls import reverse

from assets.models import Asset
from assets.probe import Facts, probe
from assets.uploads import describe, question_about
from faceswap_site.copies import BASE_DIR
from faceswap_site.setup import owner_token
from faceswap_site.studio import NAME, NEWCOMER, PASSWORD
from jobs.models import Attempt, Batch, Event, Job, KeptFace, Share
from runpod_bridge.models import WorkerToken

SAMPLES = BASE_DIR / "worker" / "samples"
CLIPS = ["Holiday at the lake, the second day, before the rain.mp4", "clip.mp4", "speech_of_the_admiral.mov"]
PHOTOS = ["astronaut.png", "portrait.jpg"]
OPEN = ["processing", "queued"]
CLOSED = ["failed", *4 * ["done"], "cancelled", *4 * ["done"]]
WORKER = "this-machine"
NO_FACE = f"No face was found in the clip “{CLIPS[0]}”: it was looked at from 0:00 to 0:04."
MEASURED = {
    "frames": 100,
    "fps": 31.2,
    "swapped": 92,
    "missed": [[1.2, 1.4], [3.0, 3.12]],
    "identity": [[0.0, 0.44], [1.0, 0.46], [2.0, 0.43], [3.0, 0.47]],
    "flicker": 1.1,
    "likeness": 0.45,
}


def fill(count: int) -> dict[str, str]:
    """Make the person and `count` jobs in this process's database; return the addresses worth a look.

    With no jobs there is no person either: a copy that nobody has set up yet.
    """
    if not count:
        return {"setup": reverse("setup", args=[owner_token()])}
    owner = get_user_model().objects.create_superuser(NAME, "olivia@example.org", PASSWORD)
    get_user_model().objects.create_user(NEWCOMER, password=PASSWORD)
    at = datetime.now().astimezone()
    clips = [stored(owner, "video", "hopper.mp4", name) for name in CLIPS]
    photos = [stored(owner, "image", "astronaut.png", name) for name in PHOTOS]
    song, result = (
        stored(owner, "audio", "speech.m4a", "speech.m4a"),
        stored(owner, "output", "hopper.mp4", ""),
    )
    jobs, attempts, events, assets = [], [], [], []
    for number, status in enumerate(islice(chain(OPEN, cycle(CLOSED)), count)):
        # Files of its own, of which the bytes are shared: as many rows as such a library has.
        clip, photo, output = (
            twin(asset, f"{number:05} {asset.name}")
            for asset in (clips[number % 3], photos[number % 2], result)
        )
        assets += [clip, photo, output]
        sings = number % 5 == 4
        job = Job(
            owner=owner,
            mode="photo_sing" if sings else "video_swap",
            quality=["fast", "balanced", "max"][number % 3],
            aspect_ratio="original",
            reference_video=None if sings else clip,
            source_image=photo,
            driving_audio=song if sings else None,
            output=output if status == "done" else None,
            status=status,
            created_at=at - timedelta(hours=7 * number),
            finished_at=None if status in Job.OPEN else at - timedelta(hours=7 * number, minutes=-2),
            error_code="no_face_in_video" if status == "failed" else "",
            error_message=NO_FACE if status == "failed" else "",
            consent_wording="Agreed.",
            consent_via="web form",
        )
        jobs.append(job)
        if status != "queued":
            attempts.append(attempt_at(job, output, at))
        events += history(job, attempts[-1] if status != "queued" else None)
    write(assets, jobs, attempts, events)
    links = {status: f"/jobs/{job.pk}/" for job in reversed(jobs) for status in [job.status]}
    done = next(job for job in jobs if job.status == "done")
    token, _ = WorkerToken.objects.issue(WORKER)
    token.workers.create(name=WORKER, seen_at=at)
    batch = Batch.objects.create(owner=owner, name="One face, six clips")
    Job.objects.filter(pk__in=[job.pk for job in jobs[:6]]).update(batch=batch)
    for asset, name in zip(photos, ["Ada, in the sun", "Grace"], strict=True):
        KeptFace.objects.create(owner=owner, asset=asset, name=name)
    share = Share.objects.create(job=done, expires_at=at + timedelta(days=7))
    return links | {
        "share": share.get_absolute_url(),
        "middle": f"/?before={jobs[count // 2].pk}",
        "last": f"/?before={jobs[-3].pk}",
        "batch": f"/batches/{batch.pk}/",
    }


def write(assets: list[Any], jobs: list[Any], attempts: list[Any], events: list[Any]) -> None:
    with transaction.atomic():
        for rows in (assets, jobs, attempts, events):
            type(rows[0]).objects.bulk_create(rows, batch_size=500)
        for attempt in attempts:
            attempt.job.latest = attempt
        type(jobs[0]).objects.bulk_update(jobs, ["latest"], batch_size=500)
        if connection.vendor == "postgresql":
            connection.cursor().execute("ANALYZE")  # as autovacuum does within a minute


def stored(owner: Any, kind: str, sample: str, name: str) -> Any:
    content = (SAMPLES / sample).read_bytes()
    asset = Asset.objects.expect(owner=owner, kind=kind, name=name)
    asset.keep(ContentFile(content), size=len(content), sha256=sha256(content).hexdigest())
    question = question_about(asset.file.path, kind, name)
    (facts,) = probe([question], timeout=60)
    assert isinstance(facts, Facts), facts
    describe(asset, facts, question)
    return asset


def twin(asset: Any, name: str) -> Any:
    """Another row, unsaved, of the same bytes."""
    columns = {field.attname: getattr(asset, field.attname) for field in asset._meta.concrete_fields}
    return type(asset)(**{name: value for name, value in columns.items() if name != "id"} | {"name": name})


def attempt_at(job: Any, output: Any, at: datetime) -> Any:
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


def history(job: Any, attempt: Any) -> list[Any]:
    told = [Event(job=job, new="queued", reason=f"submitted by {NAME} (web form)", at=job.created_at)]
    if attempt:
        sent = {"job": job, "attempt": attempt, "at": job.created_at + timedelta(seconds=2)}
        told += [
            Event(**sent, reason="attempt 1 (pool)"),
            Event(**sent, old="queued", new="processing", reason="dispatched"),
        ]
    if job.finished_at:
        told.append(Event(job=job, attempt=attempt, at=job.finished_at, old="processing", new=job.status))
    return told
