from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.quality import nothing_in_front
from benchmarks.tiers import detail
from worker.engines.swap.grain import noise_level
from worker.engines.swap.masks import CHEEKS_OF_SKIN, EYES, hulls
from worker.engines.swap.outline import REACH
from worker.engines.swap.portrait import Portrait, prepare, with_closed_mouth
from worker.engines.swap.quality import QUALITIES
from worker.engines.swap.render import Renderer, mixed
from worker.engines.swap.shape import MOST, transfer
from worker.engines.swap.skin import lab_of_rgb
from worker.engines.swap.texture import BentPhoto
from worker.faces import topology
from worker.faces.pose import reference
from worker.faces.smooth import Face, Sighting
from worker.faces.track import landmarks_of_photo
from worker.faces.views import rgb_of_yuv, yuv_of_rgb
from worker.media.picture import Picture, from_rgb, to_rgb
from worker.tests.faceclips import ASTRONAUT, HOPPER, box_of_face, portrait

TO_YUV, TO_RGB = yuv_of_rgb("bt709", False), rgb_of_yuv("bt709", False)


def prepared(path, face_height: float = 300) -> Portrait:
    photo = portrait(path)
    return prepare(photo, landmarks_of_photo(photo), face_height, TO_YUV)


def bent(path) -> BentPhoto:
    return BentPhoto(prepared(path))


def face_in(image: np.ndarray) -> Face:
    seen = Sighting.of(landmarks_of_photo(image))
    return Face(landmarks=seen.landmarks, pose=seen.pose, shape=seen.shape, presence=1.0, is_new=True)


def swap(
    image: np.ndarray,
    source: Portrait,
    *,
    face: Face | None = None,
    quality: str = "balanced",
    presence: float = 1.0,
) -> Picture:
    picture, face = from_rgb(image), face or face_in(image)
    faded = Face(**vars(face) | {"presence": presence})
    Renderer(BentPhoto(source), face.shape, TO_RGB, QUALITIES[quality]).render(picture, faded)
    return picture


def test_mixing_a_plane_with_itself_changes_nothing():
    rng = np.random.default_rng(5)
    plane = rng.integers(0, 256, (40, 60), np.uint8)

    out = mixed(plane, plane.astype(np.float32), rng.random((40, 60), np.float32))

    assert (out == plane).all()


