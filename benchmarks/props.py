"""What the made clips put in front of a face, drawn: a hand, a microphone, strands of hair, glasses.

A prop draws itself for one frame: given the frame's number and size and the face's true (478, 3) points, it
returns (H, W, 4) float32, RGB 0..255 and an alpha of 0..1. Light and noise are the camera's to add.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from worker.faces import topology
from worker.faces.pose import Pose, pose_of

FRAME_RATE = 30
FINER = 2  # drawn this much larger, then shrunk: edges as soft as a lens makes them

# Lengths are in eye distances; the face's middle lies 0.35 below the eyes.
FINGERS = ((-0.33, 0.55), (-0.12, 0.70), (0.10, 0.72), (0.31, 0.58))  # across, length
FINGER_WIDTH = 0.20
STRANDS = 9
RIM = (0.30, 0.215)  # half width and height of a lens
RIM_DEPTH = -0.16  # in front of the eyes
RIM_WIDTH = 0.035

Prop = Callable[["Scene"], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """`home` (x, y) and `unit` are the face's middle and eye distance in the first frame, in pixels."""

    index: int
    size: tuple[int, int]  # height, width
    points: np.ndarray
    home: np.ndarray
    unit: float
    skin: np.ndarray  # RGB

    @property
    def seconds(self) -> float:
        return self.index / FRAME_RATE

    def at(self, x: float, y: float) -> np.ndarray:
        """Return the pixel that many eye distances right of, and below, the face's first middle."""
        return self.home + self.unit * np.array([x, y])


class Sheet:
    """A transparent sheet to draw on, larger than the frame by FINER."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.colour = np.zeros((size[0] * FINER, size[1] * FINER, 3), np.float32)
        self.alpha = np.zeros(self.colour.shape[:2], np.float32)

    def line(self, places: np.ndarray, width: float, rgb: np.ndarray, alpha: float = 1.0) -> None:
        """Draw a line with round ends through (n, 2) pixels."""
        whole = [np.rint(places * FINER * 16).astype(np.int32)]
        wide = max(1, round(width * FINER))
        cv2.polylines(self.colour, whole, False, [*map(float, rgb)], wide, cv2.LINE_AA, 4)
        cv2.polylines(self.alpha, whole, False, alpha, wide, cv2.LINE_AA, 4)

    def fill(self, places: np.ndarray, rgb: np.ndarray, alpha: float = 1.0) -> None:
        whole = np.rint(places * FINER).astype(np.int32)
        cv2.fillPoly(self.colour, [whole], [*map(float, rgb)], cv2.LINE_AA)
        cv2.fillPoly(self.alpha, [whole], alpha, cv2.LINE_AA)

    def done(self) -> np.ndarray:
        layer = np.dstack([self.colour, self.alpha])
        return cv2.resize(layer, (self.size[1], self.size[0]), interpolation=cv2.INTER_AREA)


def path_of(seconds: float) -> tuple[float, float]:
    """Where the hand is: it comes up to the mouth within a second, rests on the cheek, and goes."""
    times, xs, ys = (0.5, 1.4, 2.2, 3.0, 3.6), (1.7, 0.35, 0.25, 0.05, 1.7), (2.2, 0.55, 0.30, 0.45, 2.0)
    wobble = 0.02 * np.sin(2 * np.pi * 1.3 * seconds)
    return float(np.interp(seconds, times, xs) + wobble), float(np.interp(seconds, times, ys))


def hand(scene: Scene) -> np.ndarray:
    return drawn_hand(scene, *path_of(scene.seconds))


def hand_at_first(scene: Scene) -> np.ndarray:
    """A hand that is there when the clip begins, and leaves."""
    return drawn_hand(scene, *path_of(1.6 + 0.6 * scene.seconds))


def drawn_hand(scene: Scene, x: float, y: float) -> np.ndarray:
    """Draw a back of a hand, fingers up, its middle at (x, y), in the face's own colour."""
    sheet, unit = Sheet(scene.size), scene.unit
    shadow, light = scene.skin * 0.72, np.minimum(scene.skin * 1.04, 255)
    angles = np.linspace(0, 2 * np.pi, 40)
    palm = scene.at(x, y + 0.35) + unit * np.column_stack([0.44 * np.cos(angles), 0.42 * np.sin(angles)])
    sheet.fill(palm, light)
    sheet.line(np.array([scene.at(x, y + 0.7), scene.at(x + 0.5, y + 2.5)]), 0.55 * unit, light)
    for across, length in FINGERS:
        finger = np.array([scene.at(x + across, y + 0.1), scene.at(x + 1.25 * across, y - length)])
        sheet.line(finger, FINGER_WIDTH * unit, shadow)
        sheet.line(finger, 0.86 * FINGER_WIDTH * unit, light)
        for share in (0.35, 0.7):
            knuckle = finger[0] + share * (finger[1] - finger[0])
            crease = knuckle + unit * np.array([[-0.05, 0.0], [0.05, 0.01]])
            sheet.line(crease, 0.012 * unit, shadow)
    layer = sheet.done()
    grain = np.random.default_rng(7).normal(0, 5, scene.size).astype(np.float32)
    layer[..., :3] += cv2.GaussianBlur(grain, (0, 0), 1.2)[..., None]
    return layer


