from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from assets.models import Token
from jobs import dispatch as dispatching
from jobs.compute import ProviderError
from jobs.models import Attempt, Job

pytestmark = pytest.mark.django_db


def test_a_queued_job_is_sent_with_fresh_tokens(job, provider):
    dispatching.dispatch(job.pk)

    job.refresh_from_db()
    assert job.status == Job.Status.PROCESSING
    assert provider.sent == [job.latest.pk]
    assert job.latest.external_id == "fake-1"
    tokens = Token.objects.filter(subject=job.latest.subject)
    assert tokens.filter(purpose=Token.Purpose.UPLOAD).count() == 1
    assert set(tokens.filter(purpose=Token.Purpose.DOWNLOAD).values_list("asset", flat=True)) == {
        job.reference_video_id,
        job.source_image_id,
        job.latest.output_id,
    }


def test_a_dispatch_that_runs_twice_sends_once(job, provider):
    dispatching.dispatch(job.pk)
    dispatching.dispatch(job.pk)

    assert len(provider.sent) == 1
    assert Attempt.objects.count() == 1


def test_a_cancelled_job_is_not_sent(job, provider):
    job.cancel(reason="changed my mind")

    dispatching.dispatch(job.pk)

    assert provider.sent == []


def test_a_provider_that_is_away_puts_the_job_back_in_the_queue(job, provider):
    provider.refusal = ProviderError("Runpod does not answer.")

    dispatching.dispatch(job.pk)

    job.refresh_from_db()
    assert job.status == Job.Status.QUEUED
    assert job.latest.outcome == Attempt.Outcome.FAILED


def test_a_provider_that_is_away_for_good_fails_the_job_in_words(job, provider, settings, send_again):
    provider.refusal = ProviderError("Runpod does not answer.")

    for _ in range(settings.MAX_ATTEMPTS):
        send_again(job)

    assert (job.status, job.error_code) == (Job.Status.FAILED, "provider_unavailable")
    assert job.error_message == "Runpod does not answer."


def test_a_send_whose_answer_was_lost_is_not_sent_again_blindly(job, provider):
    provider.refusal = ProviderError("The connection broke.", maybe_started=True)

    dispatching.dispatch(job.pk)
    dispatching.send(job.attempts.get().pk)

    job.refresh_from_db()
    assert job.status == Job.Status.PROCESSING
    assert len(provider.sent) == 1


def test_a_job_cancelled_while_it_was_being_sent_is_cancelled_at_the_provider_too(job, provider, monkeypatch):
    def send(self, attempt):
        Job.objects.get(pk=job.pk).cancel(reason="in between")
        return "fake-1"

    monkeypatch.setattr(provider, "send", send)

    dispatching.dispatch(job.pk)

    assert provider.cancelled == [job.attempts.get().pk]


def test_cancelling_closes_the_attempt_and_revokes_its_tokens(attempt):
    attempt.job.cancel(reason="enough")

    attempt.refresh_from_db()
    assert attempt.outcome == Attempt.Outcome.CANCELLED
    assert not attempt.tokens().live(now()).exists()


def test_tokens_live_as_long_as_the_attempt_may_take(attempt):
    assert all(token.expires_at >= attempt.deadline for token in attempt.tokens())


def test_the_deadline_grows_with_the_clip(job, provider, settings):
    job.reference_video.seconds = 1200
    job.reference_video.save()

    dispatching.dispatch(job.pk)

    job.refresh_from_db()
    expected = timedelta(seconds=1200 * settings.SECONDS_PER_CLIP_SECOND) + settings.QUEUE_TIME
    assert job.latest.deadline - job.latest.created_at == expected
