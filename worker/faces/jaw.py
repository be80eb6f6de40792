"""Follow the chin by the picture itself: the mesh sees only a half to three quarters of its way.

A strip of the picture, from the lower lip to the chin, is looked for again in every frame, higher and
lower, in the face without its pose. Where it is hidden or has no texture, what the mesh says stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from worker.faces import topology
from worker.faces.pose import Pose, reference
from worker.memory import storable

MIDLINE = np.array([17, 18, 200, 199, 175, topology.CHIN])  # from the lower lip down
CHIN = np.array([topology.CHIN, 148, 377])
# In eye distances.
STEP, WIDTH = 0.015, 0.25  # between two rows; to either side of the middle
UNDER_LIP = 0.05  # where the strip begins; it ends at the chin, for the neck stays behind
REACH = 0.25  # how far up and down it is looked for
COLUMNS = 8
ROWS = round(REACH / STEP)

LIGHT = 6  # rows: what is wider is light, not texture
TRUST = 5.0  # how much less a place counts that is one eye distance from where the mesh says, squared
SURE = (0.3, 0.6)  # correlation from which the picture is believed, a little and wholly
LEARNING = 0.1  # per frame
# How far each point goes with the chin: the lips, which the mesh sees well, do not.
SHARES = np.clip((reference()[:, 1] - 0.75) / 0.25, 0, 1) * np.exp(-((reference()[:, 0] / 0.55) ** 2))
SHARES[topology.LIPS] = 0


@storable
@dataclass(frozen=True, kw_only=True)
class Jaw:
    """What is known of one face's jaw. Places and heights are of the face without its pose."""

    places: np.ndarray  # (rows, COLUMNS, 3) that are read in each frame
    strip: np.ndarray  # (rows, COLUMNS) float32: what was there while the chin was at `rest`
    rest: float


def follow(jaw: Jaw | None, luma: np.ndarray, pose: Pose, shape: np.ndarray) -> tuple[Jaw, np.ndarray]:
    """Return what is now known of the jaw, and the (478, 3) shape with its chin where the picture has it."""
    seen = float(shape[CHIN, 1].mean())
    if jaw is None:
        places = places_round_chin(shape)
        return Jaw(places=places, strip=read(luma, pose, places), rest=seen), shape
    strip = read(luma, pose, jaw.places)
    down, likeness = found_at(jaw.strip, strip, expected=seen - jaw.rest)
    sure = min(max((likeness - SURE[0]) / (SURE[1] - SURE[0]), 0.0), 1.0)
    moved = shape.copy()
    moved[: topology.FACE_POINTS, 1] += sure * (jaw.rest + down - seen) * SHARES
    back = np.array([[1, 0, 0], [0, 1, -down / STEP]], np.float32)
    aligned = cv2.warpAffine(strip, back, strip.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    learnt = jaw.strip + np.float32(LEARNING * sure) * (aligned - jaw.strip)
    rest = jaw.rest + LEARNING * sure * (seen - down - jaw.rest)
    return replace(jaw, strip=learnt, rest=float(rest)), moved


def places_round_chin(shape: np.ndarray) -> np.ndarray:
    middle = shape[MIDLINE]
    heights = np.arange(middle[0, 1] + UNDER_LIP - REACH, middle[-1, 1] + REACH, STEP)
    x, depth = (np.interp(heights, middle[:, 1], middle[:, axis]) for axis in (0, 2))
    across = np.linspace(-WIDTH, WIDTH, COLUMNS)
    places = np.empty((len(heights), COLUMNS, 3))
    places[..., 0] = x[:, None] + across
    places[..., 1], places[..., 2] = heights[:, None], depth[:, None]
    return places


def read(luma: np.ndarray, pose: Pose, places: np.ndarray) -> np.ndarray:
    """Return the texture at the places, float32 of the same rows and columns, without the light."""
    points = pose.apply(places.reshape(-1, 3))[:, :2].astype(np.float32).reshape(*places.shape[:2], 2)
    grain = 2 * round(STEP * pose.scale) + 1
    margin = grain + 2
    height, width = luma.shape
    x, y, across, down = cv2.boundingRect(points.reshape(-1, 2))
    left, right = max(x - margin, 0), min(x + across + margin, width)
    top, bottom = max(y - margin, 0), min(y + down + margin, height)
    if right - left < 2 or bottom - top < 2:
        return np.zeros(places.shape[:2], np.float32)
    calm = cv2.blur(luma[top:bottom, left:right], (grain, grain))
    strip = cv2.remap(
        calm,
        points - np.array([left, top], np.float32),
        None,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)
    return strip / (cv2.GaussianBlur(strip, (0, 0), LIGHT) + 4)


def found_at(known: np.ndarray, strip: np.ndarray, *, expected: float) -> tuple[float, float]:
    """Return how far the known strip's middle went down, and how like it is there, -1..1."""
    middle = known[ROWS:-ROWS]
    if any(cv2.meanStdDev(texture)[1].item() < 1e-3 for texture in (middle, strip)):
        return 0.0, 0.0
    likeness = cv2.matchTemplate(strip, middle, cv2.TM_CCOEFF_NORMED)[:, 0]
    ways = STEP * (np.arange(len(likeness)) - ROWS)
    scores = likeness - TRUST * (ways - expected) ** 2
    best = min(max(int(scores.argmax()), 1), len(scores) - 2)
    before, here, after = scores[best - 1 : best + 2].tolist()
    bend = before - 2 * here + after
    between = min(max((before - after) / (2 * bend), -0.5), 0.5) if bend < 0 else 0.0
    return float(ways[best] + between * STEP), float(likeness[best])
