from __future__ import annotations

import cv2
import numpy as np
import pytest

from worker.faces import jaw
from worker.faces.pose import Pose
from worker.tests.test_faces_smooth import face

UNIT, LIPS_AT = 100, 240 + 88  # pixels: an eye distance; below the lower lip the jaw begins
POSE = Pose(scale=UNIT, rotation=np.eye(3), shift=np.array([300.0, 240, 0]))
SHAPE = POSE.undo(face().astype(np.float64))
SKIN = cv2.GaussianBlur(np.random.default_rng(1).normal(130, 120, (480, 600)), (0, 0), 3)


def picture(down: float) -> np.ndarray:
    """Return luma whose skin, from the lip on, is that many pixels farther down; the neck stays."""
    move = np.array([[1, 0, 0], [0, 1, down]], np.float64)
    luma = cv2.warpAffine(SKIN, move, SKIN.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    chin = int(face()[jaw.CHIN, 1].mean() + down)
    luma[chin + 4 :] = 60
    return np.clip(luma, 0, 255).astype(np.uint8)


def chin_of(shape: np.ndarray) -> float:
    return float((shape[jaw.CHIN, 1] - SHAPE[jaw.CHIN, 1]).mean() * UNIT)


@pytest.mark.parametrize("down", [-6.0, 4.5, 12.0])
def test_the_chin_goes_where_the_picture_has_it(down):
    known, _ = jaw.follow(None, picture(0), POSE, SHAPE)

    _, moved = jaw.follow(known, picture(down), POSE, SHAPE)

    assert chin_of(moved) == pytest.approx(down * jaw.SHARES[jaw.CHIN].mean(), abs=0.5)
    assert (moved[jaw.SHARES.nonzero()[0], 1] != SHAPE[jaw.SHARES.nonzero()[0], 1]).all()
    assert (moved[:300][jaw.SHARES[:300] == 0] == SHAPE[:300][jaw.SHARES[:300] == 0]).all()


def test_a_chin_that_stays_is_left_alone():
    known, _ = jaw.follow(None, picture(0), POSE, SHAPE)

    _, moved = jaw.follow(known, picture(0), POSE, SHAPE)

    assert moved == pytest.approx(SHAPE, abs=4e-3)


@pytest.mark.parametrize(
    "hidden",
    [np.full((480, 600), 90, np.uint8), np.random.default_rng(2).integers(0, 255, (480, 600), np.uint8)],
)
def test_where_the_chin_is_hidden_the_mesh_is_believed(hidden):
    known, _ = jaw.follow(None, picture(0), POSE, SHAPE)

    learnt, moved = jaw.follow(known, hidden, POSE, SHAPE)

    assert moved == pytest.approx(SHAPE, abs=1e-3)
    assert (learnt.strip == known.strip).all()


def test_a_chin_beyond_the_picture_is_the_meshs():
    away = Pose(scale=UNIT, rotation=np.eye(3), shift=np.array([-900.0, 240, 0]))

    known, _ = jaw.follow(None, picture(0), away, SHAPE)
    _, moved = jaw.follow(known, picture(9), away, SHAPE)

    assert (moved == SHAPE).all()


def test_what_the_mesh_says_all_along_is_learnt():
    known, _ = jaw.follow(None, picture(0), POSE, SHAPE)
    lower = SHAPE.copy()
    lower[:468, 1] += 0.1 * jaw.SHARES

    for _ in range(60):
        known, moved = jaw.follow(known, picture(0), POSE, lower)

    assert chin_of(moved) == pytest.approx(10 * jaw.SHARES[jaw.CHIN].mean(), abs=0.6)
