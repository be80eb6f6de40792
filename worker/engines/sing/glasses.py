"""Tells whether a portrait wears glasses, by the bridge between the lenses."""

from __future__ import annotations

import cv2
import numpy as np

from worker.engines.sing.canvas import Canvas
from worker.faces import topology
from worker.faces.pose import pose_of

BRIDGE = (-0.10, 0.40)  # eye distances from between the eyes down the nose: there a bridge may lie
WIDTH = 0.10  # eye distances across the nose
STEPS_PER_EYE_DISTANCE = 96
BLUR = 1.2  # steps
EDGE = 0.04  # of the nose's own light, per step: bare noses of the samples have 0.010, a bridge 0.096


def wears_glasses(canvas: Canvas) -> bool:
    strip = cv2.GaussianBlur(nose_strip(canvas), (0, 0), BLUR)
    light = strip.mean(axis=1)
    return bool(np.abs(np.diff(light)).max() > EDGE * light.mean())


def nose_strip(canvas: Canvas) -> np.ndarray:
    """Return the luma of the upper nose, upright, float32, STEPS_PER_EYE_DISTANCE."""
    pose = pose_of(canvas.landmarks)
    between = pose.undo(canvas.landmarks[topology.BETWEEN_EYES].astype(np.float64))
    corners = np.array([[-WIDTH / 2, BRIDGE[0], 0], [WIDTH / 2, BRIDGE[0], 0], [-WIDTH / 2, BRIDGE[1], 0]])
    width, height = (round(side * STEPS_PER_EYE_DISTANCE) for side in (WIDTH, BRIDGE[1] - BRIDGE[0]))
    seen = pose.apply(between + corners)[:, :2].astype(np.float32)
    own = np.array([[0, 0], [width, 0], [0, height]], np.float32)
    grey = cv2.cvtColor(canvas.image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return cv2.warpAffine(grey, cv2.getAffineTransform(seen, own), (width, height))
