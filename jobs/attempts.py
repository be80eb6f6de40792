"""The tries at a job: which of them are due for what, and how one begins, is asked about and ends."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils.timezone import now
from django_q.tasks import async_task

from assets.models import Asset, Token, TokenQuerySet
from jobs.choices import Stage
from jobs.compute import provider_of
from jobs.trim import seconds_of

if TYPE_CHECKING:
    from jobs.models import Job


class AttemptQuerySet(models.QuerySet["Attempt"]):
    def open(self) -> AttemptQuerySet:
        return self.filter(closed_at=None)

    def working(self) -> AttemptQuerySet:
        """Open, and still with the provider: its result has not come."""
        return self.open().filter(collecting_at=None)

    def waiting(self, provider: str) -> AttemptQuerySet:
        """Sent to a provider whose workers call us, and taken by none yet."""
        return self.working().filter(provider=provider, sending_at__isnull=False, lease_until__isnull=True)

    def unsent(self, before: datetime) -> AttemptQuerySet:
        """Opened, but whoever was to send them died first."""
        return self.working().filter(sending_at=None, created_at__lt=before)

    def unanswered(self, before: datetime) -> AttemptQuerySet:
        """Sent, but the answer was lost, and nothing has been heard since."""
        return self.working().filter(sending_at__lt=before, external_id="", heard_at=None)

    def lapsed(self, at: datetime) -> AttemptQuerySet:
        """A worker took them and has been silent for longer than its lease."""
        return self.working().filter(lease_until__lt=at)

    def overdue(self, at: datetime) -> AttemptQuerySet:
        return self.working().filter(deadline__lt=at)

    def collectable(self, before: datetime) -> AttemptQuerySet:
        """Their result has come, and nobody is fetching it."""
        return self.open().filter(collecting_at__lt=before, collects__lt=settings.MAX_COLLECTS)

    def uncollectable(self, at: datetime, before: datetime) -> AttemptQuerySet:
        """Nobody is fetching their result, and it has been tried often enough, or waited for too long."""
        is_spent = Q(collects__gte=settings.MAX_COLLECTS) | Q(heard_at__lt=at - settings.COLLECT_TIME)
        return self.open().filter(is_spent, collecting_at__lt=before)

    def unstopped(self) -> AttemptQuerySet:
        """Ended here, while whoever has them may still be at them."""
        return self.filter(outcome__in=Attempt.ENDED_BY_US, stopped_at=None)

    def untold(self, at: datetime) -> AttemptQuerySet:
        """Of these, those whose provider has yet to be told: for a while, until its own limits end them."""
        return self.unstopped().filter(closed_at__gt=at - settings.CANCEL_TIME).exclude(external_id="")

    @transaction.atomic
    def begin(self, job: Job, *, provider: str, at: datetime) -> Attempt:
        """Open the next attempt of a job, with a place for its result and fresh tokens."""
        number = job.attempts.count() + 1
        output = Asset.objects.expect(owner=job.owner, kind=Asset.Kind.OUTPUT, name=f"{job.pk}.mp4")
        deadline = at + job_budget(job)
        attempt = self.create(
            job=job, number=number, provider=provider, output=output, created_at=at, deadline=deadline
        )
        attempt.issue_tokens(at)
        job.latest = attempt
        job.save(update_fields=["latest"])
        job.note(f"attempt {number} ({provider_of(attempt).name})", attempt)
        return attempt


def execution_timeout(job: Job) -> timedelta:
    """How long a worker may compute: by the result's length, within what Runpod takes."""
    wanted = timedelta(seconds=seconds_of(job) * settings.SECONDS_PER_CLIP_SECOND)
    return min(max(wanted, settings.EXECUTION_TIMEOUT_MIN), settings.EXECUTION_TIMEOUT_MAX)


def job_budget(job: Job) -> timedelta:
    """How long an attempt may take in all, waiting included."""
    return min(execution_timeout(job) + settings.QUEUE_TIME, settings.EXECUTION_TIMEOUT_MAX)