def test_pixels_away_from_the_face_keep_every_bit():
    image = portrait(ASTRONAUT)
    before, after = from_rgb(image), swap(image, prepared(HOPPER))

    # Beside and below it makes room. The mask is half as fine as luma, its edge softened over one pixel.
    room = int(REACH * face_in(image).pose.scale) + 2
    left, top, right, bottom = np.add(box_of_face(image), (-room, -2, room, room))
    for old, new, half in zip(before.planes, after.planes, (1, 2, 2), strict=True):
        outside = np.ones(old.shape, bool)
        outside[top // half : bottom // half + 1, left // half : right // half + 1] = False
        assert (old[outside] == new[outside]).all()
        assert (old != new).any()


def test_pupils_stay_as_dark_as_the_photos_though_wrinkles_fade():
    image, photo = portrait(ASTRONAUT), portrait(HOPPER)

    after = swap(image, prepared(HOPPER))

    def black(luma: np.ndarray, points: np.ndarray) -> float:
        """Return the eyes' darkest tenth over the cheeks' brightness."""
        eyes, cheeks = (hulls(points, each, luma.shape) for each in (EYES, CHEEKS_OF_SKIN))
        return float(np.percentile(luma[eyes], 10) / np.median(luma[cheeks]))

    photos = black(from_rgb(photo).y, landmarks_of_photo(photo))
    assert black(after.y, landmarks_of_photo(image)) < photos + 0.1


def test_a_face_that_is_faded_out_keeps_every_bit():
    image = portrait(ASTRONAUT)

    after = swap(image, prepared(HOPPER), presence=0.0)

    assert all((old == new).all() for old, new in zip(from_rgb(image).planes, after.planes, strict=True))


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_photo_put_onto_itself_looks_the_same(quality):
    image = portrait(HOPPER)

    after = swap(image, prepared(HOPPER, 220), quality=quality)

    nose = face_in(image).landmarks[topology.NOSE_TIP].astype(int)
    middle = np.s_[nose[1] - 40 : nose[1] + 25, nose[0] - 45 : nose[0] + 45]
    before = from_rgb(image).y[middle].astype(int)
    assert np.abs(after.y[middle] - before).mean() < 7


def test_the_face_takes_on_the_clips_grain_but_in_fast():
    noise = np.random.default_rng(2).normal(0, 5, (*portrait(HOPPER).shape[:2], 1))
    image = np.clip(portrait(HOPPER) + noise, 0, 255).astype(np.uint8)
    cheeks = hulls(landmarks_of_photo(image), CHEEKS_OF_SKIN, image.shape[:2])

    grain = {
        quality: noise_level(swap(image, prepared(ASTRONAUT), quality=quality).y, cheeks)
        for quality in QUALITIES
    }

    assert grain["fast"] < 2.5  # rims, which stay the video's, pass along these cheeks
    assert grain["balanced"] == pytest.approx(5, abs=1)
    assert grain["max"] == pytest.approx(5, abs=1)


def test_max_keeps_more_of_the_photos_detail():
    image, source = portrait(ASTRONAUT), prepared(HOPPER)
    face = hulls(landmarks_of_photo(image), (topology.OVAL,), image.shape[:2])

    balanced, best = (swap(image, source, quality=each).y.astype(np.float32) for each in ("balanced", "max"))

    assert detail(best, face) > 1.05 * detail(balanced, face)


@pytest.mark.parametrize(("video", "photo"), [(ASTRONAUT, HOPPER), (HOPPER, ASTRONAUT)])
def test_each_cheek_takes_the_videos_colour(video, photo):
    image = portrait(video)
    result = to_rgb(swap(image, prepared(photo)))

    points = landmarks_of_photo(image)
    for cheek in CHEEKS_OF_SKIN:
        skin = hulls(points, (cheek,), image.shape[:2])
        old, new = (lab_of_rgb(each[skin].mean(axis=0)[None, None]) for each in (image, result))
        assert np.linalg.norm(old - new) < 8


def test_the_quality_benchmark_paints_over_what_is_in_front_in_the_same_light():
    image, source = portrait(ASTRONAUT), prepared(HOPPER)
    face = face_in(image)
    middle = face.landmarks[[topology.LOWER_LIP, topology.CHIN], :2].mean(axis=0).astype(int).tolist()
    held = cv2.circle(image.copy(), middle, 20, (56, 56, 60), -1)
    ball, near = (cv2.circle(np.zeros(image.shape[:2], np.uint8), middle, r, 1, -1) > 0 for r in (14, 34))

    shown = swap(held, source, face=face).y
    with nothing_in_front():
        painted = swap(held, source, face=face).y

    assert shown[ball].mean() < 70 < 110 < painted[ball].mean()
    beside = near & (shown == painted)
    assert beside.sum() > 0.5 * near.sum()


def test_the_photos_open_mouth_is_closed():
    photo = portrait(ASTRONAUT)
    points = landmarks_of_photo(photo)
    lips = (points[topology.UPPER_LIP, :2] + points[topology.LOWER_LIP, :2]) / 2
    teeth = np.s_[int(lips[1]) - 1 : int(lips[1]) + 2, int(lips[0]) - 8 : int(lips[0]) + 8]

    closed = with_closed_mouth(photo.astype(np.float32), points)

    assert closed[teeth].mean() < 0.75 * photo[teeth].mean()


def test_the_fringe_over_the_forehead_is_not_taken_along():
    source = prepared(ASTRONAUT)

    assert source.has_hair
    assert source.levels[0].cover.min() < 30


def test_a_smaller_face_is_bent_from_a_smaller_texture():
    source = prepared(HOPPER, 400)

    heights = [source.level_for(scale).luma.shape[0] for scale in (2.0, 1.0, 0.5, 0.25)]

    assert heights[0] == heights[1]
    assert heights[1] > heights[2] > heights[3]


def test_the_shape_moves_towards_the_photos_but_the_oval_stays_above_the_cheeks():
    one, other = (Sighting.of(landmarks_of_photo(portrait(path))).shape for path in (ASTRONAUT, HOPPER))
    one, other = (each[: topology.FACE_POINTS] for each in (one, other))

    shift = transfer(one, other)

    upper = topology.OVAL[reference()[topology.OVAL, 1] < 0.1]
    jaw = topology.OVAL[reference()[topology.OVAL, 1] > 0.5]
    assert np.abs(shift[upper]).max() == 0
    assert 0.02 < np.linalg.norm(shift[topology.OVAL], axis=1).max() <= MOST + 1e-9
    assert np.abs(shift[topology.NOSE_TIP]).max() > 0.01
    for group in (topology.RINGS_FROM_OVAL > 4, jaw):
        before, after = (
            np.linalg.norm((one - each)[group, :2], axis=1).mean() for each in (other, other + shift)
        )
        assert after < before
    assert transfer(one, one) == pytest.approx(0)


@pytest.mark.parametrize("zoom", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("place", [(-0.2, 0.5), (0.5, 0.5), (1.1, 0.9), (0.3, -0.1)])
def test_a_face_of_any_size_may_be_anywhere_even_half_outside(zoom, place):
    photo, landmarks = portrait(HOPPER), landmarks_of_photo(portrait(HOPPER)) * zoom
    shift = np.array(place) * (320, 240) - landmarks[topology.NOSE_TIP, :2]
    image = cv2.warpAffine(photo, np.float32([[zoom, 0, shift[0]], [0, zoom, shift[1]]]), (320, 240))
    seen = Sighting.of(landmarks + np.array([*shift, 0], np.float32))
    face = Face(landmarks=seen.landmarks, pose=seen.pose, shape=seen.shape, presence=1.0, is_new=True)
    picture = from_rgb(image)

    done = Renderer(bent(ASTRONAUT), face.shape, TO_RGB, QUALITIES["fast"]).render(picture, face)

    changed = any((old != new).any() for old, new in zip(from_rgb(image).planes, picture.planes, strict=True))
    assert changed == done
