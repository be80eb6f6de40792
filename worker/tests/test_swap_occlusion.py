from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from worker.engines.swap.occlusion import Occlusion
from worker.engines.swap.skin import Skin, lab_of_rgb
from worker.faces import topology
from worker.faces.track import landmarks_of_photo
from worker.tests.faceclips import ASTRONAUT, HOPPER, box_of_face, portrait

SIDE = 112  # pixels: what occlusion is judged at


@cache
def small_face(path) -> tuple[np.ndarray, np.ndarray]:
    """Return the face of a sample as float32 RGB, its longer side SIDE, and its points there."""
    photo, (left, top, right, bottom) = portrait(path), box_of_face(portrait(path))
    left, top, right, bottom = left - 12, top - 12, right + 12, bottom + 12
    zoom = SIDE / max(right - left, bottom - top)
    face = cv2.resize(photo[top:bottom, left:right], None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    return face.astype(np.float32), (landmarks_of_photo(photo)[:, :2] - (left, top)) * zoom


def covered(images: list[np.ndarray], points: np.ndarray) -> np.ndarray:
    """Return what is found to be in front in the last of these frames."""
    skin, occlusion = Skin(), Occlusion()
    for image in images:
        lab = lab_of_rgb(image)
        found = occlusion.find(skin.strangeness(lab, points), skin.greyness(lab), points)
    return found


def with_ball(
    image: np.ndarray, points: np.ndarray, rgb: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the face with a ball over lips and chin, and where that is."""
    lips, chin = points[topology.LOWER_LIP], points[topology.CHIN]
    middle, radius = (lips + chin) / 2, int(np.linalg.norm(chin - lips) / 2) + 3
    mask = cv2.circle(np.zeros(image.shape[:2], np.uint8), middle.astype(int).tolist(), radius, 1, -1) > 0
    held = image.copy()
    held[mask] = rgb
    return held, mask


def middle_of(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the lower part of the face, well inside, where no hair is."""
    low = points[[topology.NOSE_TIP, 205, 425, 199, topology.LOWER_LIP]].astype(np.int32)
    return cv2.fillConvexPoly(np.zeros(size, np.uint8), cv2.convexHull(low), 1) > 0


def test_what_is_in_front_is_remembered_where_the_head_is_now():
    image, points = small_face(ASTRONAUT)
    still, moved = (Occlusion() for _ in range(2))
    skin, (down, right) = Skin(), (6, 4)
    lab = lab_of_rgb(image)
    strange, grey = skin.strangeness(lab, points), skin.greyness(lab)
    for occlusion in (still, moved):
        occlusion.find(strange, grey, points)

    there = still.find(strange, grey, points)
    strange, grey = (np.roll(each, (down, right), (0, 1)) for each in (strange, grey))
    here = moved.find(strange, grey, np.add(points, (right, down)))

    inner = np.s_[20:-20, 20:-20]
    assert there[inner].max() > 0.5
    assert np.abs(np.roll(there, (down, right), (0, 1)) - here)[inner].mean() < 0.02


@pytest.mark.parametrize("path", [ASTRONAUT, HOPPER])
def test_a_microphone_before_the_mouth_stays_in_front_lips_and_all(path):
    image, points = small_face(path)
    held, ball = with_ball(image, points, (56, 56, 60))

    found = covered([held] * 4, points)

    assert found[cv2.erode(ball.astype(np.uint8), np.ones((5, 5))) > 0].mean() > 0.9
    assert (
        found[
            middle_of(points, ball.shape) & ~cv2.dilate(ball.astype(np.uint8), np.ones((9, 9))).astype(bool)
        ].mean()
        < 0.1
    )


@pytest.mark.parametrize("light", [1.0, 0.15])
@pytest.mark.parametrize("path", [ASTRONAUT, HOPPER])
def test_the_middle_of_a_bare_face_is_never_covered_even_half_in_shadow(path, light):
    image, points = small_face(path)
    shaded = image * np.linspace(light, 1, image.shape[1], dtype=np.float32)[None, :, None]

    found = covered([shaded] * 4, points)

    assert found[middle_of(points, found.shape)].max() < 0.05


def test_what_is_held_before_the_cheeks_does_not_become_the_skin():
    image, points = small_face(ASTRONAUT)
    held = image.copy()
    held[int(points[topology.NOSE_TIP, 1]) - 12 :] = (150, 120, 190)
    skin = Skin()
    skin.strangeness(lab_of_rgb(image), points)
    before = skin.median

    for _ in range(15):
        skin.strangeness(lab_of_rgb(held), points)

    assert np.abs(skin.median - before).max() < 8


def test_skin_follows_a_light_that_fades():
    image, points = small_face(ASTRONAUT)
    skin = Skin()

    for light in np.linspace(1, 0.2, 60):
        found = skin.strangeness(lab_of_rgb(image * np.float32(light)), points)

    cheek = points[205].astype(int)
    assert found[cheek[1], cheek[0]] < 1


def test_skin_in_deep_shadow_is_not_grey():
    image, points = small_face(HOPPER)
    skin = Skin()
    skin.strangeness(lab_of_rgb(image), points)

    found = skin.greyness(lab_of_rgb(image * np.float32(0.1)))

    cheek = points[205].astype(int)
    assert found[cheek[1] - 2 : cheek[1] + 3, cheek[0] - 2 : cheek[0] + 3].max() < 0.1
