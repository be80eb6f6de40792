"""What pictures of a swap are judged by. Images are (H, W, 3) uint8 RGB, points the true (478, 3) in pixels.

Everything is read through the clip's true geometry, so that no judge depends on the engine's own eyes.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from worker.engines.swap.masks import CHEEKS_OF_SKIN, hulls
from worker.engines.swap.skin import lab_of_rgb
from worker.faces import topology
from worker.faces.raster import rasterize

TEXTURE = 128  # pixels: side of the texture that trembling is read in
BROWS_AT = 0.18  # of the face's height: dlib's box begins there
SAME_PERSON = 0.6  # dlib's own threshold for its distance
TELLABLE = 10.0  # levels between the video's pixel and the swapped one: below, nobody could say which it is
INSET = 0.12  # of the face's width: what lies nearer to its border is the feather's


class Likeness:
    """dlib's face embedding. Distances: the same person is under 0.6."""

    def __init__(self) -> None:
        import dlib

        found = find_spec("face_recognition_models")
        assert found is not None
        assert found.origin is not None
        models = Path(found.origin).parent / "models"
        self.predictor = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
        self.network = dlib.face_recognition_model_v1(
            str(models / "dlib_face_recognition_resnet_model_v1.dat")
        )
        self.rectangle = dlib.rectangle

    def embedding(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        face = points[: topology.FACE_POINTS, :2]
        (left, top), (right, bottom) = face.min(axis=0), face.max(axis=0)
        box = self.rectangle(int(left), int(top + BROWS_AT * (bottom - top)), int(right), int(bottom))
        shape = self.predictor(image, box)
        return np.array(self.network.compute_face_descriptor(image, shape, 0, 0.25))


def texture(image: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the face's luma laid flat, (TEXTURE, TEXTURE) float32, and where there is skin."""
    height, width = image.shape[:2]
    flat = np.column_stack([topology.UV * TEXTURE, np.zeros(len(topology.UV))]).astype(np.float32)
    values = np.ones((topology.FACE_POINTS, 3), np.float32)
    values[:, :2] = np.clip(points[: topology.FACE_POINTS, :2] / (width, height), 0, 1)
    drawn = rasterize(flat, topology.SKIN_TRIANGLES, values, width=TEXTURE, height=TEXTURE)
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    read = cv2.remap(luma, drawn[..., 0] * width, drawn[..., 1] * height, cv2.INTER_LINEAR)
    return cv2.GaussianBlur(read.astype(np.float32), (0, 0), 1), drawn[..., 2] > 0.5


def trembling(textures: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the mean size of the second difference in time: light that changes slowly does not count."""
    last: list[np.ndarray] = []
    sizes = []
    for flat, skin in textures:
        last = [*last[-2:], flat]
        if len(last) == 3:
            sizes.append(np.abs(last[0] - 2 * last[1] + last[2])[skin].mean())
    return float(np.mean(sizes))


def cheek_difference(one: np.ndarray, other: np.ndarray, points: np.ndarray) -> float:
    """Return the CIE 1976 difference of the mean colours, the mean of both cheeks."""
    each = []
    for group in CHEEKS_OF_SKIN:
        skin = hulls(points, (group,), one.shape[:2])
        colours = [lab_of_rgb(image[skin].mean(axis=0)[None, None])[0, 0] for image in (one, other)]
        each.append(np.linalg.norm(colours[0] - colours[1]))
    return float(np.mean(each))


def inner_face(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the bool mask of the face without its border."""
    face = hulls(points, (topology.OVAL,), size).astype(np.uint8)
    reach = int(INSET * np.ptp(points[topology.OVAL, 0])) | 1
    return cv2.erode(face, np.ones((reach, reach), np.uint8)) > 0


def kept(video: np.ndarray, result: np.ndarray, painted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where the result is the video's own rather than painted over, and where that can be told at all.

    `painted` is the same frame swapped with nothing held to be in front.
    """
    own, swapped, new = (
        cv2.GaussianBlur(each, (0, 0), 1).astype(np.float32) for each in (video, painted, result)
    )
    to_own, to_swapped = (np.linalg.norm(new - each, axis=2) for each in (own, swapped))
    return to_own < to_swapped, np.linalg.norm(own - swapped, axis=2) > TELLABLE


def best_lag(one: np.ndarray, other: np.ndarray, most: int = 6) -> tuple[float, int]:
    """Return the highest correlation, and by how many frames `one` comes after `other` there."""
    found = []
    for lag in range(-most, most + 1):
        late, early = (
            one[max(0, lag) : len(one) + min(0, lag)],
            other[max(0, -lag) : len(other) - max(0, lag)],
        )
        found.append((float(np.corrcoef(late, early)[0, 1]), lag))
    return max(found)


def dips(opening: np.ndarray) -> int:
    """Count the blinks: how often the eyes' opening falls under 60 % of its median."""
    shut = opening < 0.6 * np.median(opening)
    return int((np.diff(shut.astype(int), prepend=0) == 1).sum())