class Attempt(models.Model):
    """One try at a job: who has it, what was heard of it, how it ended."""

    class Outcome(models.TextChoices):
        COMPLETED = "completed"
        FAILED = "failed"
        LOST = "lost"
        CANCELLED = "cancelled"

    ENDED_BY_US = [Outcome.LOST, Outcome.CANCELLED]  # not by a word of the worker's

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey("Job", on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    provider = models.CharField(max_length=100, help_text="Dotted path of the provider that has it.")
    external_id = models.CharField(max_length=100, blank=True, help_text="The provider's own id of it.")
    output = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="made_by")
    worker = models.CharField(max_length=100, blank=True)

    created_at = models.DateTimeField(default=now)
    sending_at = models.DateTimeField(null=True, help_text="From here on the provider may have it.")
    started_at = models.DateTimeField(null=True, help_text="When a worker began.")
    heard_at = models.DateTimeField(null=True)
    polled_at = models.DateTimeField(null=True, help_text="When its provider was last asked, or told.")
    lease_until = models.DateTimeField(null=True, help_text="A pool worker must be heard of before this.")
    deadline = models.DateTimeField()
    collecting_at = models.DateTimeField(
        null=True, help_text="Since its result came; later, the fetcher's lease."
    )
    collect_url = models.TextField(
        blank=True, help_text="Where the result is, if it was not delivered to us."
    )
    collects = models.PositiveSmallIntegerField(default=0, help_text="How often its result was gone for.")
    closed_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(
        null=True, help_text="When, after we ended it, it was sure that nobody goes on with it."
    )

    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    stage = models.CharField(max_length=15, choices=Stage, default=Stage.QUEUED)
    percent = models.FloatField(null=True)
    frames_done = models.PositiveIntegerField(null=True)
    frames_total = models.PositiveIntegerField(null=True)
    pace_at = models.DateTimeField(null=True, help_text="From when on its pace is counted.")
    pace_percent = models.FloatField(null=True, help_text="How much was done by then.")
    stage_timings = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    error_detail = models.TextField(blank=True, help_text="What the worker printed; for the operator only.")
    refusals = models.PositiveIntegerField(
        default=0, help_text="Messages in its name that were not believed."
    )

    objects = AttemptQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="attempt_number_once"),
            models.UniqueConstraint(fields=["job"], condition=Q(closed_at=None), name="one_open_attempt"),
        ]
        indexes = [
            # For the pool: the oldest attempt that no worker has taken.
            models.Index(fields=["created_at"], name="attempts_open", condition=Q(closed_at=None)),
            # For the settings: how fast the workers were lately.
            models.Index(fields=["-closed_at"], name="attempts_completed", condition=Q(outcome="completed")),
            # For job-stop and jobs.sweep: those whose workers are to stop.
            models.Index(
                fields=["worker"],
                name="attempts_unstopped",
                condition=Q(outcome__in=["lost", "cancelled"], stopped_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.job_id}"

    @property
    def subject(self) -> str:
        """The name its tokens go by."""
        return str(self.pk)

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def run_seconds(self) -> float | None:
        """How long it took from when a worker began until its result was taken in; None of one without."""
        if self.outcome != self.Outcome.COMPLETED or not (self.started_at and self.closed_at):
            return None
        return (self.closed_at - self.started_at).total_seconds()

    def fps(self, at: datetime) -> float | None:
        """Frames a second, by the pace that the time left is told by; None before anything can be said."""
        seconds_left = self.eta_seconds(at)
        if not (seconds_left and self.frames_total and self.percent is not None):
            return None
        return round((100 - self.percent) / 100 * self.frames_total / seconds_left, 1)

    def eta_seconds(self, at: datetime) -> float | None:
        """Seconds left, if it goes on at its own pace; None before anything can be said."""
        if self.pace_at is None or self.percent is None or not self.is_open:
            return None
        made = self.percent - (self.pace_percent or 0)
        if made <= 0:
            return None
        return round((at - self.pace_at).total_seconds() * (100 - self.percent) / made, 1)

    def issue_tokens(self, at: datetime) -> None:
        """Leave to fetch each input, to deliver the result, and to fetch that again."""
        expires = max(self.deadline, at + settings.ASSET_TOKEN_TTL)
        grants = [(asset, Token.Purpose.DOWNLOAD) for asset in [*self.job.inputs, self.output]]
        for asset, purpose in [*grants, (self.output, Token.Purpose.UPLOAD)]:
            Token.objects.create(
                asset=asset,
                purpose=purpose,
                subject=self.subject,
                expires_at=expires,
                max_bytes=settings.MAX_UPLOAD_BYTES,
            )

    def tokens(self) -> TokenQuerySet:
        return Token.objects.filter(subject=self.subject)

    def close(
        self, outcome: str, at: datetime, *, among: AttemptQuerySet | None = None, **columns: Any
    ) -> bool:
        """End it, if nobody has yet; say whether it was us. Its tokens end with it, and what it brought.

        `among`: only if it is still one of these; by default, of the open ones.
        """
        rows = Attempt.objects.open() if among is None else among
        with transaction.atomic():
            if rows.filter(pk=self.pk).update(closed_at=at, outcome=outcome, **columns) != 1:
                return False
            self.tokens().revoke(at)
            if outcome != self.Outcome.COMPLETED:
                self.output.erase(at)
        self.closed_at, self.outcome = at, outcome
        return True

    def request_poll(self, at: datetime) -> bool:
        """Queue one look at the provider, unless one was queued within the last seconds."""
        return self._request("jobs.sweep.poll", Attempt.objects.working(), at)

    def request_cancel(self, at: datetime) -> bool:
        """Queue one more word to the provider that it shall stop, as seldom."""
        return self._request("jobs.dispatch.cancel", Attempt.objects.unstopped(), at)

    def _request(self, task: str, among: AttemptQuerySet, at: datetime) -> bool:
        if not provider_of(self).is_polled:
            return False
        is_while_ago = Q(polled_at=None) | Q(polled_at__lt=at - settings.POLL_EVERY)
        if among.filter(is_while_ago, pk=self.pk).update(polled_at=at) != 1:
            return False
        async_task(task, self.pk, task_name=f"{task.rpartition('.')[2]}-{self.pk}")
        return True
