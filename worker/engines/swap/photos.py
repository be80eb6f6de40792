"""Read the photos that a job is to be made of, and find the face in each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from worker.errors import BadPayload, NoFaceInSource
from worker.faces.track import landmarks_of_photo
from worker.media.photo import read_photo
from worker.wire import Casting


@dataclass(frozen=True, kw_only=True)
class Photo:
    """An RGB photo (H, W, 3) uint8 and the (478, 3) landmarks of its largest face."""

    image: np.ndarray
    landmarks: np.ndarray


def photos_for(paths: Sequence[Path], faces: Sequence[Casting]) -> dict[int, Photo]:
    """Return the photos that somebody gets, by number. With no `faces`: the first one that shows a face.

    Raises NoFaceInSource if one of them shows none.
    """
    if not faces:
        return first_with_a_face(paths)
    numbers = sorted({casting.source for casting in faces if casting.source is not None})
    if not numbers:
        raise BadPayload(
            f"All {len(faces)} faces that the job names are to be left alone; nobody gets a photo."
        )
    return {number: photo_of(paths[number], f"source photo number {number}") for number in numbers}


def first_with_a_face(paths: Sequence[Path]) -> dict[int, Photo]:
    if len(paths) == 1:
        return {0: photo_of(paths[0], "the source photo")}
    for number, path in enumerate(paths):
        with suppress(NoFaceInSource):
            return {number: photo_of(path, f"source photo number {number}")}
    raise NoFaceInSource(f"No face was found in any of the {len(paths)} source photos.")


def photo_of(path: Path, name: str) -> Photo:
    image = read_photo(path)
    landmarks = landmarks_of_photo(image)
    if landmarks is None:
        height, width = image.shape[:2]
        raise NoFaceInSource(f"No face was found in {name} of {width}x{height} pixels.")
    return Photo(image=image, landmarks=landmarks)
