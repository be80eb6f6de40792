"""An e-mail when a job has ended: to who asked for it, once for each time."""

from __future__ import annotations

import pytest
from django_q.models import OrmQ

from jobs.models import Job, Preferences
from jobs.notices import tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def wanted(alice) -> None:
    alice.email = "alice@example.org"
    alice.save()
    Preferences.objects.create(user=alice, email_when_done=True)


def queued(word: str) -> int:
    return sum(row.func() == word for row in OrmQ.objects.all())


def test_who_asked_for_it_is_told_and_where_to_look(wanted, done_job, mailoutbox, settings):
    settings.SITE_URL = "https://faces.example"

    tell(done_job.pk)

    (mail,) = mailoutbox
    assert mail.to == ["alice@example.org"]
    assert mail.subject == "Done: clip.mp4"
    assert f"https://faces.example/jobs/{done_job.pk}/" in mail.body


def test_ending_queues_it(wanted, attempt):
    attempt.job.move(Job.Status.FAILED, "it broke", error_message="It broke.")

    assert queued("jobs.notices.tell") == 1


def test_who_did_not_ask_is_left_alone(alice, attempt, mailoutbox):
    attempt.job.move(Job.Status.FAILED, "it broke")

    assert queued("jobs.notices.tell") == 0
    tell(attempt.job_id)
    assert mailoutbox == []


def test_a_cancelled_job_is_no_news(wanted, attempt):
    attempt.job.cancel("asked")

    assert queued("jobs.notices.tell") == 0


def test_of_a_failed_job_the_sentence_is_told(wanted, failed_job, mailoutbox):
    Job.objects.update(error_message="There is no face in it.")

    tell(failed_job.pk)

    assert mailoutbox[0].subject == "Failed: clip.mp4"
    assert "There is no face in it." in mailoutbox[0].body


def test_it_is_told_once_and_after_a_retry_once_more(wanted, failed_job, mailoutbox):
    tell(failed_job.pk)
    tell(failed_job.pk)
    assert len(mailoutbox) == 1

    failed_job.retry("again")
    tell(failed_job.pk)
    assert len(mailoutbox) == 1

    Job.objects.get().move(Job.Status.FAILED, "it broke once more")
    tell(failed_job.pk)
    assert len(mailoutbox) == 2


def test_a_name_with_a_line_break_makes_no_headers(wanted, failed_job, mailoutbox):
    failed_job.reference_video.name = "a\nBcc: eve@example.org"
    failed_job.reference_video.save()

    tell(failed_job.pk)

    assert "\n" not in mailoutbox[0].subject
    assert mailoutbox[0].bcc == []
