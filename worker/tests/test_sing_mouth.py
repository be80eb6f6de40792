from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from worker.engines.sing.canvas import Canvas, frame_portrait
from worker.engines.sing.expression import Expression
from worker.engines.sing.light import light_on
from worker.engines.sing.mouth import box_round, filled
from worker.engines.sing.paint import Painter
from worker.faces import topology
from worker.faces.track import landmarks_of_photo
from worker.media.photo import read_photo
from worker.media.picture import to_rgb
from worker.tests.samples import ASTRONAUT, HOPPER


def wish(**given) -> Expression:
    rest = dict.fromkeys(("opening", "width", "blink", "brows"), 0.0)
    return Expression(**rest | {"turn": np.zeros(3), "shift": np.zeros(2), "zoom": 1.0} | given)


def canvas_of(path, quality="balanced", aspect_ratio="1:1") -> Canvas:
    photo = read_photo(path)
    return frame_portrait(photo, landmarks_of_photo(photo), aspect_ratio=aspect_ratio, quality=quality)


@pytest.fixture(scope="module")
def hopper() -> Canvas:
    return canvas_of(HOPPER)


@pytest.fixture(scope="module")
def astronaut() -> Canvas:
    return canvas_of(ASTRONAUT)


@pytest.fixture(scope="module")
def painter(hopper) -> Painter:
    return Painter(hopper, "balanced")


@pytest.fixture(scope="module")
def smiling(astronaut) -> Painter:
    return Painter(astronaut, "balanced")


def under(canvas: Canvas, light) -> Painter:
    """Return the painter of the portrait with its pixels times `light`."""
    lit = np.clip(canvas.image * np.asarray(light, np.float32), 0, 255).astype(np.uint8)
    return Painter(Canvas(image=lit, landmarks=canvas.landmarks), "balanced")


def where(painter: Painter, name: str, expression: Expression) -> np.ndarray:
    """Return (H, W) bool: the pixels of the picture in which that drawn row shows, by dyeing it green."""
    row = painter.mouth.rows[name]
    plain = row.copy()
    row[..., :3] = 0, 255, 0
    try:
        inside = painter.mouth.inside(painter.rig.points(expression), expression)
    finally:
        row[:] = plain
    shown = np.zeros(painter.still.y.shape, bool)
    inside.box.of(shown)[:] = (inside.patch[..., 1] > 6 * inside.patch[..., 0]) & (inside.cover > 0.9)
    return shown


def colour(painter: Painter, shown: np.ndarray, expression: Expression) -> np.ndarray:
    return to_rgb(painter.paint(expression, 0))[shown].mean(axis=0)


@pytest.mark.parametrize("light", [(0.6, 0.6, 0.6), (1.0, 0.85, 0.65), (0.7, 0.8, 1.0)])
def test_teeth_take_on_the_light_of_the_photo(hopper, painter, light):
    sung = wish(opening=0.6)
    shown = where(painter, "upper", sung)

    ratio = colour(under(hopper, light), shown, sung) / colour(painter, shown, sung)

    for channel, given in zip(ratio, light, strict=True):
        assert given - 0.08 < channel < given + 0.5 * (1 - given) + 0.08


def test_teeth_are_neither_grey_nor_brighter_than_the_skin(painter):
    sung = wish(opening=0.6)

    teeth = colour(painter, where(painter, "upper", sung), sung)

    x, y = np.rint(painter.rig.still[topology.CHIN, :2]).astype(int)
    skin = painter.mouth.image[y - 40 : y - 20, x - 20 : x + 20].mean(axis=(0, 1))
    warmth = (teeth[0] / teeth[2]) / (skin[0] / skin[2])
    assert 0.75 < warmth < 1
    assert 0.45 * skin[0] < teeth[0] < skin[0]


def test_light_from_one_side_falls_on_that_side_of_the_teeth(hopper):
    ramp = np.linspace(0.5, 1.3, hopper.image.shape[1])[None, :, None]
    from_right, from_left = (under(hopper, light).mouth.rows["upper"] for light in (ramp, ramp[:, ::-1]))

    assert lean(from_right) > 1.12 * lean(from_left)


def lean(row: np.ndarray) -> float:
    """Return how much lighter the right half of a row is than its left."""
    middle = row.shape[1] // 2
    return row[:, middle:, 1].sum() / row[:, :middle, 1].sum()


