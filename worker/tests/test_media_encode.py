from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from worker.media import encode
from worker.media.encode import Encoder, Encoding
from worker.media.picture import HD, Picture

PICTURES = 24


def flat(width: int, height: int) -> Picture:
    chroma = np.full((height // 2, width // 2), 128, np.uint8)
    return Picture(np.full((height, width), 90, np.uint8), chroma, chroma)


def most_that_wait(path, width: int, height: int, quality: str) -> int:
    """Return how many pictures the encoder held at most while it was given `PICTURES`."""
    encoder = Encoder(
        path,
        Encoding(
            width=width,
            height=height,
            rate=Fraction(25),
            time_base=Fraction(1, 25),
            colour=HD,
            quality=quality,
        ),
    )
    waiting = []
    for pts in range(PICTURES):
        encoder.write(flat(width, height), pts)
        waiting.append(len(encoder._order))
    encoder.finish()
    return max(waiting)


@pytest.mark.parametrize("quality", ["balanced", "max"])
def test_few_pictures_of_4k_wait_in_the_encoder(quality, tmp_path):
    path = tmp_path / "large.mp4"

    assert most_that_wait(path, 3840, 2160, quality) <= 10
    with av.open(str(path)) as result:
        assert sum(1 for _ in result.decode(video=0)) == PICTURES


@pytest.mark.parametrize("quality", ["balanced", "max"])
def test_more_of_smaller_ones_may(quality, tmp_path, monkeypatch):
    monkeypatch.setattr(encode, "THREADS", 2)

    assert 10 < most_that_wait(tmp_path / "small.mp4", 640, 360, quality) < 20


def test_a_thread_less_lets_a_picture_less_wait(tmp_path, monkeypatch):
    waited = {}
    for threads in (2, 4):
        monkeypatch.setattr(encode, "THREADS", threads)
        waited[threads] = most_that_wait(tmp_path / "small.mp4", 640, 360, "fast")

    assert waited[4] - waited[2] == 2


def test_many_cores_take_no_more_memory():
    assert encode.THREADS <= 4
