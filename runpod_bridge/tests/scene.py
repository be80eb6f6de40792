"""A job's whole way to Runpod and back over HTTP; the queue, the sweep and the clock are worked by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from jobs.models import Attempt, Event, Job
from jobs.sweep import sweep_if_due
from runpod_bridge import client
from runpod_bridge.tests.fake_runpod import ENDED, FakeJob, FakeRunpod
from worker.wire import SIGNATURE_HEADER, Message, MessageStatus, Payload, sign

STEP = timedelta(seconds=10)
WITHIN = timedelta(minutes=25)  # every job here has ended by then
AFTERWARDS = timedelta(minutes=2)  # in which nothing may come of it any more


class Clock:
    """Django's, which can be moved on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta()
        clock = self

        class Moved(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return datetime.now(tz) + clock.ahead

        monkeypatch.setattr(timezone, "datetime", Moved)


class CloudWorker:
    """A worker at Runpod: it knows what it was sent, and nothing else."""

    def __init__(self, fake: FakeRunpod, job: FakeJob) -> None:
        self.fake, self.job = fake, job
        self.payload = Payload.from_input(job.input)

    def fetch(self) -> int:
        return requests.get(self.payload.assets.source_image_url, timeout=10).status_code

    def deliver(self, content: bytes) -> int:
        return requests.put(self.payload.output_target.upload_url, content, timeout=10).status_code

    def say(self, status: str, *, secret: str = "", **said: Any) -> requests.Response:
        message = Message(job_id=self.payload.job_id, status=MessageStatus(status), **said)
        return self.post(message.to_bytes(), secret)

    def post(self, body: bytes, secret: str = "") -> requests.Response:
        headers = {SIGNATURE_HEADER: sign(body, secret or self.payload.callback.secret)}
        return requests.post(self.payload.callback.url, body, headers=headers, timeout=10)

    def completed(self, url: str = "") -> requests.Response:
        """Say so, and return."""
        url = url or self.payload.output_target.output_url
        answer = self.say("completed", output_url=url)
        self.fake.end_of(self.job, "COMPLETED", output={"output_url": url})
        return answer

    def failed(self, code: str) -> requests.Response:
        answer = self.say("failed", error="No luck.", metadata={"error_code": code})
        self.fake.end_of(self.job, "FAILED", error="No luck.")
        return answer


class Scene:
    """One job. What Runpod has in its queue a good worker does, unless `is_idle`."""

    def __init__(self, fake: FakeRunpod, clock: Clock, job: Job, clip: bytes) -> None:
        self.fake, self.clock, self.pk, self.clip = fake, clock, job.pk, clip
        self.is_idle = False

    @property
    def job(self) -> Job:
        return Job.objects.with_parts().get(pk=self.pk)

    @property
    def attempts(self) -> list[Attempt]:
        return list(self.job.attempts.all())

    def dispatch(self) -> CloudWorker:
        """Send it; return the worker that takes it."""
        self.work_off()
        self.fake.job.status = "IN_PROGRESS"
        return CloudWorker(self.fake, self.fake.job)

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """Runpod must answer in a moment."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(client, "PATIENCE", 0.05)
            patch.setattr(client, "TIMEOUT", (1, 0.3))
            yield

    def work_off(self) -> None:
        """Run what is queued, and what that queues."""
        while (row := OrmQ.objects.order_by("pk").first()) is not None:
            task = row.task
            row.delete()
            import_string(task["func"])(*task["args"])

    def step(self) -> None:
        self.clock.ahead += STEP
        sweep_if_due(timezone.now())
        self.work_off()
        if not self.is_idle:
            for job in [job for job in self.fake.jobs.values() if job.status == "IN_QUEUE"]:
                self.do(job)
            self.work_off()

    def do(self, job: FakeJob) -> None:
        worker = CloudWorker(self.fake, job)
        if worker.fetch() == 200 and worker.deliver(self.clip) == 201:
            worker.completed()
        else:
            self.fake.end_of(job, "FAILED", error="The inputs are gone.")

    def go_on(self, span: timedelta, until: Callable[[], bool] = lambda: False) -> None:
        end = timezone.now() + span
        while timezone.now() < end and not until():
            self.step()

    def let_it_end(self) -> None:
        self.work_off()
        self.go_on(WITHIN, until=lambda: not self.job.is_open)
        self.go_on(AFTERWARDS)

    def count(self, status: str) -> int:
        """How often the job came to this."""
        return Event.objects.filter(job=self.pk, new=status).exclude(old=status).count()

    @property
    def at_work(self) -> list[FakeJob]:
        """What still costs something at Runpod."""
        return [job for job in self.fake.jobs.values() if job.status not in ENDED]
