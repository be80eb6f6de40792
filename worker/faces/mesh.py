"""Put MediaPipe's attention mesh on a face: 478 points, with care for lips and eyes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from worker.faces import topology
from worker.faces.detect import Detection
from worker.faces.networks import open_network, probability

SIDE = 192  # of the network's input
MARGIN = 1.5  # the region's side over the face's longer side, as in training


@dataclass(frozen=True, kw_only=True)
class Region:
    """A turned square that holds a face or a hand: centre, side in pixels, and angle in radians.

    The angle is that of a face's eye line, and the one that a hand is turned by from pointing up.
    """

    x: float
    y: float
    side: float
    angle: float

    def matrix(self, side: int = SIDE) -> np.ndarray:
        """Return the (2, 3) map from the image to the network's input, which has that side."""
        scale = side / self.side
        cos, sin = math.cos(self.angle) * scale, math.sin(self.angle) * scale
        middle = (side - 1) / 2
        x_shift = middle - cos * self.x - sin * self.y
        y_shift = middle + sin * self.x - cos * self.y
        return np.array([[cos, sin, x_shift], [-sin, cos, y_shift]], np.float32)

    def widened(self, factor: float) -> Region:
        return Region(x=self.x, y=self.y, side=self.side * factor, angle=self.angle)


def region_of_detection(face: Detection) -> Region:
    x, y = (face.low + face.high) / 2
    dx, dy = face.keypoints[1] - face.keypoints[0]
    side = MARGIN * (face.high - face.low).max()
    return Region(x=float(x), y=float(y), side=float(side), angle=math.atan2(dy, dx))


def region_of_landmarks(landmarks: np.ndarray) -> Region:
    dx, dy = (landmarks[topology.RIGHT_EYE_CORNER] - landmarks[topology.LEFT_EYE_CORNER])[:2]
    angle = math.atan2(dy, dx)
    upright = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    turned = landmarks[: topology.FACE_POINTS, :2] @ upright.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    x, y = (low + high) / 2 @ upright
    return Region(x=float(x), y=float(y), side=float(MARGIN * (high - low).max()), angle=angle)


def crop(image: np.ndarray, region: Region, side: int = SIDE) -> np.ndarray:
    """Cut the region out of the image at the network's size, without aliasing."""
    shrink = max(1, math.floor(region.side / side))
    size = side * shrink
    matrix = region.matrix(side) * shrink
    matrix[:, 2] += (shrink - 1) / 2
    cut = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cut if shrink == 1 else cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA)


def to_image(points: np.ndarray, region: Region, side: int = SIDE) -> np.ndarray:
    """Return the network's (n, 3) points in the image that the region was cut from."""
    back = cv2.invertAffineTransform(region.matrix(side))
    # The network counts from the first pixel's corner, images here from its centre.
    flat = (points[:, :2] - 0.5) @ back[:, :2].T + back[:, 2]
    return np.concatenate([flat, points[:, 2:] * (region.side / side)], axis=1).astype(np.float32)


class Mesh:
    # output of the network: the points that it says again, better, in x and y
    REFINES = {
        "output_lips": topology.REFINED_LIPS,
        "output_left_eye": topology.REFINED_LEFT_EYE,
        "output_right_eye": topology.REFINED_RIGHT_EYE,
        "output_left_iris": np.arange(topology.LEFT_IRIS, topology.LEFT_IRIS + 5),
        "output_right_iris": np.arange(topology.RIGHT_IRIS, topology.RIGHT_IRIS + 5),
    }

    def __init__(self) -> None:
        self.network = open_network("mesh_attention")
        self.outputs = [output.name for output in self.network.get_outputs()]

    def find(self, image: np.ndarray, region: Region) -> tuple[np.ndarray, float]:
        """Return the (478, 3) landmarks of the face in the region, and how likely there is one, 0..1."""
        pixels = crop(image, region)[None].astype(np.float32) / 255
        answer = dict(zip(self.outputs, self.network.run(None, {"input": pixels}), strict=True))
        points = np.empty((topology.POINTS, 3), np.float32)
        points[: topology.FACE_POINTS] = answer["output_mesh_identity"].reshape(-1, 3)
        for name, indices in self.REFINES.items():
            points[indices, :2] = answer[name].reshape(-1, 2)
        points[topology.LEFT_IRIS : topology.RIGHT_IRIS, 2] = points[topology.LEFT_EYE, 2].mean()
        points[topology.RIGHT_IRIS :, 2] = points[topology.RIGHT_EYE, 2].mean()
        presence = float(probability(answer["conv_faceflag"].ravel())[0])
        return to_image(points, region), presence
