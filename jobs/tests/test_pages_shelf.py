"""Finding, tidying up and taking back: what the library does with many jobs."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils.timezone import now

from assets.models import Asset
from jobs.models import Job
from jobs.sweep import reconcile

pytestmark = pytest.mark.django_db
LIBRARY = reverse("jobs:list")
LATER = settings.UNDO_TIME + timedelta(seconds=1)


@pytest.fixture
def jobs(job, failed_job):
    """Three of alice's jobs by their names: one failed, one done, one that sings without a clip."""
    submit = partial(Job.objects.submit, owner=job.owner, consent="yes", consent_via="form", status="done")
    holiday = Asset.objects.expect(owner=job.owner, kind="video", name="Holiday 2026.mov")
    done = submit(mode="video_swap", reference_video=holiday, source_image=job.source_image)
    portrait = Asset.objects.expect(owner=job.owner, kind="image", name="grandmother.png")
    song = submit(mode="photo_sing", source_image=portrait)
    return {"clip.mp4": failed_job, "Holiday 2026.mov": done, "grandmother.png": song}


def names(html: str) -> set[str]:
    return set(re.findall(r'class="card-name" title="([^"]+)"', html))


def shown(page, **asked) -> set[str]:
    return names(page.get(LIBRARY, asked).text)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"q": "holi"}, {"Holiday 2026.mov"}),
        ({"q": "2026 holiday"}, {"Holiday 2026.mov"}),
        ({"q": "face.jpg"}, {"clip.mp4", "Holiday 2026.mov"}),
        ({"q": "nobody"}, set()),
        ({"state": "failed"}, {"clip.mp4"}),
        ({"state": "done", "mode": "photo_sing"}, {"grandmother.png"}),
        ({"state": "open"}, set()),
        ({"state": "nonsense", "mode": "nonsense"}, {"clip.mp4", "Holiday 2026.mov", "grandmother.png"}),
        ({"q": "%"}, set()),
    ],
)
def test_what_is_asked_for_is_shown(page, jobs, asked, found):
    assert shown(page, **asked) == found


def test_each_state_says_how_many_have_it(page, jobs):
    tabs = re.findall(r'>(\w[\w ]*) <span class="count">(\d+)</span>', page.get(LIBRARY).text)

    assert tabs == [("All", "3"), ("In the works", "0"), ("Done", "2"), ("Failed", "1"), ("Cancelled", "0")]


def test_nothing_found_leads_back_to_everything(page, jobs):
    html = page.get(LIBRARY, {"q": "<nobody>"}).text

    assert "No file here has “&lt;nobody&gt;” in its name." in html
    assert "Your library is empty" not in html


def test_the_next_page_keeps_what_was_asked(page, jobs, monkeypatch):
    monkeypatch.setattr("jobs.paging.page_of.__kwdefaults__", {"before": "", "after": "", "size": 1})

    address = re.search(r'rel="next" href="([^"]+)"', page.get(LIBRARY, {"q": "face.jpg"}).text)[1]

    assert len(names(page.get(LIBRARY + address.replace("&amp;", "&")).text)) == 1
    assert "q=face.jpg" in address


def test_typing_fetches_the_shelf_alone(page, jobs):
    html = page.get(LIBRARY, {"q": "holi"}, headers={"HX-Request": "true", "HX-Target": "shelf"}).text

    assert html.strip().startswith('<div id="shelf">')
    assert names(html) == {"Holiday 2026.mov"}


def test_chosen_jobs_are_deleted_at_once_and_can_be_taken_back(page, jobs):
    keys = [jobs["clip.mp4"].pk, jobs["Holiday 2026.mov"].pk]

    html = page.post(reverse("jobs:delete-many"), {"job": keys, "q": "face"}, follow=True).text
    assert "2 jobs deleted" in html
    assert "q=face" in html or 'value="face"' in html
    assert shown(page) == {"grandmother.png"}
    assert Asset.objects.available().filter(name="clip.mp4").exists()

    page.post(reverse("jobs:undo"))
    assert shown(page) == set(jobs)


def test_after_a_while_the_bytes_go(page, jobs):
    page.post(reverse("jobs:delete-many"), {"job": [jobs["clip.mp4"].pk]})

    assert reconcile(now())["erased"] == 0
    assert reconcile(now() + LATER)["erased"] == 1

    jobs["clip.mp4"].refresh_from_db()
    assert jobs["clip.mp4"].deleted_at
    assert not Asset.objects.available().filter(name="clip.mp4").exists()
    assert Asset.objects.available().filter(name="face.jpg").exists()  # another job needs it


def test_what_is_gone_is_not_taken_back(page, jobs):
    page.post(reverse("jobs:delete-many"), {"job": [jobs["clip.mp4"].pk]})
    Job.objects.exclude(hidden_at=None).update(hidden_at=now() - LATER)

    html = page.post(reverse("jobs:undo"), follow=True).text

    assert "too late" in html
    assert "clip.mp4" not in names(html)


def test_an_open_job_that_is_deleted_stops(page, attempt):
    page.post(reverse("jobs:delete-many"), {"job": [attempt.job_id]})

    job = Job.objects.get()
    assert job.status == Job.Status.CANCELLED
    assert job.hidden_at


def test_chosen_jobs_are_retried_and_the_rest_is_told(page, jobs):
    html = page.post(reverse("jobs:retry-many"), {"job": [job.pk for job in jobs.values()]}, follow=True).text

    assert "1 of the 3 chosen jobs will be tried again." in html
    assert "2 stay as they are" in html
    jobs["clip.mp4"].refresh_from_db()
    assert jobs["clip.mp4"].status == Job.Status.QUEUED


@pytest.mark.parametrize("act", ["delete-many", "retry-many", "undo"])
def test_a_stranger_changes_nothing(client, bob, jobs, act):
    client.force_login(bob)
    Job.objects.filter(pk=jobs["clip.mp4"].pk).update(hidden_at=now())

    client.post(reverse(f"jobs:{act}"), {"job": [job.pk for job in jobs.values()]})

    assert Job.objects.filter(status=Job.Status.FAILED, hidden_at__isnull=False).count() == 1
    assert Job.objects.filter(status=Job.Status.DONE, hidden_at=None).count() == 2


def test_choosing_nonsense_finds_nothing(page, jobs):
    assert page.post(reverse("jobs:delete-many"), {"job": "nonsense"}).status_code == 404


def test_how_much_the_files_take_up_is_said(page, jobs):
    Asset.objects.filter(name="clip.mp4").update(size=3 * 1024 * 1024)
    Asset.objects.filter(name="face.jpg").update(size=0)

    assert "3.0\xa0MB" in page.get(reverse("jobs:storage")).text
