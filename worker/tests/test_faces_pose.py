from __future__ import annotations

import numpy as np
import pytest

from worker.faces import topology
from worker.faces.pose import fit, pose_of, reference


def turn(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def test_a_known_similarity_is_recovered():
    points = np.random.default_rng(1).normal(size=(40, 3))
    moved = 3.5 * points @ turn(20).T + (7, -2, 1)

    pose = fit(points, moved)

    assert pose.scale == pytest.approx(3.5)
    assert pose.rotation == pytest.approx(turn(20))
    assert pose.shift == pytest.approx(np.array([7, -2, 1]))
    assert pose.undo(pose.apply(points)) == pytest.approx(points)


def test_a_fit_never_mirrors_a_face():
    flat = np.random.default_rng(2).normal(size=(40, 3)) * (1, 1, 0.01)

    pose = fit(flat, flat * (-1, 1, 1))

    assert np.linalg.det(pose.rotation) == pytest.approx(1)


def test_points_in_one_place_have_no_pose():
    with pytest.raises(ValueError, match="coincide"):
        fit(np.zeros((5, 3)), np.ones((5, 3)))


def test_the_reference_face_is_its_own_mirror_image():
    face = reference()

    assert face[topology.MIRROR] * (-1, 1, 1) == pytest.approx(face, abs=1e-5)
    assert face[topology.RIGHT_EYE_CORNER, 0] - face[topology.LEFT_EYE_CORNER, 0] == pytest.approx(
        1, abs=1e-5
    )


@pytest.mark.parametrize("yaw", [-30, 0, 25])
def test_the_yaw_of_a_turned_head_is_read(yaw):
    face = 100 * reference() @ turn(yaw).T + (320, 240, 0)

    assert np.degrees(pose_of(face).yaw) == pytest.approx(yaw, abs=0.1)
