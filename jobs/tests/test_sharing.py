"""Links by which anybody may watch a result, for as long as its owner said."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.timezone import now

from jobs.deletion import delete_files
from jobs.models import Job, Share

pytestmark = pytest.mark.django_db


@pytest.fixture
def link(page, done_job) -> str:
    page.post(reverse("jobs:share", args=[done_job.pk]), {"days": "7"})
    return Share.objects.get().get_absolute_url()


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def test_a_link_is_shown_and_can_be_copied(page, done_job, link):
    html = page.get(done_job.get_absolute_url()).text

    assert f'value="http://testserver{link}"' in html
    assert Share.objects.get().expires_at == pytest.approx(
        now() + timedelta(days=7), abs=timedelta(minutes=1)
    )


def test_anybody_who_has_it_can_watch_and_fetch(client, link, clip_bytes):
    client.logout()
    html = client.get(link).text

    assert "The face in this video was replaced by AI." in html
    assert '<video class="is-tall"' not in html
    assert "noindex" in html
    assert body(client.get(f"{link}video/")) == clip_bytes
    assert client.get(f"{link}video/?save=1")["Content-Disposition"].startswith("attachment")
    assert client.get(f"{link}video/", headers={"Range": "bytes=0-9"}).status_code == 206


def test_the_page_says_nothing_of_its_owner(client, link, done_job):
    client.logout()
    html = client.get(link).text

    assert done_job.name not in html
    assert done_job.owner.username not in html
    assert str(done_job.pk) not in html


def ended(page, share):
    page.post(reverse("jobs:end-share", args=[share.job_id, share.pk]))


def expired(page, share):
    Share.objects.update(expires_at=now() - timedelta(seconds=1))


def hidden(page, share):
    Job.objects.update(hidden_at=now())


def erased(page, share):
    delete_files(share.job, reason="deleted")


@pytest.mark.parametrize("act", [ended, expired, hidden, erased])
def test_when_it_is_over_there_is_nothing(page, link, act):
    act(page, Share.objects.get())

    assert page.get(link).status_code == 404
    assert page.get(f"{link}video/").status_code == 404
    assert page.get(f"{link}poster/").status_code == 404


@pytest.mark.parametrize("value", ["nonsense", "0" * 32, "{key}.wrong"])
def test_a_value_of_ones_own_opens_nothing(client, link, value):
    key = Share.objects.get().pk.hex

    assert client.get(reverse("jobs:watch", args=[value.format(key=key)])).status_code == 404


def test_a_stranger_makes_and_ends_none(client, bob, done_job, link):
    client.force_login(bob)
    share = Share.objects.get()

    assert client.post(reverse("jobs:share", args=[done_job.pk]), {"days": "7"}).status_code == 404
    assert client.post(reverse("jobs:end-share", args=[done_job.pk, share.pk])).status_code == 404
    assert Share.objects.live(now()).count() == 1


def test_a_job_without_a_result_has_nothing_to_share(page, failed_job):
    assert page.post(reverse("jobs:share", args=[failed_job.pk]), {"days": "7"}).status_code == 404


@pytest.mark.parametrize("days", ["", "0", "9999", "x"])
def test_a_link_is_good_for_one_of_the_offered_times(page, done_job, days):
    assert page.post(reverse("jobs:share", args=[done_job.pk]), {"days": days}).status_code == 404
    assert not Share.objects.exists()


def test_after_a_preview_the_whole_is_made_of_the_same_files(page, done_job):
    Job.objects.update(preview_seconds=3, trim_start=1.0, quality="max")

    page.post(reverse("jobs:whole", args=[done_job.pk]))

    made = Job.objects.exclude(pk=done_job.pk).get()
    assert (made.preview_seconds, made.trim_start, made.quality) == (None, 1.0, "max")
    assert made.reference_video_id == done_job.reference_video_id
    assert made.consent_wording == done_job.consent_wording


def test_the_first_thing_to_do_with_a_preview_is_the_whole(page, done_job):
    primary = r'class="[^"]*primary[^"]*"[^>]*>.*?</svg> ([^<]+)<'

    assert re.findall(primary, page.get(done_job.get_absolute_url()).text, re.DOTALL) == ["Download"]
    Job.objects.update(preview_seconds=3)
    assert re.findall(primary, page.get(done_job.get_absolute_url()).text, re.DOTALL) == [
        "Make the whole video"
    ]


def test_of_a_preview_whose_files_are_gone_there_is_no_whole(page, done_job):
    Job.objects.update(preview_seconds=3)
    done_job.reference_video.erase(now())

    html = page.post(reverse("jobs:whole", args=[done_job.pk]), follow=True).text

    assert "has been deleted" in html
    assert Job.objects.count() == 1
