"""Have photos and clips looked at for people: asked for here, done by the queue, brought back by the sweep.

The look itself is `python -m worker analyse`, a process of its own with limits. What it says is not believed
unread.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from base64 import b64decode
from datetime import datetime
from tempfile import TemporaryFile
from typing import Annotated, Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.timezone import now
from django_q.tasks import async_task
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from assets.models import Asset
from jobs.analyses import Analysis
from jobs.faces import MOST, is_box

log = logging.getLogger(__name__)

KINDS = {Asset.Kind.IMAGE: "photo", Asset.Kind.VIDEO: "video"}
MOST_TRIES = 3
ANSWER_BYTES = 1024 * 1024
PICTURE_CHARACTERS = 60_000
PATH_MOST = 100
JPEG = b"\xff\xd8\xff"
FAILED = "look_failed"
FAILED_SENTENCE = "The file could not be looked at within the limits on time and memory."

Share = Annotated[float, Field(ge=0, le=1)]
Sentence = Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]
Code = Annotated[str, Field(max_length=40, pattern=r"^[a-z_]*$")]


class Said(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class Person(Said):
    """With `time`, `seen` and `path` of a video, else the rest. `worker.analyse` says what they mean."""

    box: list[Share]
    picture: Annotated[str, Field(max_length=PICTURE_CHARACTERS)]
    time: Annotated[float, Field(ge=0)] | None = None
    seen: Share | None = None
    path: Annotated[list[list[Annotated[float, Field(ge=0)]]], Field(max_length=PATH_MOST)] | None = None
    usable: bool | None = None
    reason: Code = ""
    sentence: Sentence = ""
    taken: bool | None = None

    @field_validator("box")
    @classmethod
    def is_a_box(cls, box: list[float]) -> list[float]:
        if not is_box(box):
            raise ValueError("A box is left, top, right, bottom.")
        return box

    @field_validator("path")
    @classmethod
    def is_a_path(cls, path: list[list[float]] | None) -> list[list[float]] | None:
        if not all(is_box(box) for _, *box in path or []):
            raise ValueError("A step of a path is a time and a box.")
        return path

    @field_validator("picture")
    @classmethod
    def is_a_jpeg(cls, picture: str) -> str:
        if not b64decode(picture, validate=True).startswith(JPEG):
            raise ValueError("The picture is no JPEG.")
        return picture


class Error(Said):
    code: Annotated[Code, Field(min_length=1)]
    message: Sentence


class Answer(Said):
    people: Annotated[list[Person], Field(max_length=MOST)] = []
    error: Error | None = None


def ask(asset: Asset, at: datetime) -> None:
    """Queue a look at a photo or clip, once; a sound has nobody to show."""
    if asset.kind not in KINDS:
        return
    with transaction.atomic():
        analysis, is_new = Analysis.objects.get_or_create(
            asset=asset, defaults={"created_at": at, "queued_at": at}
        )
        if is_new:
            queue(analysis)


def queue(analysis: Analysis) -> None:
    # Not the cluster of dispatch: a job must not wait until many clips have been looked at.
    async_task(
        "jobs.looks.look", analysis.pk, cluster="outputs", task_name=f"look-{analysis.asset_id}", save=False
    )


def look(analysis_pk: int) -> None:
    """Look, unless that has been done, or been tried too often, and write down what was seen."""
    waiting = Analysis.objects.open().filter(pk=analysis_pk, tries__lt=MOST_TRIES)
    if waiting.update(queued_at=now(), tries=F("tries") + 1) != 1:
        return
    asset = Asset.objects.get(analysis=analysis_pk)
    if asset.is_available:
        end(analysis_pk, understood(ask_the_worker(KINDS[Asset.Kind(asset.kind)], asset.file.path)))
    else:
        end(analysis_pk, refusal("not_found", "The file has been deleted."))


def ask_the_worker(kind: str, path: str) -> bytes:
    """Return what the process prints, cut off where it gets too long; nothing if it does not end in time."""
    with TemporaryFile() as said, TemporaryFile() as log_of_it:
        try:
            child = subprocess.run(
                [sys.executable, "-m", "worker", "analyse", kind, path],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=log_of_it,
                timeout=settings.LOOK_TIMEOUT.total_seconds(),
                cwd=settings.BASE_DIR,
                check=False,
            )
        except subprocess.TimeoutExpired:
            log.warning("A look at %s did not end within %s.", path, settings.LOOK_TIMEOUT)
            return b""
        if child.returncode:
            log_of_it.seek(0)
            tail = log_of_it.read(ANSWER_BYTES)[-500:].decode(errors="replace").strip()
            log.info("A look at %s ended with code %d. %s", path, child.returncode, tail)
        said.seek(0)
        return said.read(ANSWER_BYTES)


def understood(said: bytes) -> Answer:
    """Return what was said in its own form; anything strange is a look that failed."""
    try:
        return Answer.model_validate_json(said)
    except ValidationError:
        return refusal(FAILED, FAILED_SENTENCE)


def refusal(code: str, sentence: str) -> Answer:
    return Answer(error=Error(code=code, message=sentence))


def end(analysis_pk: int, answer: Answer) -> None:
    """Write the answer down, unless another look was first."""
    columns: dict[str, Any] = {"people": [person.model_dump(exclude_none=True) for person in answer.people]}
    if answer.error:
        columns = {"error_code": answer.error.code, "error_message": answer.error.message}
    Analysis.objects.open().filter(pk=analysis_pk).update(done_at=now(), **columns)


def bring_back(at: datetime) -> int:
    """Queue again the looks that were lost; those at which the process died too often have failed."""
    lost = list(Analysis.objects.lost(at - settings.LOOK_LOST_AFTER))
    for analysis in lost:
        if analysis.tries >= MOST_TRIES:
            end(analysis.pk, refusal(FAILED, FAILED_SENTENCE))
        elif (
            Analysis.objects.open().filter(pk=analysis.pk, queued_at=analysis.queued_at).update(queued_at=at)
        ):
            queue(analysis)
    return len(lost)
