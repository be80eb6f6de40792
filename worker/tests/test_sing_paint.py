from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import Delaunay

from worker.engines.sing.canvas import frame_portrait
from worker.engines.sing.expression import Expression
from worker.engines.sing.paint import Painter
from worker.engines.sing.rig import triangulated
from worker.faces import topology
from worker.faces.track import landmarks_of_photo
from worker.media.photo import read_photo
from worker.tests.samples import ASTRONAUT, HOPPER

REST = {
    "opening": 0,
    "width": 0,
    "blink": 0,
    "brows": 0,
    "turn": np.zeros(3),
    "shift": np.zeros(2),
    "zoom": 1,
}


@pytest.fixture(scope="module")
def photo():
    return read_photo(HOPPER)


@pytest.fixture(scope="module")
def landmarks(photo):
    return landmarks_of_photo(photo)


@pytest.fixture(scope="module")
def painter(photo, landmarks):
    return Painter(frame_portrait(photo, landmarks, aspect_ratio="1:1", quality="fast"), "fast")


def difference(one, other):
    return np.abs(one.y.astype(int) - other.y)


def test_at_rest_the_portrait_looks_as_it_was(painter):
    picture = painter.paint(Expression(**REST), 5)

    assert picture.pts == 5
    assert difference(picture, painter.still).mean() < 1
    assert np.percentile(difference(picture, painter.still), 99.5) < 20


def test_only_the_moving_box_changes(painter):
    picture = painter.paint(Expression(**REST | {"turn": np.array([0.1, 0.2, 0.05])}), 0)

    changed = difference(picture, painter.still) > 0
    assert changed.any()
    painter.box.of(changed)[:] = False
    assert not changed.any()


def test_the_mouth_opens_dark_and_the_lids_close(painter):
    still = painter.paint(Expression(**REST), 0)
    sung = painter.paint(Expression(**REST | {"opening": 1.0}), 0)
    points = painter.rig.points(Expression(**REST | {"opening": 1.0}))
    x, y = np.rint(points[[topology.UPPER_LIP, topology.LOWER_LIP], :2].mean(axis=0)).astype(int)

    assert sung.y[y - 2 : y + 3, x - 4 : x + 5].mean() < 0.6 * still.y[y - 2 : y + 3, x - 4 : x + 5].mean()
    shut = painter.rig.points(Expression(**REST | {"blink": 1.0}))
    assert abs(shut[159, 1] - shut[145, 1]) < 0.15 * abs(points[159, 1] - points[145, 1])


def test_the_lips_of_a_photo_that_smiles_meet_when_shut(smiling):
    points = smiling.rig.points(Expression(**REST))[:, :2]

    gap = np.linalg.norm(points[topology.UPPER_LIP] - points[topology.LOWER_LIP])
    assert gap < 0.02 * smiling.rig.pose.scale


@pytest.fixture
def smiling():
    photo = read_photo(ASTRONAUT)
    canvas = frame_portrait(photo, landmarks_of_photo(photo), aspect_ratio="original", quality="fast")
    return Painter(canvas, "fast")


def test_points_are_triangulated_as_scipy_does():
    points = np.random.default_rng(0).uniform(-300, 900, (400, 2)).astype(np.float32)

    triangles = {frozenset(corners) for corners in triangulated(points).tolist()}

    expected = {frozenset(corners) for corners in Delaunay(points).simplices.tolist()}
    assert len(triangles & expected) > 0.98 * len(expected)  # some slivers at the hull are left out
    assert triangles <= expected


@pytest.mark.parametrize("aspect_ratio", ["9:16", "1:1", "4:5", "original"])
def test_the_face_lies_in_the_frame_where_the_landmarks_say(photo, landmarks, aspect_ratio):
    canvas = frame_portrait(photo, landmarks, aspect_ratio=aspect_ratio, quality="balanced")

    found = landmarks_of_photo(canvas.image)

    size = np.ptp(canvas.landmarks[:, 1])
    assert np.abs(found - canvas.landmarks)[:, :2].max() < 0.04 * size
    assert min(canvas.image.shape[:2]) == 720


def test_a_tight_photo_is_given_room_for_the_face(photo, landmarks):
    face = landmarks[:, :2].astype(int)
    left, top = face.min(axis=0) - 10
    tight = photo[top : face[:, 1].max() + 10, left : face[:, 0].max() + 10]

    canvas = frame_portrait(tight, landmarks - (left, top, 0), aspect_ratio="9:16", quality="fast")

    width = np.ptp(canvas.landmarks[:, 0])
    assert canvas.image.shape[:2] == (960, 540)
    assert width * 1.1 < 540
