from __future__ import annotations

import cv2
import numpy as np
import pytest

from worker.engines import make
from worker.engines.swap.hands import drawn, hand_cover, palm_length
from worker.engines.swap.masks import hulls
from worker.engines.swap.quality import QUALITIES
from worker.engines.swap.render import Renderer
from worker.faces import topology
from worker.faces.hands import FINGERS, KNUCKLES, POINTS, WRIST, Hands
from worker.faces.views import RgbView
from worker.media.picture import from_rgb, to_rgb
from worker.tests.clipmaking import write_clip
from worker.tests.faceclips import HOPPER, portrait
from worker.tests.test_faces_hands import CHEEK, face, held_up
from worker.tests.test_swap_job import pictures_of, quiet, task
from worker.tests.test_swap_render import TO_RGB, bent, face_in

SKIN, BEHIND = (200, 150, 120), (150, 190, 210)


def upright_hand(palm: float, wrist: tuple[float, float]) -> np.ndarray:
    """Return the points of an open hand that points up; lengths as a palm's."""
    points = np.zeros((POINTS, 2))
    roots = {0: (-0.35, -0.25), 1: (-0.3, -0.95), 2: (0.0, -1.0), 3: (0.25, -0.95), 4: (0.45, -0.85)}
    for finger, (x, y) in roots.items():
        lean = 2.5 * x if finger else -1.2
        for joint, step in enumerate((0, 0.35, 0.6, 0.8)):
            points[FINGERS[finger, joint]] = (x + 0.25 * lean * step, y - step)
    return points * palm + wrist


def flesh(points: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture of such a hand, of the usual thickness, and where it is."""
    palm, where = palm_length(points), np.zeros(size, np.uint8)
    cv2.fillConvexPoly(where, cv2.convexHull(np.rint(points[[0, 1, *KNUCKLES]]).astype(np.int32)), 1)
    for joints in FINGERS:
        cv2.polylines(where, [np.rint(points[joints]).astype(np.int32)], False, 1, round(0.22 * palm))
    below = points[WRIST] + (0, 2 * palm)
    ends = np.rint([points[WRIST], below]).astype(np.int32)
    cv2.line(where, *ends.tolist(), 1, round(0.6 * palm))
    image = np.where(where[..., None] > 0, np.array(SKIN), np.array(BEHIND)).astype(np.uint8)
    return np.ascontiguousarray(image), where > 0


def test_the_cover_ends_where_the_hand_does():
    points = upright_hand(40, (60, 90))
    image, where = flesh(points, (112, 112))

    cover = hand_cover(image, points)

    assert cover.dtype == np.float32
    assert cover.min() >= 0
    assert cover.max() <= 1
    beside = cv2.dilate(where.astype(np.uint8), np.ones((5, 5))) == 0
    inside = cv2.erode(where.astype(np.uint8), np.ones((3, 3))) > 0
    assert cover[inside].mean() > 0.97
    assert cover[beside].mean() < 0.02


def test_points_that_are_a_little_off_are_mended_by_the_edges():
    points = upright_hand(40, (60, 90))
    image, where = flesh(points, (112, 112))
    off = points + np.array([2.5, -1.5])

    cover = hand_cover(image, off)

    drawn_only = drawn(off, (112, 112))[0]
    assert (cover > 0.5)[where].mean() > 0.93 > drawn_only[where].mean()
    assert (cover > 0.5)[~where].mean() < 0.06


def test_a_hand_beside_the_picture_covers_nothing():
    assert hand_cover(np.zeros((50, 60, 3), np.uint8), upright_hand(40, (400, 90))).max() == 0


def test_a_hand_far_larger_than_the_picture_covers_all_of_it():
    points = upright_hand(90_000, (25, 60_000))

    assert hand_cover(np.zeros((50, 60, 3), np.uint8), points).min() > 0.5


@pytest.mark.parametrize("narrow", [False, True])
def test_a_palm_seen_from_the_side_or_from_its_tips_is_as_long_as_ever(narrow):
    points = upright_hand(40, (60, 90))
    points = points * (0.2, 1) if narrow else points * (1, 0.3)

    assert palm_length(points) == pytest.approx(40 if narrow else 50, rel=0.1)


def swapped(image: np.ndarray, hands: list[np.ndarray]) -> np.ndarray:
    clean = face_in(portrait())  # as the mesh sees it without a hand
    picture = from_rgb(image)
    Renderer(bent(HOPPER), clean.shape, TO_RGB, QUALITIES["max"]).render(picture, clean, hands)
    return to_rgb(picture)


def test_a_hand_before_the_face_stays_and_the_face_beside_it_is_swapped():
    image, where = held_up(*CHEEK)
    hands = Hands(rate=30).follow(RgbView(image), [face()])
    inside = cv2.erode(where.astype(np.uint8), np.ones((5, 5))) > 0

    without, with_hand = (np.abs(swapped(image, each).astype(int) - image) for each in ([], hands))

    painted = (without.max(axis=2) > 12) & inside
    assert painted.sum() > 700
    assert (with_hand.max(axis=2) > 12)[painted].mean() < 0.25
    beside = (without.max(axis=2) > 12) & ~where
    assert (with_hand.max(axis=2) > 12)[beside].mean() > 0.7


@pytest.mark.parametrize(("quality", "stays"), [("balanced", False), ("max", True)])
def test_hands_are_seen_in_the_best_quality(tmp_path, quality, stays):
    image, where = held_up(*CHEEK)
    size = (image.shape[1], image.shape[0])
    clip = write_clip(tmp_path / "in.mp4", size=size, times=range(0, 320, 40), draw=lambda *given: image)
    output = tmp_path / "out.mp4"

    make(task(clip, output, quality=quality), quiet)

    before, after = (pictures_of(path)[4].astype(int) for path in (clip, output))
    inside = cv2.erode(where.astype(np.uint8), np.ones((5, 5))) > 0
    inside &= hulls(face(), (topology.OVAL,), where.shape)
    changed = np.abs(after - before).max(axis=2)[inside].mean()
    assert changed < 4 if stays else changed > 12


def test_a_hand_does_not_outlast_a_cut(tmp_path):
    held, where = held_up(*CHEEK)
    size = (held.shape[1], held.shape[0])
    bare = np.ascontiguousarray(portrait()[:, ::-1])

    def draw(index: int, width: int, height: int) -> np.ndarray:
        return held if index < 8 else bare

    clip = write_clip(tmp_path / "in.mp4", size=size, times=range(0, 640, 40), draw=draw)
    make(task(clip, tmp_path / "out.mp4", quality="max"), quiet)

    before, after = (pictures_of(path) for path in (clip, tmp_path / "out.mp4"))
    inside = cv2.erode(where.astype(np.uint8), np.ones((5, 5))) > 0
    inside &= hulls(face(), (topology.OVAL,), where.shape)[:, ::-1]
    assert inside.sum() > 500
    first, settled = (np.abs(after[at].astype(int) - before[at]).max(axis=2)[inside].mean() for at in (8, 15))
    assert first == pytest.approx(settled, rel=0.25)
