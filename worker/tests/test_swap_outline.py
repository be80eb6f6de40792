from __future__ import annotations

import numpy as np
import pytest

from worker.engines.swap.outline import REACH, Outline
from worker.engines.swap.shape import OUTLINE, transfer
from worker.faces import topology
from worker.faces.pose import reference
from worker.faces.smooth import Face, Sighting
from worker.faces.track import landmarks_of_photo
from worker.media.picture import Picture, from_rgb, to_rgb
from worker.tests.faceclips import ASTRONAUT, HOPPER, portrait

EVERYWHERE = np.ones(topology.FACE_POINTS)
JAW = topology.OVAL[reference()[topology.OVAL, 1] > OUTLINE[1]]


def seen(image: np.ndarray, *, presence: float = 1.0) -> Face:
    sighting = Sighting.of(landmarks_of_photo(image))
    parts = {"landmarks": sighting.landmarks, "pose": sighting.pose, "shape": sighting.shape}
    return Face(**parts, presence=presence, is_new=True)


@pytest.fixture(scope="module")
def hopper() -> Face:
    return seen(portrait(HOPPER))


@pytest.fixture(scope="module")
def astronaut() -> Face:
    return seen(portrait(ASTRONAUT))


@pytest.fixture(scope="module")
def outline(hopper, astronaut) -> Outline:
    """What makes the astronaut's jaw hopper's."""
    return Outline(transfer(hopper.shape, astronaut.shape))


def ramps(size: tuple[int, int]) -> Picture:
    """Return a picture that tells where its pixels come from: luma by x, blue by x and red by y."""
    height, width = size
    y, x = np.mgrid[0:height, 0:width]
    half = np.s_[::2, ::2]
    planes = (x * 250 / width, x[half] * 250 / width, y[half] * 250 / height)
    return Picture(*(np.rint(plane).astype(np.uint8) for plane in planes))


def test_the_jaw_comes_nearer_to_the_photos(outline, astronaut, hopper):
    picture = from_rgb(portrait(ASTRONAUT))

    outline.reshaped(picture, astronaut, EVERYWHERE)

    def apart(face: Face) -> float:
        return float(np.linalg.norm((face.shape - hopper.shape)[JAW, :2], axis=1).mean())

    assert apart(seen(to_rgb(picture))) < 0.8 * apart(astronaut)


def test_the_face_is_told_to_be_where_it_was_moved_to(outline, astronaut):
    picture = ramps(portrait(ASTRONAUT).shape[:2])
    width = picture.y.shape[1]

    moved = outline.reshaped(picture, astronaut, 4 * EVERYWHERE)

    way = (moved.landmarks - astronaut.landmarks)[JAW, 0]
    assert np.abs(way).max() > 5
    for before, (x, y) in zip(astronaut.landmarks[JAW, 0], moved.landmarks[JAW, :2], strict=True):
        came_from = int(picture.y[round(y), round(x)]) * width / 250
        assert came_from == pytest.approx(before + round(x) - x, abs=1.5)


def test_colour_moves_with_light(outline, astronaut):
    """Both rise by 4 levels a pixel at the left of the jaw, so that half a pixel would show."""
    height, width = portrait(ASTRONAUT).shape[:2]
    rise = 4 * (np.arange(width) - astronaut.landmarks[JAW, 0].min()) + 128
    plane = np.tile(np.clip(np.rint(rise), 0, 255).astype(np.uint8), (height, 1))
    half = np.rint(plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))).astype(np.uint8)
    picture = Picture(plane.copy(), half.copy(), half.copy())

    outline.reshaped(picture, astronaut, 4 * EVERYWHERE)

    luma = picture.y.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    rising = (luma > 30) & (luma < 220)
    assert np.abs(luma - half)[rising].max() > 8
    for colour in (picture.u, picture.v):
        assert np.abs(luma - colour)[rising].max() <= 1


def test_what_is_far_off_or_above_the_cheeks_keeps_every_bit(outline, astronaut):
    picture = from_rgb(portrait(ASTRONAUT))

    outline.reshaped(picture, astronaut, EVERYWHERE)

    changed = picture.y != from_rgb(portrait(ASTRONAUT)).y
    low, high = (getattr(astronaut.landmarks[topology.OVAL, :2], name)(axis=0) for name in ("min", "max"))
    rows, columns = np.nonzero(changed)
    room = REACH * astronaut.pose.scale + 1
    assert low[0] - room < columns.min() < columns.max() < high[0] + room
    assert astronaut.landmarks[[*topology.LEFT_EYE, *topology.RIGHT_EYE], 1].mean() < rows.min()
    assert high[1] < rows.max() < high[1] + room


@pytest.mark.parametrize(("shown", "presence"), [(0.5, 1.0), (1.0, 0.5)])
def test_it_moves_as_far_as_the_face_is_shown(outline, astronaut, shown, presence):
    faded = seen(portrait(ASTRONAUT), presence=presence)
    whole, part = (
        outline.reshaped(from_rgb(portrait(ASTRONAUT)), face, EVERYWHERE * share).landmarks
        for face, share in ((astronaut, 1.0), (faded, shown))
    )

    assert part - astronaut.landmarks == pytest.approx((whole - astronaut.landmarks) / 2, abs=0.01)


def test_a_photo_of_the_same_shape_moves_nothing(astronaut):
    picture = from_rgb(portrait(ASTRONAUT))

    face = Outline(transfer(astronaut.shape, astronaut.shape)).reshaped(picture, astronaut, EVERYWHERE)

    assert face is astronaut
    assert all(
        (old == new).all()
        for old, new in zip(from_rgb(portrait(ASTRONAUT)).planes, picture.planes, strict=True)
    )
