from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from worker.engines.swap.quality import QUALITIES
from worker.engines.swap.render import Renderer
from worker.engines.swap.turning import Turning, shown, view_angles
from worker.faces import topology
from worker.faces.pose import Pose, reference
from worker.faces.smooth import Face
from worker.media.picture import Picture
from worker.tests.faceclips import ASTRONAUT, HOPPER
from worker.tests.test_swap_render import TO_RGB, bent, prepared

BROAD_TURN = 52  # degrees


def turned(*, yaw: float = 0, pitch: float = 0, roll: float = 0) -> Pose:
    """Return the pose of a head turned by so many degrees, in the middle of a picture of 320x320."""
    rotation = Rotation.from_euler("yxz", [yaw, pitch, roll], degrees=True).as_matrix()
    return Pose(scale=110.0, rotation=rotation, shift=np.array([160.0, 150.0, 0.0]))


def grey() -> Picture:
    noise = np.random.default_rng(3).integers(100, 140, (320, 320), np.uint8)
    return Picture(noise, np.full((160, 160), 118, np.uint8), np.full((160, 160), 140, np.uint8))


def face(pose: Pose, *, is_new: bool = True) -> Face:
    bare = prepared(HOPPER).shape
    landmarks = pose.apply(bare).astype(np.float32)
    return Face(landmarks=landmarks, pose=pose, shape=bare, presence=1.0, is_new=is_new)


@pytest.mark.parametrize("roll", [0, 30, -90])
def test_how_far_a_head_is_turned_does_not_change_with_its_tilt(roll):
    straight, tilted = (Rotation.from_euler("z", each, degrees=True).as_matrix() for each in (0, roll))
    head = turned(yaw=20, pitch=10).rotation

    angles = [view_angles(Pose(scale=1.0, rotation=r @ head, shift=np.zeros(3))) for r in (straight, tilted)]

    assert angles[1] == pytest.approx(angles[0])
    assert np.abs(np.degrees(angles[0])) == pytest.approx([20, 10], abs=1)


@pytest.mark.parametrize("pose", [turned(), turned(yaw=20), turned(yaw=-20), turned(pitch=15, roll=30)])
def test_a_face_that_looks_about_is_shown_whole(pose):
    assert shown(view_angles(pose)).min() == 1


@pytest.mark.parametrize("yaw", [31, -31])
def test_the_far_side_fades_first(yaw):
    pose = turned(yaw=yaw)
    sides = [topology.LEFT_EYE_CORNER, topology.RIGHT_EYE_CORNER]
    near, far = sorted(sides, key=lambda point: pose.apply(reference())[point, 2])

    there = shown(view_angles(pose))

    assert there[far] < 0.75 < there[near]


@pytest.mark.parametrize("axis", ["yaw", "pitch"])
def test_nothing_pops_as_the_head_turns(axis):
    turns = [shown(view_angles(turned(**{axis: angle}))) for angle in range(80)]

    assert np.abs(np.diff(turns, axis=0)).max() < 0.25
    assert (turns[79] == 0).all()


def test_a_quick_turn_fades_too():
    turning = Turning()
    turning.shown(turned())

    parts = [turning.shown(turned(yaw=BROAD_TURN)).mean() for _ in range(8)]

    assert parts[0] > 0.8
    assert parts == sorted(parts, reverse=True)
    assert parts[-1] < 0.05


def test_a_face_turned_away_keeps_every_bit():
    renderer = Renderer(bent(HOPPER), prepared(HOPPER).shape, TO_RGB, QUALITIES["fast"])
    picture = grey()

    done = renderer.render(picture, face(turned(yaw=BROAD_TURN + 10)))

    assert not done
    assert (picture.y == grey().y).all()


def test_a_scene_begins_with_its_own_turn():
    renderer = Renderer(bent(HOPPER), prepared(HOPPER).shape, TO_RGB, QUALITIES["fast"])
    renderer.render(grey(), face(turned(yaw=BROAD_TURN + 10)))

    assert renderer.render(grey(), face(turned()))
    assert renderer.turning.angles == pytest.approx(view_angles(turned()))


def test_less_of_the_new_face_is_seen_as_the_head_turns():
    changed = []
    for yaw in (22, 32):
        renderer = Renderer(bent(HOPPER), prepared(HOPPER).shape, TO_RGB, QUALITIES["fast"])
        picture = grey()
        renderer.render(picture, face(turned(yaw=yaw)))
        changed.append(np.abs(cv2.blur(picture.y, (9, 9)).astype(int) - cv2.blur(grey().y, (9, 9))).sum())

    assert changed[1] < 0.55 * changed[0]


@pytest.mark.parametrize("yaw", range(24, 40, 2))
def test_a_half_faded_face_keeps_the_clips_colour(yaw):
    renderer = Renderer(bent(HOPPER), prepared(HOPPER).shape, TO_RGB, QUALITIES["fast"])
    picture = grey()

    renderer.render(picture, face(turned(yaw=yaw)))

    for new, old in zip(picture.planes[1:], grey().planes[1:], strict=True):
        assert np.abs(new.astype(int) - old).max() < 25


def test_the_new_face_takes_the_own_ones_shape_as_it_fades():
    renderer = Renderer(bent(ASTRONAUT), prepared(HOPPER).shape, TO_RGB, QUALITIES["fast"])

    apart = []
    for yaw in (0, 35):
        own = face(turned(yaw=yaw))
        new = renderer.new_landmarks(own, shown(view_angles(own.pose)))
        apart.append(np.linalg.norm(new - own.landmarks, axis=1)[topology.NOSE_TIP])

    assert apart[1] < 0.6 * apart[0]
