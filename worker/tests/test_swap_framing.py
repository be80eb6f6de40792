"""What is cut out of a swapped video, seen in the video itself."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from worker.engines import make
from worker.faces import topology
from worker.faces.track import landmarks_of_photo
from worker.media.picture import to_rgb
from worker.media.source import open_video
from worker.tests.clipmaking import write_clip
from worker.tests.faceclips import FACE_AT, HOPPER, portrait
from worker.tests.test_swap_job import quiet, task

SIZE = (480, 200)
FRAMES = range(0, 1600, 40)


def at(x: float, image: np.ndarray) -> np.ndarray:
    shift = np.float32([[1, 0, x - FACE_AT[0]], [0, 1, SIZE[1] / 2 - FACE_AT[1]]])
    return cv2.warpAffine(image, shift, SIZE, borderMode=cv2.BORDER_REPLICATE)


def walking(index: int, width: int, height: int) -> np.ndarray:
    """Return the astronaut, still for 8 pictures, then going right by 8 pixels a picture, then still."""
    return at(np.interp(index, [8, 33], [130, 330]), portrait())


def elsewhere_after_a_cut(index: int, width: int, height: int) -> np.ndarray:
    """Return the astronaut on the left for 20 pictures, then the same, dark and mirrored, on the right."""
    if index < 20:
        return at(130, portrait())
    return at(130, portrait())[:, ::-1] // 3


def framed_faces(path) -> list[float | None]:
    """Return where the middle of the face lies in every fourth picture, as a share of its width."""
    with open_video(path) as source:
        pictures = [to_rgb(picture) for picture in source][::4]
    faces = [landmarks_of_photo(image) for image in pictures]
    return [
        None if face is None else float(face[: topology.FACE_POINTS, 0].mean()) / image.shape[1]
        for face, image in zip(faces, pictures, strict=True)
    ]


def test_a_walking_face_stays_in_the_middle(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", times=FRAMES, size=SIZE, draw=walking)

    make(task(clip, tmp_path / "out.mp4", aspect_ratio="9:16", source_image=HOPPER), quiet)

    assert framed_faces(tmp_path / "out.mp4") == pytest.approx([0.5] * 10, abs=0.2)


def test_at_a_cut_the_camera_is_where_the_face_is_at_once(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", times=FRAMES, size=SIZE, draw=elsewhere_after_a_cut)

    make(task(clip, tmp_path / "out.mp4", aspect_ratio="9:16", source_image=HOPPER), quiet)

    assert framed_faces(tmp_path / "out.mp4") == pytest.approx([0.5] * 10, abs=0.1)