@pytest.mark.parametrize("width", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("yaw", [-0.25, 0.0, 0.25])
def test_the_upper_lip_throws_a_soft_shadow(painter, monkeypatch, width, yaw):
    given = wish(opening=0.7, width=width, turn=np.array([0, yaw, 0]))
    points = painter.rig.points(given)
    lit = painter.mouth.inside(points, given)
    monkeypatch.setattr(painter.mouth, "shaded", lambda patch, points: patch)
    plain = painter.mouth.inside(points, given)

    x, y = np.rint(points[topology.UPPER_LIP, :2] - (lit.box.left, lit.box.top)).astype(int)
    kept = (lit.patch / plain.patch)[y : y + 16, x - 2 : x + 3, 0].mean(axis=1)
    assert kept[1] < 0.75
    assert kept[15] > kept[1] + 0.2
    assert np.diff(kept[1:]).min() > -0.02
    assert np.diff(kept[1:]).max() < 0.12


def test_upper_teeth_stay_on_the_skull_and_lower_ones_go_with_the_jaw(painter):
    half, whole = wish(opening=0.5), wish(opening=1.0)
    jaw = painter.rig.points(whole) - painter.rig.points(half)

    upper = edge(where(painter, "upper", whole), -1) - edge(where(painter, "upper", half), -1)
    lower = edge(where(painter, "lower", whole), 0) - edge(where(painter, "lower", half), 0)

    assert abs(upper) <= 1
    assert jaw[topology.LOWER_LIP, 1] > 10
    assert lower == pytest.approx(jaw[topology.LOWER_LIP, 1], abs=2)


def edge(shown: np.ndarray, which: int) -> float:
    """Return the first (0) or last (-1) line of pixels in which a row shows in the middle of its width."""
    middle = round(np.nonzero(shown)[1].mean())
    return np.median([np.flatnonzero(column)[which] for column in shown[:, middle - 4 : middle + 5].T])


@pytest.mark.parametrize("quality", ["fast", "max"])
@pytest.mark.parametrize("path", [HOPPER, ASTRONAUT])
def test_the_inside_comes_in_without_a_jump_as_lips_part_slowly(path, quality, monkeypatch):
    painter = Painter(canvas_of(path, quality), quality)
    with_inside = steps(painter)
    monkeypatch.setattr(painter.mouth, "inside", lambda points, wish: None)

    added = with_inside - steps(painter)

    assert added.max() < 0.3


def test_lips_of_a_photo_that_smiles_part_without_a_flash_of_teeth():
    frames = steps(Painter(canvas_of(ASTRONAUT, "fast"), "fast"))

    assert frames.max() < 2 * np.median(frames)


def steps(painter: Painter) -> np.ndarray:
    """Return how far each picture of opening lips is from the one before: luma, mean over the lips."""
    box = box_round(painter.rig.still[topology.LIPS_OUTER, :2], 4)
    frames = [box.of(painter.paint(wish(opening=opening), 0).y) for opening in np.arange(0, 0.3, 0.01)]
    return np.array([cv2.absdiff(after, before).mean() for before, after in pairwise(frames)])


def test_teeth_in_the_photo_are_the_teeth_in_the_mouth(smiling):
    sung = wish(opening=0.6)
    ring = smiling.rig.skull(smiling.rig.rest[topology.LIPS_INNER], sung)[:, :2]
    height, width = smiling.still.y.shape
    inner = cv2.erode(filled(ring, width, height, 0.8), np.ones((7, 7))) > 0.9

    shown, photographed = smiling.paint(sung, 0).y[inner], smiling.still.y[inner]

    assert np.corrcoef(shown, photographed)[0, 1] > 0.9
    assert shown.mean() == pytest.approx(photographed.mean(), rel=0.12)


@pytest.mark.parametrize("opening", [0.1, 0.5, 1.0])
def test_nothing_outside_the_lips_changes(painter, monkeypatch, opening):
    sung = wish(opening=opening, turn=np.array([0, 0.15, 0]))
    ring = painter.rig.points(sung)[topology.LIPS_INNER, :2]
    height, width = painter.still.y.shape
    lips = np.zeros((height, width), np.uint8)
    cv2.fillPoly(lips, [np.rint(ring).astype(np.int32)], 1)
    lips = cv2.dilate(lips, np.ones((9, 9))) > 0
    with_inside = to_rgb(painter.paint(sung, 0)).astype(int)
    monkeypatch.setattr(painter.mouth, "inside", lambda points, wish: None)

    changed = np.abs(with_inside - to_rgb(painter.paint(sung, 0))).max(axis=2) > 3

    assert changed.any()
    assert not changed[~lips].any()


def test_a_bright_vowel_lifts_the_tongue(painter):
    bright, neutral, dark = (tongue_top(painter, width) for width in (1.0, 0.0, -1.0))

    assert bright < neutral - 2
    assert neutral < dark - 2


def tongue_top(painter: Painter, width: float) -> int:
    """Return the first line of pixels of the picture that the tongue's middle would cover by half."""
    sung = wish(opening=0.8, width=width)
    box = painter.mouth.inside(painter.rig.points(sung), sung).box
    white = np.full((box.height, box.width, 3), 255, np.float32)
    bare = painter.mouth.with_tongue(white, box, sung) - painter.mouth.with_tongue(0 * white, box, sung)
    middle = painter.rig.skull(painter.mouth.lips_at_rest()[None], sung)[0, 0] - box.left
    return box.top + np.flatnonzero(bare[:, round(middle), 0] < 128)[0]


def test_a_small_face_has_a_mouth_too(hopper):
    small = cv2.resize(hopper.image, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)
    painter = Painter(Canvas(image=small, landmarks=hopper.landmarks * 0.2), "fast")

    shut, sung = (painter.paint(wish(opening=opening), 0).y.astype(int) for opening in (0.0, 0.8))

    assert (shut - sung).max() > 30


def test_the_light_does_not_hang_on_one_pixel(hopper):
    points = hopper.landmarks[:, :2]
    spotted = hopper.image.copy()
    x, y = np.rint(points[50]).astype(int)
    spotted[y - 8 : y + 9, x - 8 : x + 9] = 255

    plain, with_spot = light_on(hopper.image, points, 170), light_on(spotted, points, 170)

    assert with_spot.colour == pytest.approx(plain.colour, rel=0.1)