def microphone(scene: Scene) -> np.ndarray:
    """A dark microphone before the mouth, held from below; it sways a little by itself."""
    sheet, unit = Sheet(scene.size), scene.unit
    x, y = 0.08 + 0.10 * np.sin(2 * np.pi * scene.seconds / 1.9), 0.62 + 0.05 * np.sin(2 * scene.seconds)
    head = scene.at(x, y)
    sheet.line(np.array([head, scene.at(x + 0.25, y + 2.5)]), 0.24 * unit, np.array([22, 22, 26]))
    angles = np.linspace(0, 2 * np.pi, 40)
    ball = np.column_stack([np.cos(angles), np.sin(angles)])
    sheet.fill(head + 0.27 * unit * ball, np.array([58, 58, 62]))
    for step in np.linspace(-0.2, 0.2, 7):
        reach = np.sqrt(0.25**2 - step**2)
        for end in (np.array([[step, -reach], [step, reach]]), np.array([[-reach, step], [reach, step]])):
            sheet.line(head + unit * end, 0.008 * unit, np.array([92, 92, 98]))
    return sheet.done()


def strands(scene: Scene) -> np.ndarray:
    """Strands of hair that hang over the forehead and one eye, and swing a little after the head."""
    sheet, pose = Sheet(scene.size), pose_of(scene.points)
    rng = np.random.default_rng(3)
    swing = 0.03 * np.sin(2 * np.pi * scene.seconds / 1.1)
    for _ in range(STRANDS):
        root, length, tint = rng.uniform(-0.45, 0.25), rng.uniform(0.45, 0.95), rng.uniform(0.7, 1.4)
        down = np.linspace(0, 1, 12)
        bow = rng.uniform(-0.12, 0.12) * np.sin(np.pi * down) + swing * down**2
        hair = np.column_stack([root + 0.1 * down + bow, -0.85 + length * down, np.full(12, -0.25)])
        sheet.line(pose.apply(hair)[:, :2], 0.022 * scene.unit, np.array([48, 34, 24]) * tint)
    return sheet.done()


def glasses(scene: Scene) -> np.ndarray:
    """Dark-rimmed glasses that go with the head, with a reflection that wanders over the lenses."""
    sheet, pose = Sheet(scene.size), pose_of(scene.points)
    rim, rim_width = np.array([30, 26, 24]), RIM_WIDTH * scene.unit
    shape = pose.undo(scene.points.astype(np.float64))
    for side, eye in ((-1, topology.LEFT_EYE_AREA), (1, topology.RIGHT_EYE_AREA)):
        middle = shape[eye].mean(axis=0) + np.array([0.02 * side, 0.03, 0])
        lens = lens_of(middle)
        glare = middle[0] - 0.9 * RIM[0] * pose.rotation[0, 2] / 0.3
        sheet.fill(placed(pose, within(lens, glare, 0.11)), np.array([225, 232, 240]), alpha=0.45)
        sheet.line(placed(pose, lens), rim_width, rim)
        hinge = middle + np.array([side * RIM[0], -0.06, 0])
        arm = np.array([[hinge[0], hinge[1], RIM_DEPTH], [0.72 * side, hinge[1], 0.55]])
        sheet.line(placed(pose, arm), rim_width, rim)
    inner = [shape[eye].mean(axis=0)[0] for eye in (topology.LEFT_EYE_AREA, topology.RIGHT_EYE_AREA)]
    across = np.linspace(inner[0] + RIM[0], inner[1] - RIM[0], 5)
    level = shape[168, 1] + 0.01
    bridge = np.column_stack([across, np.full(5, level), np.full(5, RIM_DEPTH)])
    sheet.line(placed(pose, bridge), rim_width, rim)
    return sheet.done()


def lens_of(middle: np.ndarray) -> np.ndarray:
    """Return the (n, 3) rim of a lens: a box with round corners, closed."""
    angles = np.linspace(0, 2 * np.pi, 49)
    round_box = [np.sign(wave) * np.abs(wave) ** 0.6 for wave in (np.cos(angles), np.sin(angles))]
    x, y = middle[0] + RIM[0] * round_box[0], middle[1] + RIM[1] * round_box[1]
    return np.column_stack([x, y, np.full(49, RIM_DEPTH)])


def within(lens: np.ndarray, x: float, half_width: float) -> np.ndarray:
    """Return the slanted stripe of the lens round that x."""
    height = np.clip((lens[:, 1] - lens[:, 1].mean()) / RIM[1], -1, 1)
    stripe = lens.copy()
    stripe[:, 0] = np.clip(lens[:, 0], x - half_width - 0.06 * height, x + half_width - 0.06 * height)
    return stripe


def placed(pose: Pose, places: np.ndarray) -> np.ndarray:
    return pose.apply(places)[:, :2]


PROPS: dict[str, Prop] = {
    "hand": hand,
    "hand at first": hand_at_first,
    "microphone": microphone,
    "strands": strands,
    "glasses": glasses,
}
