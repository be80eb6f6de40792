"""What the API takes and gives, field by field; its own documentation is made of this."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Field, Schema

from assets.models import Asset
from jobs.models import AspectRatio, Job, Mode, Quality, Stage
from jobs.trim import PREVIEW_MOST

FACES = """Who in the video gets which photo: a JSON list of
`{"target": {"time": 1.5, "box": [left, top, right, bottom]}, "source": 0}`. Whoever is seen at that second
in that box, shares of the upright picture's sides, gets the photo of that number; null leaves this person
alone, and so is everybody who is not named. Without it the first photo goes onto the person whom the video
shows most."""
TRIM = """The part that is made, `{"start": 1.5, "end": 4}`: the pictures with start <= time < end, in
seconds, and their sound. Either may be left out. It is a part of the clip that gives the result its length:
in photo_sing of the `driving_audio`, if there is one, else of the video. Times of `faces` stay those of the
whole clip."""
PREVIEW = "Only so much is made, from where the trim starts."
CONSENT = "A browser session must send true; a key carries its owner's consent."
HERE_ALREADY = """Instead of a file: the id of one of yours that is here already, of an earlier job as long as
it is kept, or sent beforehand by `POST /v1/files`."""
PHOTOS_HERE = "The same for several photos, repeated; photos that are sent come before photos that are named."
QUEUE_POSITION = """Its place among all jobs that wait for a worker, 1 for the next. Users take turns, so it
may grow, too. Null for a job that does not wait, or waits at a provider with a queue of its own."""
ONE_EACH = ("reference_video_id", "source_image_id", "driving_audio_id")


class JobIn(Schema):
    mode: Mode
    quality: Quality = Quality.BALANCED
    enable_4k: bool = False
    aspect_ratio: AspectRatio = AspectRatio.PORTRAIT
    faces: str = Field("", description=FACES)
    trim: str = Field("", description=TRIM)
    preview_seconds: int | None = Field(None, ge=1, le=PREVIEW_MOST, description=PREVIEW)
    consent: bool = Field(False, description=CONSENT)
    reference_video_id: UUID | None = Field(None, description=HERE_ALREADY)
    source_image_id: UUID | None = Field(None, description=HERE_ALREADY)
    source_image_ids: list[UUID] = Field([], description=PHOTOS_HERE)
    driving_audio_id: UUID | None = Field(None, description=HERE_ALREADY)

    @property
    def named(self) -> list[tuple[str, UUID]]:
        """The files that are here already, each with the field that names it."""
        one_each = [(field, key) for field in ONE_EACH if (key := getattr(self, field))]
        return [*one_each, *(("source_image_ids", key) for key in self.source_image_ids)]

    @property
    def wishes(self) -> dict[str, Any]:
        """What is asked for beside the files."""
        return self.dict(exclude={"consent", *ONE_EACH, "source_image_ids"})


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
    queue_position: int | None = Field(description=QUEUE_POSITION)
    stage_timings: dict[str, dict[str, datetime | None]]
    input_config: dict[str, Any]
    metrics: Metrics
    output_url: str | None
    urls: dict[str, str | None]


class JobPage(Schema):
    items: list[JobOut]
    next: str | None


class PersonOut(Schema):
    """Somebody in a file: in a video with `time` and `seen`, in a photo with the rest."""

    number: int
    box: list[float] = Field(
        description="Left, top, right, bottom, in shares of the upright picture's sides."
    )
    time: float | None = Field(None, description="The second at which `box` is; both are what `faces` take.")
    seen: float | None = Field(None, description="The share of the pictures looked at that show this person.")
    taken: bool | None = Field(None, description="Whether a job would use this face.")
    usable: bool | None = Field(
        None, description="Whether it serves; if not, `reason` and `sentence` say why."
    )
    reason: str | None = None
    sentence: str | None = None


class Look(Schema):
    """What a quick look at a file found; the job itself looks at every picture."""

    status: Literal["queued", "done", "failed"]
    people: list[PersonOut]
    error: Problem | None


class FileOut(Schema):
    id: UUID
    kind: Asset.Kind
    name: str
    content_type: str
    size: int
    sha256: str
    width: int | None
    height: int | None
    seconds: float | None
    fps: float | None
    has_sound: bool
    created_at: datetime
    look: Look | None = Field(description="Null for a sound and for a result.")
