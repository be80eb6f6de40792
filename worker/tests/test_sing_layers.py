"""The person of a portrait is told from what is behind: one moves, the other stays."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from worker.engines.sing import matte as matte_module
from worker.engines.sing.canvas import Canvas, frame_portrait
from worker.engines.sing.expression import Expression
from worker.engines.sing.layers import doubled, filled_behind, layers_of, person_alone
from worker.engines.sing.matte import SIDE, cut_out, far_from, guided, is_trusted, matte_of
from worker.engines.sing.paint import Painter
from worker.faces import topology
from worker.faces.track import landmarks_of_photo
from worker.media.photo import read_photo
from worker.media.picture import from_rgb
from worker.tests.samples import ASTRONAUT, HOPPER

REST = {"opening": 0, "width": 0, "blink": 0, "brows": 0, "zoom": 1}
TURNS = {"left": (0, -0.2, 0), "right": (0, 0.2, 0), "up": (-0.12, 0, 0), "aside": (0.05, 0.1, 0.14)}


def look(turn=(0, 0, 0), shift=(0, 0)):
    return Expression(**REST | {"turn": np.array(turn), "shift": np.array(shift)})


@pytest.fixture(scope="module", params=[HOPPER, ASTRONAUT], ids=["hopper", "astronaut"])
def canvas(request):
    photo = read_photo(request.param)
    return frame_portrait(photo, landmarks_of_photo(photo), aspect_ratio="1:1", quality="balanced")


@pytest.fixture(scope="module")
def matte(canvas):
    return matte_of(canvas)


@pytest.fixture(scope="module")
def painter(canvas):
    return Painter(canvas, "balanced")


def grown(mask, pixels):
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * pixels + 1,) * 2)) > 0


def test_the_matte_holds_the_face_and_not_the_upper_corners(canvas, matte):
    face = cv2.fillPoly(
        np.zeros(matte.shape, np.uint8), [np.rint(canvas.landmarks[topology.OVAL, :2]).astype(int)], 1
    )

    assert matte[face > 0].min() > 0.9
    assert matte[:150, :100].max() == matte[:150, -100:].max() == 0
    assert (matte == matte_of(canvas)).all()


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_the_background_beside_the_head_stays_as_it_turns(painter, matte, turn):
    behind = ~grown(matte > 0, 60)

    turned = painter.paint(look(turn, (0.05, 0.02)), 0)

    assert behind[:300, :60].all()
    assert (turned.y == painter.still.y)[behind].all()
    assert (turned.u == painter.still.u)[behind[::2, ::2]].all()


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_no_hole_and_no_ghost_comes_up_round_the_person(painter, matte, turn):
    """Near the outline, each pixel's luma lies among those of the person and the backdrop near by."""
    near = np.ones((121, 121), np.uint8)
    person, backdrop = painter.still.y, painter.layers.backdrop.y
    least = np.minimum(cv2.erode(np.where(matte > 0.95, person, 255), near), cv2.erode(backdrop, near))
    most = np.maximum(cv2.dilate(np.where(matte > 0.95, person, 0), near), cv2.dilate(backdrop, near))
    outline = grown(cv2.Canny((matte * 255).astype(np.uint8), 100, 200) > 0, 25)

    y = painter.paint(look(turn), 0).y.astype(int)

    # Enlarging sharpens: it may go a little beyond what is there, as the pictures before it did.
    assert np.maximum(least - y, y - most)[outline].max() < 20


def test_at_rest_the_layers_make_the_photo(canvas, matte, painter):
    y = painter.paint(look(), 0).y.astype(int)

    assert np.abs(y - painter.still.y).mean() < 0.6
    assert np.percentile(np.abs(y - painter.still.y), 99) < 10


