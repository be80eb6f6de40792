"""The library: what was made, newest first, page by page, fresh while something is in the works."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.timezone import now

from jobs import paging
from jobs.models import Attempt, Job

pytestmark = pytest.mark.django_db
LIBRARY = "/"


@pytest.fixture
def shelf(job):
    """Fill alice's library up to so many jobs, `job` the newest; return their ids, newest first."""

    def fill(count: int) -> list[str]:
        at = now() - timedelta(days=1)
        Job.objects.bulk_create(
            Job(
                owner=job.owner,
                mode=job.mode,
                reference_video=job.reference_video,
                source_image=job.source_image,
                status=Job.Status.DONE,
                created_at=at - timedelta(minutes=number // 2),  # two share each time
            )
            for number in range(count - Job.objects.count())
        )
        return [str(key) for key in Job.objects.order_by("-created_at", "-id").values_list("pk", flat=True)]

    return fill


def cards(html: str) -> list[str]:
    return re.findall(r'id="card-([0-9a-f-]+)"', html)


def test_an_empty_library_says_how_to_begin(page):
    html = page.get(LIBRARY).text

    assert "Your library is empty" in html
    assert f'href="{reverse("jobs:new")}"' in html


def test_a_job_is_shown_with_its_name_mode_and_state(page, job):
    html = page.get(LIBRARY).text

    assert cards(html) == [str(job.pk)]
    assert "clip.mp4" in html
    assert "Swap a face in a video" in html
    assert "Waiting" in html


def test_a_preview_is_told_from_the_whole(page, job):
    assert "Preview" not in page.get(LIBRARY).text

    Job.objects.update(preview_seconds=3)

    assert '<span class="badge">Preview</span>' in page.get(LIBRARY).text


def test_a_failed_job_shows_its_sentence(page, failed_job):
    Job.objects.update(error_message="There is no face in it.")

    assert "There is no face in it." in page.get(LIBRARY).text


def test_the_pages_follow_each_other_without_gap_or_repetition(page, shelf):
    keys, seen, address = shelf(2 * paging.SIZE + 3), [], LIBRARY

    while address:
        html = page.get(address).text
        seen += cards(html)
        older = re.search(r'rel="next" href="([^"]+)"', html)
        address = older and LIBRARY + older[1]

    assert seen == keys


def test_one_comes_back_the_same_way(page, shelf):
    keys = shelf(2 * paging.SIZE + 3)
    last = page.get(LIBRARY, {"before": keys[2 * paging.SIZE - 1]}).text
    back = re.search(r'rel="prev" href="([^"]+)"', last)[1]

    assert cards(page.get(LIBRARY + back).text) == keys[paging.SIZE : 2 * paging.SIZE]


def test_before_the_first_page_there_is_the_first_page(page, shelf):
    keys = shelf(paging.SIZE + 5)

    html = page.get(LIBRARY, {"after": keys[3]}).text

    assert cards(html) == keys[: paging.SIZE]
    assert 'rel="prev"' not in html


@pytest.mark.parametrize("anchor", ["nonsense", "00000000-0000-0000-0000-000000000000", "' OR 1=1"])
def test_an_unknown_place_is_the_first_page(page, job, anchor):
    assert cards(page.get(LIBRARY, {"before": anchor}).text) == [str(job.pk)]


def test_the_library_takes_as_many_queries_for_many_as_for_few(page, shelf, count_queries):
    shelf(2)
    few = count_queries(LIBRARY)
    shelf(paging.SIZE)

    assert count_queries(LIBRARY) == few
    assert few <= 5


def test_news_of_many_open_jobs_take_as_many_queries_as_of_one(page, shelf, count_queries):
    of = "&job=".join(["/live/?", *shelf(paging.SIZE)])
    Job.objects.update(status=Job.Status.PROCESSING)

    assert count_queries(of) == count_queries(f"/live/?job={shelf(1)[0]}") <= 3


@pytest.mark.parametrize(
    "address", ["/new/", "/faces/", "/batches/new/", "/storage/", "/help/", "/help/api/"]
)
def test_a_large_library_costs_the_other_pages_no_query(page, shelf, count_queries, address):
    shelf(1)
    few = count_queries(address)
    shelf(paging.SIZE)

    assert count_queries(address) == few <= 5


def test_a_later_page_takes_one_query_more(page, shelf, count_queries):
    keys = shelf(2 * paging.SIZE)

    assert count_queries(f"{LIBRARY}?before={keys[0]}") == count_queries(LIBRARY) + 1


def test_only_open_jobs_are_asked_about(page, attempt, shelf):
    shelf(4)

    asked = re.search(r'hx-get="/live/\?([^"]+)"', page.get(LIBRARY).text)[1]

    assert asked == f"job={attempt.job_id}"


def test_a_library_with_nothing_open_asks_nothing(page, failed_job):
    assert "every 4s" not in page.get(LIBRARY).text


def test_news_of_an_open_job_is_its_state_alone(page, attempt):
    Attempt.objects.update(stage="generating", percent=30)

    html = page.get(reverse("jobs:live"), {"job": attempt.job_id}).text

    assert "30 %" in html
    assert "<img" not in html
    assert "every 4s" in html


def test_news_of_a_job_that_has_ended_is_its_whole_card_and_the_asking_ends(page, failed_job):
    html = page.get(reverse("jobs:live"), {"job": failed_job.pk}).text

    assert cards(html) == [str(failed_job.pk)]
    assert "hx-trigger" not in html


def test_asking_with_nonsense_finds_nothing(page):
    assert page.get(reverse("jobs:live"), {"job": "nonsense"}).status_code == 404


def test_a_thumbnail_that_was_never_made_is_not_found(page, job):
    assert page.get(reverse("jobs:thumbnail", args=[job.source_image_id])).status_code == 404
