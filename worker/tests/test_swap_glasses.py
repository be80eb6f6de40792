from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from worker.engines.swap.glasses import Glasses
from worker.engines.swap.quality import QUALITIES
from worker.engines.swap.render import Renderer
from worker.faces import topology
from worker.faces.pose import Pose
from worker.faces.smooth import Face
from worker.media.picture import from_rgb
from worker.tests.faceclips import ASTRONAUT, HOPPER, portrait
from worker.tests.test_swap_render import TO_RGB, bent, face_in

RIM, RADIUS = 0.035, 0.22  # in eye distances


@cache
def bare() -> Face:
    return face_in(portrait(ASTRONAUT))


@cache
def drawn(parts: str = "rims and bridge") -> tuple[np.ndarray, np.ndarray]:
    """Return the astronaut with those parts of round dark glasses, and the bool mask of them."""
    points = bare().landmarks[:, :2]
    left, right = (points[eye].mean(axis=0) for eye in (topology.LEFT_EYE_AREA, topology.RIGHT_EYE_AREA))
    unit = bare().pose.scale
    radius, wide = round(RADIUS * unit), round(RIM * unit)
    frame = np.zeros(portrait(ASTRONAUT).shape[:2], np.uint8)
    if "rims" in parts:
        for middle in (left, right):
            cv2.circle(
                frame, np.rint(middle).astype(int).tolist(), round(RADIUS * unit), 1, round(RIM * unit)
            )
    if "bridge" in parts:
        aside = np.array([radius, 0])
        ends = left + aside, right - aside
        cv2.line(frame, *(np.rint(end).astype(int).tolist() for end in ends), 1, wide)
    image = portrait(ASTRONAUT).copy()
    image[frame > 0] = 40
    return image, frame > 0


def watched(*images: np.ndarray, pose: Pose | None = None) -> Glasses:
    glasses = Glasses()
    for image in images:
        glasses.look(from_rgb(image).y, pose or bare().pose)
    return glasses


def change(image: np.ndarray, source) -> np.ndarray:
    """Return how much the swap changes the picture's luma, in levels."""
    picture = from_rgb(image)
    Renderer(bent(source), bare().shape, TO_RGB, QUALITIES["balanced"]).render(picture, bare())
    return np.abs(picture.y.astype(int) - from_rgb(image).y)


def eye() -> tuple[slice, slice]:
    x, y = bare().landmarks[topology.LEFT_IRIS, :2].astype(int)
    return np.s_[y - 6 : y + 7, x - 10 : x + 11]


def test_real_glasses_are_seen_at_once():
    image = portrait(HOPPER)

    assert watched(image, pose=face_in(image).pose).share == 1


@pytest.mark.parametrize("light", [1.0, 0.25])
@pytest.mark.parametrize("zoom", [1.0, 0.4])
def test_a_bare_face_has_none_not_even_half_in_shadow(zoom, light):
    image = cv2.resize(portrait(ASTRONAUT), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    image = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    pose, shade = face_in(image).pose, np.linspace(light, 1, image.shape[1])[None, :, None]

    glasses = watched(*[(image * shade).astype(np.uint8)] * 20, pose=pose)

    assert glasses.share == 0
    assert not glasses.mask(pose, image.shape[:2]).any()


@pytest.mark.parametrize("parts", ["rims", "bridge"])
def test_what_is_no_whole_pair_is_none(parts):
    assert watched(drawn()[0]).share == 1
    assert watched(drawn(parts)[0]).share == 0


def test_the_frame_stays_the_videos_and_the_eyes_are_the_photos():
    image, frame = drawn()
    plain = change(portrait(ASTRONAUT), ASTRONAUT)[eye()]

    changed = change(image, ASTRONAUT)

    assert changed[frame].mean() < 4
    assert changed[frame].max() < 25
    assert changed[eye()].mean() > 0.7 * plain.mean()


def test_where_the_photo_wears_some_too_the_lenses_stay_the_videos():
    image, frame = drawn()

    changed = change(image, HOPPER)

    assert changed[frame].mean() < 2
    assert changed[eye()].max() <= 1
    nose = bare().landmarks[topology.NOSE_TIP, :2].astype(int)
    assert changed[nose[1] : nose[1] + 12, nose[0] - 12 : nose[0] + 13].mean() > 5


def test_a_moment_without_them_does_not_take_them_off():
    image = drawn()[0]

    shares = [watched(*[image] * 16, *[portrait(ASTRONAUT)] * count).share for count in (1, 4, 60)]

    assert shares == [1, 1, 0]


def test_they_come_slowly():
    shares = [watched(portrait(ASTRONAUT), *[drawn()[0]] * count).share for count in range(0, 60, 3)]

    assert shares[0] == 0
    assert shares[-1] == 1
    assert max(np.diff(shares)) < 0.4


@pytest.mark.parametrize("radians", [0.3, 0.7])
def test_a_head_turned_aside_does_not_take_them_off(radians):
    turn = bare().pose.rotation @ cv2.Rodrigues(np.array([0, radians, 0]))[0]
    glasses = watched(drawn()[0])
    before = glasses.frame

    for _ in range(60):
        glasses.look(from_rgb(portrait(ASTRONAUT)).y, replace(bare().pose, rotation=turn))

    assert glasses.share == 1
    assert radians < 0.5 or glasses.frame == pytest.approx(before, abs=0.01)


def test_another_scene_is_looked_at_anew():
    renderer = Renderer(bent(HOPPER), bare().shape, TO_RGB, QUALITIES["balanced"])
    for image in (drawn()[0], portrait(ASTRONAUT)):
        renderer.render(from_rgb(image), bare())  # both are new

    assert renderer.glasses.own.share == 0


def test_a_job_that_goes_on_knows_them():
    renderer, other = (Renderer(bent(HOPPER), bare().shape, TO_RGB, QUALITIES["fast"]) for _ in range(2))
    image, old = drawn()[0], replace(bare(), is_new=False)
    for _ in range(3):
        renderer.render(from_rgb(image), old)

    other.take_up(renderer.put_aside())

    for mine, theirs in (
        (renderer.glasses.own, other.glasses.own),
        (renderer.glasses.photos, other.glasses.photos),
    ):
        masks = [each.mask(old.pose, (512, 512), with_lenses=True) for each in (mine, theirs)]
        assert masks[0].any()
        assert (masks[0] == masks[1]).all()
