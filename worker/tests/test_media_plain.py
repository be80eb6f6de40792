"""Frames of every format, by their numbers: what the standards say, worked out here."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from worker.errors import DecodeError
from worker.media.picture import plane_view
from worker.media.plain import Plain

PLAIN_SPACES = [1, 5, 6]  # BT.709 and both BT.601, by ISO/IEC 23091-2


def flat(pix_fmt, values, *, size=(64, 48), **tags):
    """Return a frame with one value for each plane, of 8 bits or more."""
    frame = av.VideoFrame(*size, pix_fmt)
    deep = np.uint16 if any(bits in pix_fmt for bits in ("10", "12")) else np.uint8
    for plane, value in zip(frame.planes, values, strict=True):
        np.frombuffer(plane, deep)[:] = value
    for name, value in tags.items():
        setattr(frame, name, value)
    return frame


def planes_of(frame, pixel_aspect=None):
    """Return the mean of each plane of the picture that the frame becomes."""
    return [float(plane.mean()) for plane in Plain(frame, pixel_aspect).picture(frame).planes]


@pytest.mark.parametrize("space", PLAIN_SPACES)
def test_what_is_plain_already_keeps_every_bit(space):
    noise = np.random.default_rng(2)
    frame = flat("yuv420p", (0, 0, 0), colorspace=space, color_range=1)
    for plane in frame.planes:
        lines = np.frombuffer(plane, np.uint8)
        lines[:] = noise.integers(0, 256, lines.shape)
    before = [plane_view(plane).copy() for plane in frame.planes]

    plain = Plain(frame, None)

    for plane, same in zip(plain.picture(frame).planes, before, strict=True):
        assert np.array_equal(plane, same)
    assert plain.colour.space == space


@pytest.mark.parametrize("pix_fmt", ["yuvj420p", "yuvj422p", "yuvj444p"])
@pytest.mark.parametrize("codes", [(0, 128, 128), (200, 60, 220), (255, 1, 255)])
def test_full_range_is_scaled_as_the_standard_says(pix_fmt, codes):
    luma, blue, red = codes
    expected = [16 + luma * 219 / 255, 128 + (blue - 128) * 224 / 255, 128 + (red - 128) * 224 / 255]

    assert planes_of(flat(pix_fmt, codes)) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le"])
def test_depth_is_a_matter_of_scale(pix_fmt):
    bits = 2 ** (int(pix_fmt.rstrip("le")[-2:]) - 8)
    codes = (803 * bits // 4, 241 * bits // 4, 882 * bits // 4)

    assert planes_of(flat(pix_fmt, codes)) == pytest.approx([code / bits for code in codes], abs=0.6)


@pytest.mark.parametrize(("tagged", "luma"), [(0, 123), (1, 123), (2, 16 + 123 * 219 / 255)])
def test_grey_is_of_video_range_unless_it_says_otherwise(tagged, luma):
    assert planes_of(flat("gray", (123,), color_range=tagged)) == pytest.approx([luma, 128, 128], abs=0.6)


def test_rgb_becomes_bt709():
    red, green, blue = 200, 100, 50
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    expected = [
        16 + luma * 219 / 255,
        128 + (blue - luma) / 1.8556 * 224 / 255,
        128 + (red - luma) / 1.5748 * 224 / 255,
    ]

    frame = flat("gbrp", (green, blue, red))

    assert planes_of(frame) == pytest.approx(expected, abs=1)
    assert Plain(frame, None).colour.space == 1


def test_a_palette_is_rgb():
    palette = np.tile(np.array([255, 200, 100, 50], np.uint8), (256, 1))  # alpha, red, green, blue
    frame = av.VideoFrame.from_ndarray((np.zeros((48, 64), np.uint8), palette), format="pal8")

    assert planes_of(frame) == pytest.approx([117, 96, 174], abs=1)
    assert Plain(frame, None).colour.space == 1


def test_a_matrix_that_players_rarely_know_becomes_bt709():
    """SMPTE 240M has Kr = 0.212 and Kb = 0.087."""
    luma, blue, red = (120 - 16) / 219, (90 - 128) / 224, (180 - 128) / 224
    r, b = luma + 2 * (1 - 0.212) * red, luma + 2 * (1 - 0.087) * blue
    g = (luma - 0.212 * r - 0.087 * b) / (1 - 0.212 - 0.087)
    out = 0.2126 * r + 0.7152 * g + 0.0722 * b
    expected = [16 + 219 * out, 128 + 224 * (b - out) / 1.8556, 128 + 224 * (r - out) / 1.5748]

    frame = flat("yuv420p", (120, 90, 180), colorspace=7, color_range=1)

    assert planes_of(frame) == pytest.approx(expected, abs=1.5)
    assert Plain(frame, None).colour.space == 1


def test_what_is_half_seen_through_is_half_black():
    assert planes_of(flat("yuva420p", (200, 60, 220, 128))) == pytest.approx([108, 94, 174], abs=1)


@pytest.mark.parametrize(("size", "space"), [((1280, 720), 1), ((720, 576), 6), ((480, 600), 1)])
def test_an_unsaid_matrix_is_guessed_from_the_size_and_said(size, space):
    assert Plain(flat("yuv420p", (90, 110, 140), size=size), None).colour.space == space


def test_colours_that_nothing_here_can_read_are_refused():
    with pytest.raises(DecodeError, match="matrix 14"):
        Plain(flat("yuv420p10le", (500, 500, 500), colorspace=14), None)


@pytest.mark.parametrize(("aspect", "size"), [(Fraction(3, 2), (96, 48)), (Fraction(1, 2), (64, 96))])
def test_pixels_become_square(aspect, size):
    plain = Plain(flat("yuv420p", (90, 110, 140)), aspect)

    assert (plain.width, plain.height) == size


def test_a_frame_of_another_size_in_the_middle_is_brought_to_the_first_ones():
    plain = Plain(flat("yuv420p", (90, 110, 140)), None)

    picture = plain.picture(flat("yuv420p", (50, 100, 150), size=(128, 96)))

    assert (picture.width, picture.height) == (64, 48)
    assert picture.y.mean() == pytest.approx(50, abs=1)
