from __future__ import annotations

from time import process_time

import numpy as np
import pytest

from worker.errors import DecodeError
from worker.media.picture import to_rgb
from worker.media.source import open_video
from worker.tests.clipmaking import MILLISECOND, tone, write_clip, write_voice
from worker.tests.corpus import CORPUS, write
from worker.tests.faceclips import plain_grey


def pictures_of(path):
    with open_video(path) as source:
        return source, list(source)


def quarters(picture):
    """Return the mean luma of the quarters: top left, top right, bottom left, bottom right."""
    y = picture.y
    h, w = y.shape[0] // 2, y.shape[1] // 2
    return [part.mean() for part in (y[:h, :w], y[:h, w:], y[h:, :w], y[h:, w:])]


def test_a_plain_clip_yields_every_picture_as_writable_planes(tmp_path):
    source, pictures = pictures_of(write_clip(tmp_path / "a.mp4"))

    assert (source.width, source.height) == (160, 120)
    assert len(pictures) == source.frames == 25
    assert [plane.shape for plane in pictures[0].planes] == [(120, 160), (60, 80), (60, 80)]
    pictures[0].y[:] = 7  # raises if the plane cannot be written to
    assert source.duration == pytest.approx(1.0, abs=0.05)
    assert not source.has_audio


@pytest.mark.parametrize(
    ("rotation", "size", "bright"), [(90, (120, 160), 2), (-90, (120, 160), 1), (180, (160, 120), 3)]
)
def test_a_turned_clip_comes_upright(tmp_path, rotation, size, bright):
    path = write_clip(tmp_path / "a.mp4", rotation=rotation)

    source, pictures = pictures_of(path)

    assert (source.width, source.height) == size
    assert (pictures[0].width, pictures[0].height) == size
    assert int(np.argmax(quarters(pictures[0]))) == bright


def test_the_times_of_a_variable_rate_are_kept(tmp_path):
    times = [0, 40, 50, 200, 210, 420]

    source, pictures = pictures_of(write_clip(tmp_path / "a.mkv", times=times))

    assert [round(picture.pts * source.time_base / MILLISECOND) for picture in pictures] == times


def test_an_odd_size_is_cropped_to_even(tmp_path):
    path = write_clip(tmp_path / "a.mkv", size=(161, 121), pix_fmt="yuv444p")

    source, pictures = pictures_of(path)

    assert (source.width, source.height) == (160, 120)
    assert [plane.shape for plane in pictures[0].planes] == [(120, 160), (60, 80), (60, 80)]


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv422p10le", "yuv444p", "yuv422p"])
def test_other_pixel_formats_become_8_bit_420_with_the_same_look(tmp_path, pix_fmt):
    def red(index, width, height):
        return np.full((height, width, 3), (200, 60, 30), np.uint8)

    bt709 = {"colorspace": 1, "color_primaries": 1, "color_trc": 1, "color_range": 1}
    path = write_clip(tmp_path / "a.mp4", pix_fmt=pix_fmt, draw=red, times=[0, 40])

    source, pictures = pictures_of(path)

    assert np.abs(to_rgb(pictures[0], source.colour).mean((0, 1)) - (200, 60, 30)).max() < 5, bt709


def test_full_range_is_brought_to_video_range(tmp_path):
    def white(index, width, height):
        return np.full((height, width, 3), 255, np.uint8)

    path = write_clip(tmp_path / "a.mp4", pix_fmt="yuvj420p", draw=white, colour={"color_range": 2})

    source, pictures = pictures_of(path)

    assert pictures[0].y.mean() == pytest.approx(235, abs=1)
    assert source.colour.range == 1


def test_colour_tags_are_reported(tmp_path):
    tags = {"colorspace": 1, "color_primaries": 1, "color_trc": 1, "color_range": 1}

    source, _ = pictures_of(write_clip(tmp_path / "a.mp4", colour=tags))

    assert (source.colour.space, source.colour.primaries, source.colour.trc) == (1, 1, 1)


def test_a_file_cut_short_yields_the_pictures_it_still_has(tmp_path):
    whole = write_clip(tmp_path / "a.mkv", sound=tone(1)).read_bytes()
    torn = tmp_path / "torn.mkv"
    torn.write_bytes(whole[: len(whole) * 2 // 3])

    _, pictures = pictures_of(torn)

    assert 3 < len(pictures) < 25


def test_damage_in_the_middle_does_not_end_the_clip(tmp_path):
    noise = np.random.default_rng(1)

    def noisy(index, width, height):
        return noise.integers(0, 255, (height, width, 3), np.uint8)

    path = write_clip(tmp_path / "a.mkv", draw=noisy)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    path.write_bytes(content)

    source, pictures = pictures_of(path)

    assert len(pictures) > 15
    assert pictures[-1].pts * source.time_base > 0.9


def test_a_title_that_is_no_text_does_not_stop_the_reading(tmp_path):
    content = write_clip(tmp_path / "a.mp4").read_bytes()
    path = tmp_path / "b.mp4"
    path.write_bytes(content.replace(b"VideoHandler", b"Video\xffandler"))

    _, pictures = pictures_of(path)

    assert len(pictures) == 25


@pytest.mark.parametrize(
    "content",
    [b"", b"not a video at all", b"#EXTM3U\n#EXTINF:1,\na.mp4\n", b"ffconcat version 1.0\nfile a.mp4\n"],
)
def test_what_is_no_video_is_refused(tmp_path, content):
    write_clip(tmp_path / "a.mp4")  # what the playlist and the list point at
    path = tmp_path / "b.m3u8"
    path.write_bytes(content)

    with pytest.raises(DecodeError, match=r"b\.m3u8"):
        open_video(path)


def test_sound_alone_is_no_video(tmp_path, voice):
    with pytest.raises(DecodeError, match="holds no video"):
        open_video(voice)


@pytest.fixture
def voice(tmp_path):
    return write_voice(tmp_path / "voice.m4a", tone(0.5))


def pts_from(path, pts):
    with open_video(path) as source:
        source.begin_at(pts)
        return [picture.pts for picture in source]


def test_beginning_before_the_first_picture_reads_all(tmp_path):
    _, pictures = pictures_of(path := write_clip(tmp_path / "a.mp4"))

    assert pts_from(path, -1000) == pts_from(path, 0) == [picture.pts for picture in pictures]


def test_beginning_after_the_last_picture_reads_none(tmp_path):
    _, pictures = pictures_of(path := write_clip(tmp_path / "a.mp4"))

    assert pts_from(path, pictures[-1].pts + 1) == []


def test_it_can_begin_again_and_again(tmp_path):
    with open_video(write_clip(tmp_path / "a.mp4")) as source:
        times = [picture.pts for picture in source]
        for index in (20, 3, 11, 0):
            source.begin_at(times[index])
            assert [picture.pts for picture in source] == times[index:]


def test_beginning_late_does_not_read_all_that_comes_before(tmp_path):
    path = write_clip(tmp_path / "a.mkv", times=range(0, 120_000, 40), size=(64, 64), draw=plain_grey)
    begun = process_time()
    _, pictures = pictures_of(path)
    all_of_it = process_time() - begun

    begun = process_time()
    late = pts_from(path, pictures[-3].pts)
    the_end = process_time() - begun

    assert late == [picture.pts for picture in pictures[-3:]]
    assert the_end < all_of_it / 3


def test_a_rate_that_is_only_a_clocks_is_not_believed(tmp_path):
    with open_video(write(CORPUS["variable rate"], tmp_path / "a.mkv")) as source:
        assert source.rate == 30
