from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from worker.engines.swap.masks import BROWS, FEATURES, hulls
from worker.engines.swap.quality import QUALITIES
from worker.engines.swap.render import Renderer
from worker.engines.swap.sharpness import LEAST, softened, softness
from worker.faces.smooth import Face
from worker.media.picture import Picture, from_rgb
from worker.tests.faceclips import ASTRONAUT, HOPPER, portrait
from worker.tests.test_swap_render import TO_RGB, bent, face_in


def blurred(image: np.ndarray, spread: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), spread) if spread else image


@pytest.fixture(scope="module")
def astronaut() -> Face:
    return face_in(portrait(ASTRONAUT))


@pytest.fixture(scope="module")
def renderer(astronaut: Face) -> Renderer:
    return Renderer(bent(HOPPER), astronaut.shape, TO_RGB, QUALITIES["balanced"])


def softness_of(picture: Picture, face: Face) -> float:
    soft = softness(picture.y, hulls(face.landmarks, (*FEATURES, *BROWS), picture.y.shape, 0.004))
    assert soft is not None
    return soft


def swapped(renderer: Renderer, face: Face, spread: float) -> Picture:
    picture = from_rgb(blurred(portrait(ASTRONAUT), spread))
    assert renderer.render(picture, face)
    return picture


@pytest.mark.parametrize("spread", [1.0, 1.5, 2.5])
@pytest.mark.parametrize("noise", [0, 3])
def test_blurs_are_told_by_their_variance_through_noise(astronaut, spread, noise):
    grain = np.random.default_rng(1).normal(0, noise, portrait(ASTRONAUT).shape[:2])

    soft = []
    for each in (0, spread):
        picture = from_rgb(blurred(portrait(ASTRONAUT), each))
        noisy = np.clip(picture.y + grain, 0, 255)
        soft.append(softness_of(Picture(noisy, picture.u, picture.v), astronaut))

    assert 0.5 * spread**2 < soft[1] - soft[0] < 1.2 * spread**2


@pytest.mark.parametrize("spread", [1.5, 2.5, 3.0])
def test_the_new_face_is_as_soft_as_a_soft_clip_from_its_first_picture_on(renderer, astronaut, spread):
    picture = swapped(renderer, astronaut, spread)

    clip = softness_of(from_rgb(blurred(portrait(ASTRONAUT), spread)), astronaut)
    assert 0.5 < softness_of(picture, astronaut) / clip < 1.25


def test_a_sharp_clip_leaves_the_new_face_sharp(renderer, astronaut):
    unmatched = Renderer(
        renderer.texture, astronaut.shape, TO_RGB, replace(renderer.quality, has_finish=False)
    )

    picture, untouched = (swapped(each, astronaut, 0) for each in (renderer, unmatched))

    assert renderer.sharpness.lacking is not None
    assert renderer.sharpness.lacking < LEAST
    assert softness_of(picture, astronaut) < softness_of(untouched, astronaut) + 0.1


def test_a_sharp_scene_after_a_soft_one_is_sharp_at_once(renderer, astronaut):
    swapped(renderer, astronaut, 3.0)
    after = swapped(renderer, astronaut, 0)

    assert softness_of(after, astronaut) < 2.5


def test_sharpening_undoes_a_slight_blur(astronaut):
    image = from_rgb(portrait(ASTRONAUT))
    soft = cv2.GaussianBlur(image.y.astype(np.float32), (0, 0), 0.7)

    sharpened = softened(soft, -0.49)

    apart = [np.abs(each - image.y).mean() for each in (soft, sharpened)]
    assert apart[1] < 0.8 * apart[0]


def test_a_flat_area_says_nothing_about_sharpness():
    assert softness(np.full((40, 40), 90, np.uint8), np.zeros((40, 40), bool)) is None
