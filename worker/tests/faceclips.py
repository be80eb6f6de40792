"""Tiny clips of a moving face, cut from the sample portraits, for the tests of what works on faces."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np

import worker
from worker.faces import topology
from worker.faces.track import landmarks_of_photo
from worker.media.photo import read_photo

SAMPLES = Path(worker.__file__).parent / "samples"
ASTRONAUT, HOPPER = SAMPLES / "astronaut.png", SAMPLES / "grace_hopper.jpg"
SIZE = (240, 200)  # width, height
FRAME_TIMES = range(0, 1000, 40)
FACE_AT = (223, 115)  # the middle of the astronaut's face


@cache
def portrait(path: Path = ASTRONAUT) -> np.ndarray:
    return read_photo(path)


def box_of_face(image: np.ndarray) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of the face in an RGB image."""
    points = landmarks_of_photo(image)[: topology.FACE_POINTS, :2]
    return (*np.floor(points.min(axis=0)).astype(int), *np.ceil(points.max(axis=0)).astype(int))


def moving_face(index: int, width: int, height: int) -> np.ndarray:
    """Return the astronaut, in the middle of the picture at first, going right by 2 pixels a frame."""
    shift = np.float32([[1, 0, width / 2 - FACE_AT[0] + 2 * index], [0, 1, height / 2 - FACE_AT[1]]])
    return cv2.warpAffine(portrait(), shift, (width, height), borderMode=cv2.BORDER_REPLICATE)


def face_that_goes(index: int, width: int, height: int) -> np.ndarray:
    """Return the face for the first 10 pictures, then plain grey."""
    return moving_face(index, width, height) if index < 10 else plain_grey(index, width, height)


def cut_to_another(index: int, width: int, height: int) -> np.ndarray:
    """Return the astronaut for the first 12 pictures, then the admiral, elsewhere."""
    if index < 12:
        return moving_face(index, width, height)
    place = np.float32([[0.6, 0, width * 0.4 - 0.6 * 267], [0, 0.6, height * 0.5 - 0.6 * 237]])
    return cv2.warpAffine(portrait(HOPPER), place, (width, height), borderMode=cv2.BORDER_REPLICATE)


def plain_grey(index: int, width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), 120, np.uint8)
