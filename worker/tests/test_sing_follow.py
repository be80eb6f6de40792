"""What of the portrait moves with what: eyes, mouth, glasses, neck and shoulders."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from worker.engines.sing.canvas import frame_portrait
from worker.engines.sing.glasses import wears_glasses
from worker.engines.sing.motion import Expression, looking_back
from worker.engines.sing.paint import Painter
from worker.engines.sing.reference import EYES, eye_turn, gazes, measured, reference_of
from worker.engines.sing.rig import BROWS
from worker.faces import topology
from worker.faces.pose import pose_of
from worker.faces.track import landmarks_of_photo
from worker.media.photo import read_photo
from worker.media.picture import to_rgb
from worker.tests.samples import ASTRONAUT, HOPPER

FOREHEAD = (63, 105, 66, 296, 334, 293)  # the upper edges of the brows
REST = {"opening": 0, "width": 0, "blink": 0, "brows": 0, "zoom": 1}


def wish(**given):
    return Expression(**(REST | {"turn": np.zeros(3), "shift": np.zeros(2)} | given))


def canvas_of(path):
    photo = read_photo(path)
    return frame_portrait(photo, landmarks_of_photo(photo), aspect_ratio="1:1", quality="balanced")


def painter_of(path):
    return Painter(canvas_of(path), "fast")


@pytest.fixture(scope="module")
def painter():
    return painter_of(HOPPER)


@pytest.fixture(scope="module")
def astronaut():
    return painter_of(ASTRONAUT)


def seen(painter, **given):
    """Return the landmarks found in the painted picture."""
    return landmarks_of_photo(to_rgb(painter.paint(wish(**given), 0)))


def gaze_in(landmarks):
    face = pose_of(landmarks).undo(landmarks.astype(float))
    return np.mean([eye_turn(face, *eye) for eye in EYES], axis=0)


@pytest.mark.parametrize("axis", [0, 1], ids=["sideways", "up and down"])
def test_the_irises_go_where_they_are_told(astronaut, axis):
    told = np.linspace(-0.3, 0.3, 5)

    found = [gaze_in(seen(astronaut, gaze=np.eye(2)[axis] * angle))[axis] for angle in told]

    assert np.corrcoef(told, found)[0, 1] > 0.95
    # The landmarks hardly see an iris rise or sink, and see half of its way to the side.
    assert np.polyfit(told, found, 1)[0] > (0.3, 0.03)[axis]


def test_the_corners_of_the_mouth_rise_in_a_smile(painter):
    heights = []
    for smile in (-1, 0, 1):
        landmarks = seen(painter, smile=smile)
        heights.append(landmarks[topology.UPPER_LIP, 1] - landmarks[[61, 291], 1].mean())

    assert np.diff(heights).min() > 0.02 * painter.rig.pose.scale


def test_shoulders_move_less_than_the_neck_and_the_neck_less_than_the_head(painter):
    rig = painter.rig
    moved = np.linalg.norm((rig.points(wish(shift=np.array([0.1, 0]))) - rig.points(wish()))[:, :2], axis=1)
    chin, under = rig.rest[topology.CHIN], (rig.rest[:, 1] - rig.rest[topology.CHIN, 1]) / rig.face_height
    near = np.abs(rig.rest[:, 0] - chin[0]) < 0.5 * rig.face_height
    neck, shoulders = moved[near & (under > 0.05) & (under < 0.35)], moved[near & (under > 0.6)]

    assert 0 < shoulders.max() < 0.5 * neck.max() < 0.5 * moved[topology.NOSE_TIP]


def test_a_breath_lifts_the_shoulders_and_not_the_head(painter):
    rise = (painter.rig.points(wish()) - painter.rig.points(wish(breath=1.0)))[:, 1]

    assert np.abs(rise[: topology.POINTS]).max() == 0
    assert rise[painter.rig.body == 1].max() > 0.01 * painter.rig.pose.scale


def test_the_far_background_stays_as_the_head_turns(astronaut):
    look = wish(turn=np.array([0.1, 0.2, 0.14]), shift=np.array([0.1, 0.05]), breath=1)
    points, still = astronaut.rig.points(look), astronaut.still.y

    turned = astronaut.paint(look, 0).y

    far = np.abs(astronaut.rig.texture[:, 0] - points[topology.NOSE_TIP, 0]) > 0.4 * still.shape[1]
    assert np.abs(points - astronaut.rig.points(wish()))[far].max() == pytest.approx(0, abs=0.5)
    for edge in (slice(0, 40), slice(-40, None)):
        assert np.abs(turned[:300, edge].astype(int) - still[:300, edge]).mean() < 0.5


def test_the_rims_of_glasses_stay_rigid_in_a_blink(painter):
    still, shut = (painter.paint(wish(blink=blink), 0).y for blink in (0.0, 1.0))
    eyes = painter.rig.still[np.concatenate([topology.LEFT_EYE_HALO, topology.RIGHT_EYE_HALO]), :2]
    left, top = (eyes.min(axis=0) - 40).astype(int)
    right, bottom = (eyes.max(axis=0) + 40).astype(int)
    inside = np.zeros(still.shape, np.uint8)
    for halo in (topology.LEFT_EYE_HALO, topology.RIGHT_EYE_HALO):
        cv2.fillPoly(inside, [np.rint(painter.rig.still[halo, :2]).astype(np.int32)], 1)
    frame = cv2.dilate(inside, np.ones((9, 9)))[top:bottom, left:right] == 0

    away = np.abs(shut.astype(int) - still)[top:bottom, left:right][frame]
    assert away.max() < 8


@pytest.mark.parametrize("turn", [(0, 0, 0), (0.05, 0.12, 0.08)], ids=["still", "turned"])
def test_the_rims_of_glasses_stay_rigid_as_brows_rise(painter, turn):
    """The rims of the sample are darker than all of the skin; they lie where the head alone brings them."""
    calm, raised = (painter.paint(wish(turn=np.array(turn), brows=brows), 0).y for brows in (0.0, 1.0))
    points = painter.rig.points(wish(turn=np.array(turn)))[:, :2]
    eyes = np.concatenate([topology.LEFT_EYE_HALO, topology.RIGHT_EYE_HALO])
    left, right = np.rint(points[eyes, 0].min()).astype(int), np.rint(points[eyes, 0].max()).astype(int)
    top, bottom = np.rint([points[BROWS, 1].min() - 25, points[topology.NOSE_TIP, 1]]).astype(int)

    dark = [(y[top:bottom, left:right] < 60).astype(int) for y in (calm, raised)]

    assert dark[0].sum() > 500
    assert np.abs(dark[1] - dark[0]).sum() < 0.1 * dark[0].sum()


def test_brows_rise_with_and_without_glasses(painter, astronaut):
    for one in (painter, astronaut):
        rise = (one.rig.points(wish()) - one.rig.points(wish(brows=1.0)))[:, 1]
        assert rise[list(FOREHEAD)].min() > 0.005 * one.rig.pose.scale
    assert wears_glasses(canvas_of(HOPPER))
    assert not wears_glasses(canvas_of(ASTRONAUT))


def test_the_same_frame_is_painted_alike_whatever_came_before(painter):
    look = {"opening": 0.6, "smile": 0.4, "gaze": (0.1, 0.1), "breath": 0.5}
    first = painter.paint(wish(**look), 7)
    painter.paint(wish(turn=np.array([0.1, 0.1, 0.1]), blink=1), 8)
    again = painter.paint(wish(**look), 7)

    assert all((one == other).all() for one, other in zip(first.planes, again.planes, strict=True))


def test_eyes_without_orders_keep_looking_at_the_viewer():
    assert looking_back(np.array([0.1, 0.2, 0.3])) == pytest.approx([0.8 * np.sin(0.2), -0.8 * np.sin(0.1)])


def test_gaze_is_carried_over_a_blink():
    track = np.stack([np.linspace(0, 0.1, 9), np.zeros(9)], axis=1)
    broken = track.copy()
    broken[3:6] = 5

    assert gazes(broken, np.isin(np.arange(9), [3, 4, 5]).astype(float)) == pytest.approx(track)


def test_a_painted_clip_gives_back_the_look_that_it_was_made_with(astronaut):
    steps = np.linspace(0, 4 * np.pi, 33)
    told = {"yaw": 0.2 * np.sin(steps), "gaze": 0.25 * np.sin(2 * steps), "smile": 0.8 * np.sin(1.5 * steps)}
    told["brows"] = 0.5 + 0.5 * np.sin(2.5 * steps)
    rows = []
    for index in range(len(steps)):
        look = {name: told[name][index] for name in ("smile", "brows")}
        turn, gaze = np.array([0, told["yaw"][index], 0]), (told["gaze"][index], 0)
        rows.append(measured(index / 30, seen(astronaut, turn=turn, gaze=gaze, **look)))

    head = reference_of(np.array(rows), len(rows) / 30).head

    got = {"yaw": head.turn[:, 1], "gaze": head.gaze[:, 0], "smile": head.smile, "brows": head.brows}
    alike = {name: np.corrcoef(told[name], got[name])[0, 1] for name in told}
    assert min(alike.values()) > 0.8, alike
