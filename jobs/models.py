from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from django_q.tasks import async_task

from assets.models import Asset

# Tables too: Django looks for all of them here.
from jobs.analyses import Analysis as Analysis
from jobs.attempts import Attempt
from jobs.batches import Batch
from jobs.choices import AspectRatio, Mode, Quality, Stage
from jobs.errors import IllegalMove, NotCancellable, NotRetryable
from jobs.events import Event as Event
from jobs.heartbeat import Heartbeat as Heartbeat
from jobs.idempotency import IdempotencyKey as IdempotencyKey
from jobs.kept_faces import KeptFace as KeptFace
from jobs.keys import ApiKey as ApiKey
from jobs.more_photos import MorePhoto as MorePhoto
from jobs.names import searchable
from jobs.preferences import Preferences
from jobs.shares import Share as Share

FILE_GONE = gettext_noop("The file %(name)r of job %(job)s has been deleted.")
ONLY_ENDED = gettext_noop("Job %(job)s is %(status)s; only a failed or cancelled job can be retried.")


class JobQuerySet(models.QuerySet["Job"]):
    def owned_by(self, user: Any) -> JobQuerySet:
        return self.filter(owner=user, deleted_at=None, hidden_at=None)

    def with_parts(self) -> JobQuerySet:
        """Everything a page shows of a job, in one query."""
        return self.select_related(
            "latest", "output", "reference_video", "source_image", "driving_audio", "owner"
        )

    def restorable(self, user: Any, at: datetime) -> JobQuerySet:
        """Deleted by their owner so lately that it can be taken back."""
        return self.filter(owner=user, deleted_at=None, hidden_at__gt=at - settings.UNDO_TIME)

    def to_erase(self, at: datetime) -> JobQuerySet:
        """Deleted by their owner, and the time to take that back is over."""
        return self.filter(deleted_at=None, hidden_at__lte=at - settings.UNDO_TIME)

    def open(self) -> JobQuerySet:
        return self.filter(status__in=Job.OPEN)

    def undispatched(self, at: datetime, lost_before: datetime) -> JobQuerySet:
        """Waiting for nobody: what they were put off to is now, or their queue row was lost."""
        is_due, is_lost = Q(due_at__lte=at), Q(due_at=None, queued_at__lt=lost_before)
        return self.filter(is_due | is_lost, status=Job.Status.QUEUED)

    def locked(self, pk: uuid.UUID) -> Job:
        """Return a job that is to change together with its attempts.

        Whoever changes both takes the job first: in two orders, two would wait for each other.
        """
        return self.select_for_update(no_key=True).get(pk=pk)

    def needing(self, asset: Asset) -> JobQuerySet:
        """Jobs, not deleted, that still need this file."""
        uses = Q(reference_video=asset) | Q(source_image=asset) | Q(driving_audio=asset) | Q(output=asset)
        return self.filter(uses | Q(more_photos__asset=asset), deleted_at=None)

    @transaction.atomic
    def submit(
        self, *, owner: Any, consent: str, consent_via: str, more_photos: Sequence[Asset] = (), **asked: Any
    ) -> Job:
        """Create a job and queue its dispatch; both commit, or neither does."""
        named = [*(asked.get(field) for field in Job.NAMED), *more_photos]
        job = self.create(
            owner=owner,
            consent_wording=consent,
            consent_via=consent_via,
            names=searchable(named),
            **asked,
        )
        for number, asset in enumerate(more_photos, 1):
            job.more_photos.create(number=number, asset=asset)
        job.events.create(new=job.status, reason=f"submitted by {owner} ({consent_via})")
        job.queue_dispatch()
        return job


