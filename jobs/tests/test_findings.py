"""What a result's page says of how it turned out."""

from __future__ import annotations

import re

import pytest

from assets.models import Asset
from jobs.findings import HEIGHT, LIKE, NARROWEST, SOMEWHAT_LIKE, VERY_LIKE, WIDTH, findings_of
from jobs.models import Attempt, Job

pytestmark = pytest.mark.django_db
METRICS = {
    "frames": 25,
    "swapped": 20,
    "missed": [[0.2, 0.4], [0.96, 1.0]],
    "identity": [[0.0, 0.45], [0.5, 0.9]],
    "flicker": 1.3,
}


@pytest.fixture
def measured(done_job):
    """The finished job of a second, with these metrics."""

    def measure(**metrics) -> Job:
        Attempt.objects.update(metrics=metrics)
        Asset.objects.filter(kind="output").update(seconds=1.0)
        return Job.objects.with_parts().get()

    return measure


def test_the_share_of_frames_the_likeness_and_the_flicker_are_told(measured):
    found = findings_of(measured(**METRICS))

    assert found.share == 80
    assert found.distance == pytest.approx(0.675)
    assert found.steadiness == "a little livelier than the video"


def test_gaps_lie_on_the_strip_where_they_are_in_time(measured):
    job = measured(**METRICS)
    seconds = job.output.seconds

    first, last = findings_of(job).gaps

    assert first.x == pytest.approx(WIDTH * 0.2 / seconds)
    assert first.width == pytest.approx(WIDTH * 0.2 / seconds)
    assert last.x + last.width <= WIDTH


def test_a_gap_of_one_frame_can_be_hit(measured):
    (gap,) = findings_of(measured(frames=25000, missed=[[1.0, 1.0]])).gaps

    assert gap.width == NARROWEST
    assert gap.x + gap.width <= WIDTH


def test_the_likelier_the_higher_and_nothing_leaves_the_drawing(measured):
    near, far = findings_of(measured(frames=25, identity=[[0, 0.3], [99, 1.5]])).dots

    assert near[1] < far[1]
    assert far == (WIDTH, HEIGHT)


def test_the_line_goes_from_end_to_end_with_a_mark_where_it_was_measured(measured):
    found = findings_of(measured(frames=25, identity=[[0.2, 0.3], [0.6, 0.6]]))

    assert found.line == "0.0,40.0 200.0,40.0 600.0,80.0 1000.0,80.0"
    assert found.marks == "M200.0,40.0h0M600.0,80.0h0"


def test_both_drawings_have_the_same_axis_as_long_as_the_result(page, measured):
    html = page.get(measured(**METRICS).get_absolute_url()).text

    assert [
        box.split()[::2] for box in re.findall(r'viewBox="([^"]+)" preserveAspectRatio="none"', html)
    ] == [
        ["0", "1000"],
        ["0", "1000"],
    ]
    assert re.search(r'class="[^"]*axis"><span>0:00</span><span>0:01</span>', html)


def test_of_what_nothing_was_measured_nothing_is_said(page, measured):
    job = measured()

    assert findings_of(job) is None
    assert "How it turned out" not in page.get(job.get_absolute_url()).text


def test_the_page_has_a_link_to_every_gap(page, measured):
    html = page.get(measured(**METRICS).get_absolute_url()).text

    assert re.findall(r'data-seek="([\d.]+)"', html) == ["0.2", "0.96"]
    assert "2 stretches without the new face" in html
    assert "80 %" in html
    assert "polyline" in html
    assert "style=" not in html


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (0.3, "very like"),
        (0.454, "very like"),
        (0.46, "like"),
        (0.6, "somewhat like"),
        (0.61, "somewhat like"),
        (0.66, "hardly like"),
    ],
)
def test_likeness_is_put_into_words_that_fit_its_figure(measured, distance, words):
    assert findings_of(measured(frames=25, identity=[[0, distance]])).likeness == words


def test_what_the_likeness_means_is_told_with_the_limits_and_with_what_moves_it(page, measured):
    html = page.get(measured(**METRICS).get_absolute_url()).text

    assert re.search(r"hardly like <span[^>]*>at a distance of 0.68<", html)
    assert all(f"up to {limit}" in html.lower() for limit in (LIKE, SOMEWHAT_LIKE))
    assert f"Up to a distance of {VERY_LIKE} a face is very like" in html
    assert html.count("lasses or a hand") == 2  # of the figure, and of its course


@pytest.mark.parametrize("flicker", [None, 0.9, 1.2, 5.0])
def test_flicker_is_put_into_words(measured, flicker):
    words = findings_of(measured(frames=25, flicker=flicker)).steadiness

    assert (words == "") == (flicker is None)