@pytest.mark.parametrize("aspect_ratio", ["4:5", "9:16", "original"])
def test_a_hat_goes_with_the_head_that_wears_it(aspect_ratio):
    photo = read_photo(HOPPER)
    landmarks = landmarks_of_photo(photo)
    canvas = frame_portrait(photo, landmarks, aspect_ratio=aspect_ratio, quality="fast")
    head = canvas.landmarks[topology.OVAL, :2]
    x, top = head[:, 0].mean(), head[:, 1].min()
    height, width = np.ptp(head[:, 1]), np.ptp(head[:, 0])
    hat = np.s_[round(top - 0.35 * height) : round(top), round(x - 0.25 * width) : round(x + 0.25 * width)]

    matte = matte_of(canvas)

    assert matte[hat].min() > 0.5
    assert matte[hat].mean() > 0.98
    assert matte[max(0, round(top - 0.85 * np.ptp(head[:, 1]))), round(x)] == 0


def test_what_hangs_beside_a_hat_stays_and_the_hair_below_it_goes_along():
    photo = read_photo(HOPPER)
    canvas = frame_portrait(photo, landmarks_of_photo(photo), aspect_ratio="1:1", quality="balanced")
    cord, lock, badge = np.s_[120:320, 196:206], np.s_[390:415, 470:485], np.s_[36:50, 350:390]

    matte = matte_of(canvas)

    assert matte[cord].mean() < 0.1
    assert matte[lock].mean() > 0.9
    assert matte[badge].mean() > 0.8