class Job(models.Model):
    """One face put into one video. Attempts are the tries; the job is the promise."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        PROCESSING = "processing", _("In the works")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    # The whole state machine: from the left, one may go to any on the right.
    MOVES = {
        Status.QUEUED: {Status.PROCESSING, Status.FAILED, Status.CANCELLED},
        # Queued: tried again by itself.
        Status.PROCESSING: {Status.DONE, Status.FAILED, Status.CANCELLED, Status.QUEUED},
        Status.FAILED: {Status.QUEUED},  # tried again by a person
        Status.CANCELLED: {Status.QUEUED},
    }
    OPEN = {Status.QUEUED, Status.PROCESSING}
    TOLD = {Status.DONE, Status.FAILED}
    # What its owner wished: with the same of these, the same is made again.
    ASKED = [
        *("mode", "quality", "enable_4k", "aspect_ratio", "reference_video", "source_image", "driving_audio"),
        *("faces", "ignored", "trim_start", "trim_end", "preview_seconds"),
    ]

    # What has a name that it is found by.
    NAMED = ("reference_video", "source_image", "driving_audio", "batch")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="jobs")
    mode = models.CharField(max_length=12, choices=Mode)
    quality = models.CharField(max_length=10, choices=Quality, default=Quality.BALANCED)
    enable_4k = models.BooleanField("4K", default=False)
    aspect_ratio = models.CharField(max_length=10, choices=AspectRatio, default=AspectRatio.PORTRAIT)
    reference_video = models.ForeignKey(
        Asset, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    source_image = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    driving_audio = models.ForeignKey(
        Asset, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    output = models.ForeignKey(Asset, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    latest = models.ForeignKey("Attempt", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True, help_text="The sentence its owner reads.")
    created_at = models.DateTimeField(default=now)
    changed_at = models.DateTimeField(default=now)
    queued_at = models.DateTimeField(default=now, help_text="Since when it waits for a dispatch.")
    due_at = models.DateTimeField(
        null=True, help_text="Put off until then; empty once its dispatch is queued."
    )
    finished_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True, help_text="When its owner was last told that it has ended.")
    hidden_at = models.DateTimeField(
        null=True, help_text="Deleted by its owner, who may take that back for a few seconds."
    )
    batch = models.ForeignKey(Batch, on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs")
    trim_start = models.FloatField(null=True, blank=True, help_text="Second of the clip where it begins.")
    trim_end = models.FloatField(null=True, blank=True, help_text="Second of the clip where it ends.")
    preview_seconds = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Made only so much from where it begins, to be looked at."
    )
    names = models.TextField(blank=True, help_text="What the library's search looks in; see jobs.names.")

    request_id = models.CharField(max_length=64, blank=True)
    faces = models.JSONField(
        default=list, blank=True, help_text="Who in the clip gets which photo; see jobs.faces."
    )
    ignored = models.JSONField(
        default=list, help_text="Files that were sent and that this mode has no use for."
    )
    consent_wording = models.TextField(help_text="What was agreed to, word for word.")
    consent_via = models.CharField(max_length=80, help_text="How: the form, or which key.")
    consent_at = models.DateTimeField(default=now)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("job"), _("jobs")
        indexes = [
            # For the library and GET /v1/jobs: a person's jobs, newest first.
            models.Index(fields=["owner", "-created_at", "-id"], name="jobs_of_owner"),
            # For jobs.sweep: queued jobs that nobody took.
            models.Index(fields=["status", "queued_at"], name="jobs_waiting"),
            # For the library: how many jobs of a person have which status.
            models.Index(
                fields=["owner", "status"], name="jobs_counted", condition=Q(deleted_at=None, hidden_at=None)
            ),
            # For undoing, which the library asks about, and for jobs.sweep: what waits to be erased.
            models.Index(
                fields=["owner", "hidden_at"],
                name="jobs_hidden",
                condition=Q(hidden_at__isnull=False, deleted_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_mode_display()} {self.id}"

    def get_absolute_url(self) -> str:
        return reverse("jobs:detail", args=[self.pk])

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN

    @property
    def is_retryable(self) -> bool:
        return self.Status.QUEUED in self.MOVES.get(self.Status(self.status), ()) and not self.is_open

    @property
    def stage(self) -> str:
        """Where it is: the attempt's stage while it is worked on, else the status in the stages' words."""
        if self.status != self.Status.PROCESSING or self.latest is None:
            return Stage(self.status)
        return self.latest.stage

    @property
    def name(self) -> str:
        """What people know it by: the clip's name, or the photo's."""
        return (self.reference_video or self.source_image).name

    @property
    def photos(self) -> list[Asset]:
        """The faces to put in, in the order in which they are numbered."""
        return [self.source_image, *(photo.asset for photo in self.more_photos.all())]

    @property
    def inputs(self) -> list[Asset]:
        """Every file that a worker needs."""
        return [asset for asset in (self.reference_video, self.driving_audio, *self.photos) if asset]

    @property
    def stage_timings(self) -> dict[str, dict[str, str | None]]:
        """When each stage of the latest attempt began and ended, in order of time."""
        timings = self.latest.stage_timings if self.latest else {}
        return dict(sorted(timings.items(), key=lambda item: item[1]["start"]))

    @property
    def tries(self) -> int:
        """How often it was sent since a person last asked for it: by submitting it, or by a retry."""
        by_a_person = self.events.filter(new=self.Status.QUEUED, old__in=self.MOVES.keys() - self.OPEN)
        since = by_a_person.order_by("-id").values_list("id", flat=True).first() or 0
        sent = self.events.filter(old=self.Status.QUEUED, new=self.Status.PROCESSING, id__gt=since)
        return sent.count()

    def request_poll(self, at: datetime) -> None:
        if self.status == self.Status.PROCESSING and self.latest is not None:
            self.latest.request_poll(at)

    def move(self, to: str, reason: str = "", *, attempt: Attempt | None = None, **columns: Any) -> None:
        """Move to `to` and log it, or raise IllegalMove if another process was first.

        The guard sits in the UPDATE's WHERE clause: a callback, the sweep and an admin may
        race over one job, and exactly one of them wins. `columns` are written with the status.
        """
        if to not in self.MOVES.get(self.Status(self.status), ()):
            raise IllegalMove(self, to)
        at = now()
        columns |= {"status": to, "changed_at": at, "finished_at": None if to in self.OPEN else at}
        if to == self.Status.QUEUED:
            columns = {"due_at": None, **columns, "queued_at": at}
        with transaction.atomic():
            if Job.objects.filter(pk=self.pk, status=self.status).update(**columns) != 1:
                self.refresh_from_db(fields=["status"])
                raise IllegalMove(self, to)
            self.events.create(attempt=attempt, old=self.status, new=to, reason=reason)
            if (
                to in self.TOLD
                and Preferences.objects.filter(user=self.owner_id, email_when_done=True).exists()
            ):
                async_task("jobs.notices.tell", self.pk, task_name=f"tell-{self.pk}", cluster="outputs")
        for column, value in columns.items():
            setattr(self, column, value)

    def note(self, reason: str, attempt: Attempt | None = None) -> None:
        """Write into its history what moved nothing; once in a row, however often it happens."""
        last = self.events.last()
        if last is None or (last.attempt_id, last.reason) != (attempt and attempt.pk, reason):
            self.events.create(attempt=attempt, reason=reason)

    def queue_dispatch(self) -> None:
        # Not on_commit: the queue row is in this same database and must commit with the job.
        async_task("jobs.dispatch.dispatch", self.pk, task_name=f"dispatch-{self.pk}")

    @transaction.atomic
    def retry(self, reason: str) -> None:
        """Queue it once more with a clean attempt, or raise NotRetryable."""
        if self.is_open or self.deleted_at:
            raise NotRetryable(gettext(ONLY_ENDED), job=self.pk, status=gettext(self.status))
        # Locked and read anew: jobs.retention may be about to delete the files.
        Job.objects.locked(self.pk).require_inputs()
        try:
            self.move(self.Status.QUEUED, reason, error_code="", error_message="")
        except IllegalMove as exc:
            raise NotRetryable(gettext(ONLY_ENDED), job=self.pk, status=gettext(self.status)) from exc
        self.queue_dispatch()

    @transaction.atomic
    def again(self, *, consent_via: str, **changes: Any) -> Job:
        """Submit a job of the same files and wishes, but for these; or raise NotRetryable."""
        self.require_inputs()
        asked = {field: getattr(self, field) for field in self.ASKED} | changes
        more_photos = [photo.asset for photo in self.more_photos.all()]
        return Job.objects.submit(
            owner=self.owner,
            consent=self.consent_wording,
            consent_via=f"{consent_via}; {self.consent_via}"[:80],
            more_photos=more_photos,
            **asked,
        )

    def require_inputs(self) -> None:
        for asset in self.inputs:
            if not asset.is_available:
                raise NotRetryable(gettext(FILE_GONE), name=asset.name, job=self.pk)

    @transaction.atomic
    def cancel(self, reason: str) -> None:
        """Stop it: the row at once, the worker within seconds. Raises NotCancellable."""
        try:
            self.move(self.Status.CANCELLED, reason, attempt=self.latest)
        except IllegalMove as exc:
            said = gettext("Job %(job)s is %(status)s; only an open job can be cancelled.")
            raise NotCancellable(said, job=self.pk, status=gettext(self.status)) from exc
        at = now()
        for attempt in self.attempts.open():
            if attempt.close(Attempt.Outcome.CANCELLED, at):
                async_task("jobs.dispatch.cancel", attempt.pk, task_name=f"cancel-{attempt.pk}")

    def hide(self, reason: str, at: datetime) -> None:
        """Delete it for its owner to see; for a few seconds that can be taken back. An open job ends now."""
        with suppress(NotCancellable):
            self.cancel(reason)
        if Job.objects.filter(pk=self.pk, deleted_at=None, hidden_at=None).update(hidden_at=at):
            self.note(reason)

    def restore(self, at: datetime) -> bool:
        """Take its deletion back, if it is not too late; say whether that was so."""
        here = Job.objects.restorable(self.owner_id, at).filter(pk=self.pk)
        if restored := here.update(hidden_at=None) == 1:
            self.note("deletion taken back")
        return restored
