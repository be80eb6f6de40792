from __future__ import annotations

import numpy as np

from worker.faces.raster import rasterize


def square(left: float, top: float, side: float, depth: float) -> np.ndarray:
    corners = [(left, top), (left + side, top), (left, top + side), (left + side, top + side)]
    return np.array([(x, y, depth) for x, y in corners])


TWO = np.array([[0, 1, 2], [1, 3, 2]], np.int32)


def test_values_that_are_positions_land_where_they_are():
    points = square(0, 0, 19, depth=25)
    values = (points + 0.5) / 20 * (1, 1, 0)

    drawn = rasterize(points, TWO, values, width=20, height=20)

    y, x = np.mgrid[1:19, 1:19]
    np.testing.assert_allclose(drawn[1:19, 1:19, 0] * 20 - 0.5, x, atol=1e-3)
    np.testing.assert_allclose(drawn[1:19, 1:19, 1] * 20 - 0.5, y, atol=1e-3)


def test_pixels_without_a_triangle_are_minus_one():
    drawn = rasterize(square(4, 4, 5, 0), TWO, np.zeros((4, 3)), width=20, height=16)

    assert drawn.shape == (16, 20, 3)
    assert (drawn[:4] == -1).all()
    assert (drawn[5:8, 5:8] == 0).all()


def test_the_nearer_triangle_hides_the_farther_in_any_order():
    near, far = square(0, 0, 9, -5), square(0, 0, 9, 5)
    values = np.repeat([[1.0, 0, 0], [0, 1, 0]], 4, axis=0)

    for first, second, colours in ((near, far, values), (far, near, values[::-1])):
        drawn = rasterize(
            np.concatenate([first, second]), np.concatenate([TWO, TWO + 4]), colours, width=10, height=10
        )

        assert (drawn[4, 4] == (1, 0, 0)).all()
