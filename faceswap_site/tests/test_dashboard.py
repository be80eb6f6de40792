"""The first page of the admin."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from faceswap_site.templatetags import dashboard
from jobs.models import Job

pytestmark = pytest.mark.django_db
INDEX = reverse("admin:index")


@pytest.fixture
def operator(client, admin_user):
    client.force_login(admin_user)
    return client


@pytest.fixture
def ended(job):
    """Make so many jobs that ended an hour ago, or when said, with this status and code."""

    def make(count: int, status: str, code: str = "", ago: timedelta = timedelta(hours=1)) -> None:
        for _ in range(count):
            Job.objects.create(
                owner=job.owner,
                source_image=job.source_image,
                status=status,
                error_code=code,
                finished_at=now() - ago,
            )

    return make


def test_the_queue_the_oldest_job_and_the_room_are_told(operator, job):
    Job.objects.update(queued_at=now() - timedelta(hours=3))

    html = operator.get(INDEX).text

    assert "3\xa0hours ago" in html
    assert reverse("admin:jobs_job_change", args=[job.pk]) in html
    assert "Free on the disk" in html
    assert "TrueFaceSwapVideo" in html
    assert "Django administration" not in html


def test_what_waits_and_what_is_worked_on_is_counted_once(operator, job):
    board = dashboard.dashboard()

    assert (board["waiting"], board["working"]) == (1, 0)


def test_an_hour_has_the_jobs_that_ended_in_it(ended):
    ended(3, "done")
    ended(1, "failed")
    ended(5, "done", ago=timedelta(hours=30))

    bars = dashboard.bars(now())

    assert [(bar["done"], bar["failed"]) for bar in bars if bar["done"] or bar["failed"]] == [(3, 1)]
    (bar,) = (bar for bar in bars if bar["done"])
    assert bar["top"] == pytest.approx(0)
    assert bar["done_height"] == pytest.approx(3 * bar["failed_height"])


def test_failures_are_told_by_code_the_commonest_first_and_lead_to_their_list(operator, ended):
    ended(1, "failed", "bad_output")
    ended(2, "failed", "no_face_in_video")
    ended(9, "failed", "timed_out", ago=timedelta(days=8))

    found = dashboard.failures(now())

    assert [(each["code"], each["count"]) for each in found] == [("no_face_in_video", 2), ("bad_output", 1)]
    listed = operator.get(found[0]["url"])
    assert listed.context["cl"].result_count == 11 - 9


def test_the_page_costs_as_many_queries_with_many_jobs_as_with_few(operator, ended):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert operator.get(INDEX).status_code == 200
        return len(captured)

    ended(1, "failed", "bad_output")
    few = queries()
    ended(20, "failed", "timed_out")
    ended(20, "done")

    assert queries() == few


def test_staff_without_leave_to_see_jobs_see_none_of_it(client, alice):
    alice.is_staff = True
    alice.save()
    client.force_login(alice)

    assert "Oldest open job" not in client.get(INDEX).text
