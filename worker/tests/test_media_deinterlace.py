from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from worker.media.deinterlace import deinterlaced
from worker.media.picture import plane_view
from worker.media.source import open_video
from worker.tests.clipmaking import of_fields

FRAMES = 12
SIZE = (160, 128)


def woven(index, *, order, size):
    """Return a bar that goes right between the two fields of a picture: its edges are combed."""
    image = np.full((size[1], size[0], 3), 20, np.uint8)
    for field in (0, 1):
        late = field if order == "tff" else 1 - field
        left = 10 + 8 * index + 4 * late
        image[field::2, left : left + 20] = 220
    return image


def written(path, *, order=None, size=SIZE):
    options = {"preset": "ultrafast", "crf": "10"} | ({"x264-params": f"{order}=1"} if order else {})
    with av.open(str(path), "w") as output:
        track = output.add_stream("libx264", rate=25, options=options)
        (track.width, track.height), track.pix_fmt = size, "yuv420p"
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(woven(index, order=order or "tff", size=size), format="rgb24")
            frame = frame.reformat(format="yuv420p")
            output.mux(track.encode(of_fields(frame, order) if order else frame))
        output.mux(track.encode(None))
    return path


def combing(luma):
    """Return how much each line differs from the mean of its neighbours."""
    luma = luma.astype(int)
    return float(np.abs(2 * luma[1:-1] - luma[:-2] - luma[2:]).mean())


def pictures_of(path):
    with open_video(path) as source:
        return list(source)


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_interlaced_pictures_come_out_whole_as_many_and_when_they_were(tmp_path, order):
    path = written(tmp_path / "a.mp4", order=order)
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        combed = [combing(plane_view(frame.planes[0])) for frame in frames]

    pictures = pictures_of(path)

    assert min(combed) > 5
    assert max(combing(picture.y) for picture in pictures) < 1
    assert [picture.pts for picture in pictures] == [frame.pts for frame in frames]
    assert {picture.duration for picture in pictures} == {frame.duration for frame in frames}


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_the_field_that_came_first_is_the_one_kept(tmp_path, order):
    picture = pictures_of(written(tmp_path / "a.mp4", order=order))[5]

    bright = np.flatnonzero(picture.y[40] > 120)
    assert bright[0] == pytest.approx(10 + 8 * 5, abs=2)


def test_what_is_not_flagged_stays_as_it_is(tmp_path):
    pictures = pictures_of(written(tmp_path / "a.mp4"))

    assert min(combing(picture.y) for picture in pictures) > 5


def test_the_flag_may_come_and_go(tmp_path):
    """Broadcasts change between film and live pictures."""
    frames = one_after_another(
        written(tmp_path / "a.mp4"), written(tmp_path / "b.mp4", order="tff"), written(tmp_path / "c.mp4")
    )

    through = list(deinterlaced(frames, Fraction(1, 25)))

    assert [frame.pts for frame in through] == list(range(3 * FRAMES))
    combed = [combing(plane_view(frame.planes[0])) > 5 for frame in through]
    assert combed == [True] * FRAMES + [False] * FRAMES + [True] * FRAMES


def test_the_size_may_change(tmp_path):
    large, small = written(tmp_path / "a.mp4", order="tff"), tmp_path / "b.mp4"
    frames = one_after_another(large, written(small, order="tff", size=(128, 96)))

    through = list(deinterlaced(frames, Fraction(1, 25)))

    assert [frame.pts for frame in through] == list(range(2 * FRAMES))
    assert [frame.width for frame in through] == [160] * FRAMES + [128] * FRAMES


def one_after_another(*paths):
    """Return the frames of all files, their times counted on."""
    frames = []
    for path in paths:
        with av.open(str(path)) as container:
            frames += list(container.decode(video=0))
    for index, frame in enumerate(frames):
        frame.pts = index
    return frames
