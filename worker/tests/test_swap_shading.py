from __future__ import annotations

import numpy as np
import pytest

from worker.engines.swap.masks import CHEEKS_OF_SKIN
from worker.engines.swap.portrait import prepare
from worker.engines.swap.shading import evened, log_brightness, normals_of, spread_over
from worker.faces import topology
from worker.faces.pose import pose_of
from worker.faces.track import landmarks_of_photo
from worker.tests.faceclips import ASTRONAUT, HOPPER, portrait
from worker.tests.test_swap_render import TO_YUV

AMBIENT = 0.55


def lit_from(side: float, photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the photo, float32, under a lamp to one side, 1 the image's right, as matt skin would look."""
    normals = normals_of(pose_of(points).undo(points.astype(float))[: topology.FACE_POINTS])
    lamp = np.array([0.85 * side, -0.1, -0.5])
    light = AMBIENT + (1 - AMBIENT) * np.maximum(0, normals @ lamp)
    return photo * np.exp(spread_over(photo, points, np.log(light), 8))[..., None]


def leaning(image: np.ndarray, points: np.ndarray) -> float:
    """Return the logarithm of how much brighter the left cheek is than the right."""
    light = log_brightness(image.astype(np.float32), points, 3)
    return float(light[CHEEKS_OF_SKIN[0]].mean() - light[CHEEKS_OF_SKIN[1]].mean())


@pytest.mark.parametrize("path", [ASTRONAUT, HOPPER])
@pytest.mark.parametrize("side", [1, -1])
def test_light_from_one_side_is_taken_out(path, side):
    photo, points = portrait(path), landmarks_of_photo(portrait(path))
    lit = lit_from(side, photo, points).astype(np.float32)

    after = evened(lit, points)

    light = leaning(lit, points) - leaning(photo, points)
    assert abs(light) > 0.25
    assert abs(leaning(after, points)) < 0.4 * abs(light)


def test_a_photo_lit_evenly_stays_as_it_is():
    photo, points = portrait(HOPPER).astype(np.float32), landmarks_of_photo(portrait(HOPPER))

    after = evened(photo, points)

    left, top = points[topology.OVAL, :2].min(axis=0).astype(int)
    right, bottom = points[topology.OVAL, :2].max(axis=0).astype(int)
    face = np.s_[top:bottom, left:right]
    assert np.abs(after[face] - photo[face]).mean() < 8


def test_a_side_light_is_gone_from_the_prepared_portrait():
    photo, points = portrait(HOPPER), landmarks_of_photo(portrait(HOPPER))
    lit = lit_from(1, photo, points).astype(np.uint8)

    luma = prepare(lit, points, 300, TO_YUV).levels[0].luma
    values = prepare(lit, points, 300, TO_YUV).values

    places = points.copy()
    places[:, :2] = values[:, :2] * (luma.shape[1], luma.shape[0]) - 0.5
    assert abs(leaning(luma[..., None].repeat(3, axis=2), places)) < 0.13
