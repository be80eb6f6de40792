"""The page of a job: how it stands, what can be done about it, and what it was made from."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.timezone import now

from conftest import keep
from jobs.heartbeat import WORKER_BEAT
from jobs.models import Attempt, Heartbeat, Job, Stage
from jobs.views import polling_interval

pytestmark = pytest.mark.django_db
Status = Job.Status
HTMX = {"HX-Request": "true"}


def address(name: str, job: Job) -> str:
    return reverse(f"jobs:{name}", args=[job.pk])


@pytest.fixture
def working(attempt) -> Job:
    """A job that a worker is in the middle of."""
    Attempt.objects.update(
        stage=Stage.GENERATING,
        percent=42.4,
        frames_done=53,
        frames_total=125,
        started_at=now() - timedelta(seconds=40),
        pace_at=now() - timedelta(seconds=40),
    )
    return Job.objects.with_parts().get()


def test_an_open_job_shows_how_far_it_is(page, working):
    html = page.get(address("detail", working)).text

    assert "Making the frames" in html
    assert "42 %" in html
    assert "frame 53 of 125" in html
    assert "about 55 seconds left" in html
    assert "1.3 frames a second" in html


def test_a_result_that_is_packed_has_no_frames_to_wait_for(page, working):
    Attempt.objects.update(stage=Stage.PACKAGING, percent=99)

    html = page.get(address("detail", working)).text

    assert "99 %" in html
    assert "frame 53 of 125" not in html
    assert "frames a second" not in html


def test_what_was_asked_for_is_told_with_its_part_and_all_its_photos(page, alice, job, photo_bytes):
    job.more_photos.create(number=1, asset=keep(alice, "image", "other.jpg", photo_bytes))
    Job.objects.update(trim_start=1.5, trim_end=3)
    html = page.get(job.get_absolute_url()).text

    assert '<dt>Faces</dt><dd class="name">face.jpg, other.jpg</dd>' in html
    assert "<dt>Part</dt><dd>1.5 to 3.0 s</dd>" in html
    Job.objects.update(trim_end=None)
    assert "<dt>Part</dt><dd>from 1.5 s on</dd>" in page.get(job.get_absolute_url()).text


def test_an_open_job_asks_for_news_and_a_closed_one_does_not(page, working):
    assert 'hx-trigger="every 2s"' in page.get(address("detail", working)).text

    working.cancel("cancelled")

    assert "hx-trigger" not in page.get(address("detail", working)).text


@pytest.mark.parametrize(("minutes", "seconds"), [(0, 2), (1.9, 2), (3, 5), (60, 10)])
def test_the_longer_a_job_is_open_the_less_often_its_page_asks(minutes, seconds):
    assert polling_interval(timedelta(minutes=minutes)) == seconds


def test_looking_asks_the_provider_at_most_once_in_a_while(page, working):
    page.get(address("detail", working))
    first = Attempt.objects.get().polled_at
    page.get(address("status", working))

    assert first is not None
    assert Attempt.objects.get().polled_at == first


def test_while_only_figures_change_only_the_status_comes(page, working):
    seen = re.search(r"seen=([^\"]+)", page.get(address("detail", working)).text)[1]
    html = page.get(address("status", working), {"seen": seen}).text

    assert 'id="status"' in html
    assert "hx-swap-oob" not in html


def test_a_change_brings_the_rest_of_the_page_along(page, working):
    seen = re.search(r"seen=([^\"]+)", page.get(address("detail", working)).text)[1]
    working.cancel("cancelled by alice")

    html = page.get(address("status", working), {"seen": seen}).text

    assert 'id="actions" hx-swap-oob="true"' in html
    assert 'id="result" hx-swap-oob="true"' in html
    assert "cancelled by alice" in html
    assert "hx-trigger" not in html


def test_a_waiting_job_says_how_to_start_a_worker_when_none_was_seen(page, attempt):
    html = page.get(address("detail", attempt.job)).text

    assert "No worker has been seen lately" in html
    assert "make run" in html
    assert "python -m worker --server http://testserver" in html


def test_on_runpod_the_waiting_job_speaks_of_the_endpoint(page, job, settings):
    settings.COMPUTE_PROVIDER = "runpod_bridge.runpod.RunpodProvider"

    assert "The Runpod endpoint shows no worker" in page.get(address("detail", job)).text


def test_a_waiting_job_does_not_worry_while_there_is_a_worker(page, attempt):
    Heartbeat.beat(WORKER_BEAT, now())

    html = page.get(address("detail", attempt.job)).text

    assert "No worker has been seen" not in html
    assert "You may close this page" in html


def test_a_failed_job_says_why_and_what_to_do(page, failed_job):
    Job.objects.update(error_message="No face was found in “clip.mp4” <i>at all</i>.")

    html = page.get(address("detail", failed_job)).text

    assert "No face was found in “clip.mp4” &lt;i&gt;at all&lt;/i&gt;." in html
    assert "Start a new job with a clip in which a face can be seen" in html


def test_a_done_job_shows_the_result_beside_the_original(page, done_job):
    html = page.get(address("detail", done_job)).text

    assert f'src="/v1/jobs/{done_job.pk}/output"' in html
    assert f'src="{reverse("jobs:file", args=[done_job.reference_video_id])}"' in html
    assert re.search(rf'href="/v1/jobs/{done_job.pk}/output" download', html)
    assert page.get(f"/v1/jobs/{done_job.pk}/output").status_code == 200


def test_a_result_whose_time_is_over_is_not_offered(page, done_job):
    done_job.output.erase(now())

    html = page.get(address("detail", done_job)).text

    assert "The result has been deleted" in html
    assert "download" not in html


def test_the_original_is_served_in_ranges(page, job, clip_bytes):
    response = page.get(reverse("jobs:file", args=[job.reference_video_id]), headers={"Range": "bytes=10-19"})

    assert response.status_code == 206
    assert b"".join(response.streaming_content) == clip_bytes[10:20]
    assert response["Content-Disposition"] == 'inline; filename="clip.mp4"'


def test_the_history_is_told_in_words(page, attempt):
    attempt.job.cancel("cancelled by alice")

    events = re.search(
        r'<ol class="events".*?</ol>', page.get(address("detail", attempt.job)).text, re.DOTALL
    )[0]

    assert re.findall(r"<strong>(.*?)</strong>", events) == [
        *("Submitted", "Sent to a worker", "Attempt 1", "Cancelled")
    ]


def test_what_was_agreed_to_is_shown(page, job):
    assert "“I have the right to use this face and this video.”" in page.get(address("detail", job)).text


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_cancelling(page, working, headers):
    response = page.post(address("cancel", working), headers=headers, follow=True)

    job = Job.objects.get()
    assert job.status == Status.CANCELLED
    assert job.events.last().reason == "cancelled by alice"
    assert "Cancelled" in response.text


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_cancelling_what_has_ended_meanwhile_shows_how_it_ended(page, done_job, headers):
    response = page.post(address("cancel", done_job), headers=headers, follow=True)

    assert response.status_code == 200
    assert "badge-done" in response.text
    assert Job.objects.get().status == Status.DONE


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_retrying(page, failed_job, headers):
    response = page.post(address("retry", failed_job), headers=headers, follow=True)

    assert Job.objects.get().status == Status.QUEUED
    assert "Queued again" in response.text


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_retry_without_its_files_says_so(page, failed_job, headers):
    failed_job.source_image.erase(now())

    response = page.post(address("retry", failed_job), headers=headers, follow=True)

    assert "has been deleted" in re.search(r'class="notice notice-error">(.*?)</p>', response.text)[1]
    assert Job.objects.get().status == Status.FAILED


def test_deleting_hides_the_job_and_offers_to_take_it_back(page, job):
    response = page.post(address("delete", job), follow=True)

    assert response.redirect_chain[-1][0] == reverse("jobs:list")
    assert "1 job deleted." in response.text
    assert not Job.objects.owned_by(job.owner).exists()
    assert page.get(job.get_absolute_url()).status_code == 404


def test_the_page_takes_as_many_queries_with_a_long_history_as_with_a_short(page, working, count_queries):
    page.get(address("detail", working))  # the first look has the provider asked
    short = count_queries(address("detail", working))
    for number in range(20):
        working.events.create(reason=f"note {number}")

    assert count_queries(address("detail", working)) == short
    assert short <= 6


def test_asking_for_news_takes_few_queries(page, working, count_queries):
    page.get(address("detail", working))

    assert count_queries(address("status", working)) <= 6
