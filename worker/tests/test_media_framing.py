from __future__ import annotations

import numpy as np
import pytest

from worker.media.framing import ASPECTS, crop, crop_size, output_size, resize
from worker.media.picture import Picture


@pytest.fixture
def picture():
    """A horizontal ramp of 320x180, so that a place can be read from the pixels."""
    ramp = np.tile(np.linspace(16, 235, 320), (180, 1)).astype(np.uint8)
    return Picture(ramp, ramp[::2, ::2].copy(), ramp[::2, ::2].copy())


@pytest.mark.parametrize(
    ("aspect", "size"),
    [("9:16", (404, 720)), ("1:1", (720, 720)), ("4:5", (576, 720)), ("original", (1280, 720))],
)
def test_a_crop_is_the_largest_of_its_aspect(aspect, size):
    assert crop_size(1280, 720, aspect) == size


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize(
    "size", [(64, 64), (2, 2), (2560, 1080), (1080, 2520), (1080, 1920), (722, 406), (96, 16)]
)
def test_a_crop_of_any_picture_is_even_within_it_and_as_near_to_the_aspect_as_can_be(size, aspect):
    width, height = crop_size(*size, aspect)

    assert width % 2 == height % 2 == 0
    assert 2 <= width <= size[0]
    assert 2 <= height <= size[1]
    assert width == size[0] or height == size[1]
    assert abs(width - height * ASPECTS[aspect]) <= max(1, ASPECTS[aspect]) or min(size) < 4


@pytest.mark.parametrize("size", [(64, 64), (640, 272), (360, 640), (2160, 3840)])
def test_nothing_is_enlarged_unless_4k_is_asked_for(size):
    assert output_size(*size, enable_4k=False) == size


def test_a_picture_that_has_the_aspect_already_is_kept_whole():
    assert crop_size(1080, 1920, "9:16") == (1080, 1920)


@pytest.mark.parametrize(
    ("size", "enable_4k", "expected"),
    [
        ((404, 720), False, (404, 720)),
        ((404, 720), True, (2160, 3840)),  # exactly 9:16, which 404 is only near to
        ((36, 64), True, (2160, 3840)),
        ((576, 720), True, (2160, 2700)),
        ((720, 720), True, (2160, 2160)),
        ((2560, 1080), True, (5120, 2160)),
        ((64, 64), False, (64, 64)),
        ((9000, 1000), False, (7680, 854)),
        ((3840, 2160), False, (3840, 2160)),
        ((4320, 4320), False, (2160, 2160)),
        ((1920, 100), True, (7680, 400)),
    ],
)
def test_the_size_that_comes_out(size, enable_4k, expected):
    assert output_size(*size, enable_4k=enable_4k) == expected


def test_a_whole_place_copies_pixels_and_one_between_is_close(picture):
    whole = crop(picture, (100, 0), 100, 180)
    between = crop(picture, (100.5, 0.0), 100, 180)

    assert (whole.y == picture.y[:, 100:200]).all()
    assert np.abs(between.y.astype(int) - whole.y).max() <= 2
    assert [plane.shape for plane in between.planes] == [(180, 100), (90, 50), (90, 50)]


def test_resizing_keeps_the_picture(picture):
    large = resize(picture, 640, 360)

    assert [plane.shape for plane in large.planes] == [(360, 640), (180, 320), (180, 320)]
    assert np.abs(resize(large, 320, 180).y.astype(int) - picture.y).max() <= 3


def test_the_quality_reaches_the_enlarging(picture):
    picture.y[60:120, 100:200] = 200

    qualities = [resize(picture, 640, 360, quality).y for quality in ("fast", "balanced", "max")]

    steepness = [np.abs(np.diff(luma[180].astype(int))).max() for luma in qualities]
    assert steepness[0] < steepness[1] < steepness[2]


@pytest.mark.parametrize("size", [(160, 90), (640, 360)])
def test_a_picture_keeps_its_time_whatever_is_done_to_it(picture, size):
    picture.pts, picture.duration = 7, 3

    framed = resize(crop(picture, (10, 10), 100, 100), *size)

    assert (framed.pts, framed.duration) == (7, 3)
