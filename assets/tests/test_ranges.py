from __future__ import annotations

import pytest

from assets.ranges import Unsatisfiable, parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=2-5", (2, 6)),
        ("bytes=9-", (9, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-30", (0, 10)),
        ("bytes=4-99", (4, 10)),
    ],
)
def test_a_single_range_becomes_half_open_bounds(header, expected):
    assert parse_range(header, 10) == expected


@pytest.mark.parametrize(
    "header", ["", "bytes=", "bytes=-", "bytes=5-2", "items=0-1", "bytes=0-1,3-4", "bytes=x-y"]
)
def test_what_is_no_single_range_sends_it_all(header):
    assert parse_range(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_a_range_past_the_end_cannot_be_satisfied(header):
    with pytest.raises(Unsatisfiable):
        parse_range(header, 10)