def test_a_person_far_off_is_cut_out_too():
    photo = cv2.copyMakeBorder(read_photo(ASTRONAUT), 1280, 0, 640, 640, cv2.BORDER_REPLICATE)
    canvas = frame_portrait(photo, landmarks_of_photo(photo), aspect_ratio="original", quality="fast")

    matte = matte_of(canvas)

    face = cv2.boundingRect(canvas.landmarks[:, :2].astype(np.float32))
    assert matte is not None
    assert matte[round(face[1] - 0.2 * face[3]), face[0] + face[2] // 2] > 0.9  # her hair
    assert matte[face[1], face[0] - face[2]] == 0


@pytest.fixture
def asked(canvas):
    """The picture, the face's points in the network's, and what is too far from it."""
    points = canvas.landmarks[:, :2] * (SIDE / canvas.image.shape[1], SIDE / canvas.image.shape[0])
    return canvas.image, points, far_from(points)


def test_a_person_is_one_piece_without_holes_and_nobody_beside(asked, monkeypatch):
    image, points, far = asked
    person = (cut_out(image, points, far) > 0.5).astype(np.float32)
    torn = person.copy()
    chin = round(points[topology.CHIN, 1])
    chest, beside = (
        np.s_[SIDE - 30 : SIDE - 20, SIDE // 2 - 5 : SIDE // 2 + 5],
        np.s_[chin + 2 : chin + 6, :6],
    )
    torn[chest], torn[beside] = 0, 1
    torn[:, -20:] = 1  # somebody, whose shoulders touch
    network = SimpleNamespace(run=lambda *_: [torn[None, ..., None]])
    monkeypatch.setattr(matte_module, "open_network", lambda name: network)

    cut = cut_out(image, points, far)

    assert cut[chest].min() == 1
    assert cut[beside].max() == 0
    assert cut[: SIDE // 3, -20:].max() == 0


def test_a_cut_without_hair_or_along_no_edge_is_not_trusted(asked):
    image, points, far = asked
    everything = (~far).astype(np.float32)
    nothing = np.zeros_like(everything)
    bald = cv2.fillPoly(nothing.copy(), [np.rint(points[topology.OVAL]).astype(int)], 1)
    cut = cut_out(image, points, far)
    faceless = cut * (bald == 0)

    assert is_trusted(cut, far, points)
    for wrong in (everything, nothing, bald, faceless, np.ones_like(cut)):
        assert not is_trusted(wrong, far, points)


def test_a_cut_that_runs_along_the_upper_border_is_not_trusted(asked):
    image, points, far = asked
    x, y = np.rint(points[topology.OVAL].mean(axis=0)).astype(int)
    half = SIDE // 6
    tower = cut_out(image, points, far)
    tower[2:y, x - half : x + half] = 1
    far[:y, x - half - 10 : x + half + 10] = False  # so that the tower ends at no limit
    reaching = tower.copy()
    reaching[:2] = reaching[2]

    assert is_trusted(tower, far, points)
    assert not is_trusted(reaching, far, points)


@pytest.fixture
def close_up():
    """A face that fills the picture, which shows none of the head's outline."""
    photo = read_photo(HOPPER)
    whole = frame_portrait(photo, landmarks_of_photo(photo), aspect_ratio="1:1", quality="balanced")
    (left, top), (right, bottom) = (
        end(whole.landmarks[:, :2], axis=0).astype(int) for end in (np.min, np.max)
    )
    image = np.ascontiguousarray(whole.image[top & ~1 : bottom & ~1, left - 40 & ~1 : right + 40 & ~1])
    return Canvas(image=image, landmarks=whole.landmarks - (left - 40 & ~1, top & ~1, 0))


def test_no_person_is_cut_out_of_a_close_up_or_of_one_colour(close_up):
    flat = Canvas(image=np.full_like(close_up.image, (90, 140, 60)), landmarks=close_up.landmarks)

    assert matte_of(close_up) is None
    assert matte_of(flat) is None


def test_where_no_person_can_be_cut_out_the_background_bends_with_the_head(close_up):
    painter = Painter(close_up, "fast")

    turned = painter.paint(look((0, 0.2, 0.1)), 0)

    beside = np.s_[100:200, 5:35]
    assert np.abs(turned.y[beside].astype(int) - painter.still.y[beside]).mean() > 10
    assert (painter.layers.cover == 255).all()


def test_a_portrait_that_cannot_be_taken_apart_bends_as_a_whole(canvas):
    layers = layers_of(canvas.image, None, times=1)

    assert (layers.cover == 255).all()
    assert (layers.luma == from_rgb(canvas.image).y).all()


def test_a_person_and_a_backdrop_mixed_by_a_known_matte_are_told_apart():
    """A soft-edged disc of skin over blue: both colours come back, also in pixels that hold both."""
    rows, columns = np.indices((200, 200))
    matte = np.clip((60 - np.hypot(rows - 100, columns - 100)) / 6, 0, 1).astype(np.float32)
    skin, blue = np.array([210, 160, 130]), np.array([40, 80, 190])
    image = np.rint(skin * matte[..., None] + blue * (1 - matte[..., None])).astype(np.uint8)

    behind = filled_behind(image, matte)
    person, better = person_alone(image, behind, matte)

    assert np.abs(behind - blue).max() <= 12
    assert np.abs(person - skin)[matte > 0.1].max() <= 12
    assert np.abs(better - matte).max() < 0.1
    assert layers_of(image, matte, times=1).cover == pytest.approx(better * 255, abs=1)


def test_a_doubled_plane_holds_the_old_pixels_and_what_lies_between():
    def wave(x, y):
        return np.rint(128 + 50 * np.sin(0.7 * x) + 50 * np.cos(0.5 * y)).astype(np.uint8)

    there = wave(np.arange(40), np.arange(30)[:, None])
    between = wave(np.arange(79) / 2, np.arange(59)[:, None] / 2)

    large = doubled(there)

    assert (large[::2, ::2] == there).all()
    assert np.abs(large.astype(int) - between)[8:-8, 8:-8].max() <= 2


def test_a_matte_is_drawn_to_the_edges_of_the_picture():
    guide = np.zeros((100, 100, 3), np.float32)
    guide[:, 50:] = (0.8, 0.6, 0.5)
    shifted = np.zeros((100, 100), np.float32)
    shifted[:, 46:] = 1

    fine = guided(guide, cv2.GaussianBlur(shifted, (0, 0), 3), 12)

    assert fine[50, 47] < 0.35 < 0.65 < fine[50, 52]
