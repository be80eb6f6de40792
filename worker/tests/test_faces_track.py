from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import worker
from worker.faces import topology
from worker.faces.track import Tracker, face_size, landmarks_of_photo
from worker.faces.views import Box, PlanesView, RgbView, rgb_of_yuv, yuv_of_rgb

SAMPLES = Path(worker.__file__).parent / "samples"


def photo(name: str) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(SAMPLES / name)), cv2.COLOR_BGR2RGB)


# Where the nose tips were seen by eye, and the height of the faces.
@pytest.mark.parametrize(
    ("name", "nose", "size"), [("astronaut.png", (223, 126), 109), ("grace_hopper.jpg", (267, 237), 203)]
)
def test_the_faces_of_the_samples_are_found(name, nose, size):
    landmarks = landmarks_of_photo(photo(name))

    assert landmarks.shape == (topology.POINTS, 3)
    assert landmarks[topology.NOSE_TIP, :2] == pytest.approx(nose, abs=4)
    assert face_size(landmarks) == pytest.approx(size, rel=0.05)


def test_a_small_face_in_a_large_picture_is_found():
    small = cv2.resize(photo("grace_hopper.jpg"), None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    canvas = np.full((720, 1280, 3), 90, np.uint8)
    canvas[400:580, 900:1053] = small[:180, :153]

    landmarks = landmarks_of_photo(canvas)

    assert landmarks[topology.NOSE_TIP, :2] == pytest.approx((900 + 267 * 0.3, 400 + 237 * 0.3), abs=4)


def test_a_picture_without_a_face_has_none():
    noise = np.random.default_rng(3).integers(0, 255, (240, 320, 3), np.uint8)

    assert Tracker().follow(RgbView(noise)) is None


def test_a_moving_face_is_held_without_the_detector(monkeypatch):
    still = photo("astronaut.png")
    tracker = Tracker()
    tracker.follow(RgbView(still))
    monkeypatch.setattr(tracker, "search", lambda view: pytest.fail("the face was lost"))

    for step in range(1, 6):
        landmarks = tracker.follow(RgbView(np.roll(still, 6 * step, axis=1)))

        assert landmarks[topology.NOSE_TIP, 0] == pytest.approx(223 + 6 * step, abs=4)


def test_a_face_that_is_gone_is_let_go():
    tracker = Tracker()
    tracker.follow(RgbView(photo("astronaut.png")))

    assert tracker.follow(RgbView(np.full((512, 512, 3), 90, np.uint8))) is None
    assert tracker.region is None


@pytest.mark.parametrize("space", ["bt601", "bt709"])
@pytest.mark.parametrize("full_range", [True, False])
def test_planes_look_like_the_rgb_they_were_made_of(space, full_range):
    image = cv2.GaussianBlur(photo("astronaut.png"), (0, 0), 3)
    yuv = cv2.transform(image.astype(np.float32), yuv_of_rgb(space, full_range))
    luma, blue, red = (np.rint(plane).astype(np.uint8) for plane in cv2.split(yuv))
    view = PlanesView(luma, blue[::2, ::2], red[::2, ::2], rgb_of_yuv(space, full_range))
    box = Box(left=100, top=60, right=356, bottom=316)

    seen, expected = (each.look(box, 128).astype(int) for each in (view, RgbView(image)))

    assert seen.shape == (128, 128, 3)
    assert np.abs(seen - expected).mean() < 1.5
