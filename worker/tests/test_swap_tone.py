"""Light that is brought from the video to the photo's face."""

from __future__ import annotations

import numpy as np
import pytest

from worker.engines.swap.carried import Carried, movement
from worker.engines.swap.tone import Tone
from worker.faces.pose import reference

HEIGHT, WIDTH = 112, 90


def head(*, right: float = 0, down: float = 0, zoom: float = 1) -> np.ndarray:
    """Return a face's (478, 2) points on the map."""
    return reference()[:, :2] * 40 * zoom + (WIDTH / 2 + right, HEIGHT / 2 + down)


def mottled(strength: float) -> np.ndarray:
    """Return a grey (h, w, 3) face with wrinkles of that strength."""
    rng = np.random.default_rng(2)
    return (120 + strength * rng.standard_normal((HEIGHT, WIDTH, 3))).astype(np.float32)


@pytest.mark.parametrize(("video", "kept"), [(3, True), (25, False)])
def test_wrinkles_lose_contrast_where_the_video_has_none_but_eyes_never_do(video, kept):
    eyes = np.zeros((HEIGHT, WIDTH), np.float32)
    eyes[40:60, 30:60] = 1

    maps = Tone().match(mottled(video), mottled(20), 1 - eyes, eyes, head())

    gain = maps[..., 0]
    assert gain[50, 45] == pytest.approx(1 if kept else gain[90, 45], abs=0.05)
    assert gain[90, 45] == pytest.approx(0.55 if kept else 1.15, abs=0.05)


def test_what_is_remembered_goes_with_the_head():
    rng = np.random.default_rng(4)
    first, blank = rng.random((HEIGHT, WIDTH, 6), np.float32), np.zeros((HEIGHT, WIDTH, 6), np.float32)
    carried = Carried()
    carried.mixed(first, head(), 0.5)

    seen = carried.mixed(blank, head(right=5, down=-3), 0.5)

    assert seen[20:80, 20:80] == pytest.approx(first[23:83, 15:75] / 2, abs=1e-3)


def test_a_map_of_another_size_is_taken_on():
    carried = Carried()
    carried.mixed(np.ones((HEIGHT, WIDTH, 1), np.float32), head(), 0.5)

    seen = carried.mixed(np.zeros((HEIGHT - 4, WIDTH + 2, 1), np.float32), head(zoom=0.9), 0.5)

    assert seen.shape == (HEIGHT - 4, WIDTH + 2, 1)
    assert seen == pytest.approx(np.full(seen.shape, 0.5))


def test_a_head_that_turns_is_followed():
    before = head()
    turned = before @ np.array([[0.95, 0.2], [-0.2, 0.95]]) + (3, 4)

    way = movement(before, turned)

    assert np.column_stack([before, np.ones(len(before))]) @ way.T == pytest.approx(turned)
