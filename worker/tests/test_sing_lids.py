"""Lids that come down show skin, whatever little of it the photo has, and whatever is worn before it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from worker.engines.sing.canvas import Canvas, frame_portrait
from worker.engines.sing.expression import Expression
from worker.engines.sing.paint import Painter
from worker.engines.sing.reference import openness
from worker.faces import topology
from worker.faces.track import landmarks_of_photo
from worker.media.photo import read_photo
from worker.media.picture import to_rgb
from worker.tests.samples import ASTRONAUT, HOPPER


def blinking(blink):
    rest = {"opening": 0, "width": 0, "brows": 0, "zoom": 1, "turn": np.zeros(3), "shift": np.zeros(2)}
    return Expression(**rest, blink=blink)


def framed(path):
    photo = read_photo(path)
    return frame_portrait(photo, landmarks_of_photo(photo), aspect_ratio="1:1", quality="fast")


def eyes_of(painter, blink):
    points = landmarks_of_photo(to_rgb(painter.paint(blinking(blink), 0)))
    return np.mean([openness(points, eye) for eye in (topology.LEFT_LIDS, topology.RIGHT_LIDS)])


@pytest.mark.parametrize("path", [HOPPER, ASTRONAUT], ids=["behind glasses", "bare"])
def test_a_blink_is_seen(path):
    painter = Painter(framed(path), "fast")

    assert eyes_of(painter, 1.0) < 0.55 * eyes_of(painter, 0.0)


def test_open_eyes_are_left_alone():
    painter = Painter(framed(HOPPER), "fast")

    assert not list(painter.lids.down(painter.rig.points(blinking(0.05)), blinking(0.05)))


def test_an_eye_beyond_the_picture_is_left_alone():
    canvas = framed(HOPPER)
    left = round(canvas.landmarks[topology.LEFT_EYE, 0].mean()) & ~1
    half = Canvas(image=canvas.image[:, left:].copy(), landmarks=canvas.landmarks - (left, 0, 0))
    painter = Painter(half, "fast")
    aside = painter.rig.points(blinking(1.0)) - (half.image.shape[1], 0, 0)

    assert list(painter.lids.skins) == [1]
    assert painter.paint(blinking(1.0), 0).width == half.image.shape[1]
    assert not list(painter.lids.down(aside, blinking(1.0)))


def test_eyes_of_a_few_pixels_blink_too():
    large = framed(ASTRONAUT)
    small = Canvas(image=cv2.resize(large.image, (90, 90)), landmarks=large.landmarks / 6)
    painter = Painter(small, "fast")

    lids = list(painter.lids.down(painter.rig.points(blinking(1.0)), blinking(1.0)))

    assert np.ptp(small.landmarks[topology.LEFT_EYE, 0]) < 6
    assert lids
    assert all(np.isfinite(lid.patch).all() for lid in lids)


@pytest.fixture
def in_sunglasses():
    """The astronaut with lenses that show nothing of her eyes, and where they are."""
    canvas = framed(ASTRONAUT)
    lenses = np.zeros(canvas.image.shape[:2], np.uint8)
    for halo in (topology.LEFT_EYE_HALO, topology.RIGHT_EYE_HALO):
        eye = canvas.landmarks[halo, :2]
        middle, half = np.rint(eye.mean(axis=0)).astype(int), np.rint(np.ptp(eye, axis=0)).astype(int)
        cv2.ellipse(lenses, middle.tolist(), half.tolist(), 0, 0, 360, 1, -1)
    image = np.where(lenses[..., None] > 0, np.uint8((30, 28, 34)), canvas.image)
    return Canvas(image=image, landmarks=canvas.landmarks), lenses


def test_nothing_is_painted_on_dark_lenses(in_sunglasses):
    canvas, lenses = in_sunglasses
    painter = Painter(canvas, "fast")
    inner = cv2.erode(lenses, np.ones((9, 9))) > 0

    shut = painter.paint(blinking(1.0), 0)

    assert np.abs(shut.y.astype(int) - painter.still.y)[inner].max() <= 6
