"""Remake the mean face that poses are measured against: `python -m worker.faces.reference`.

It is the mean of the two sample portraits and their mirror images, aligned to one another.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from worker.faces import topology
from worker.faces.pose import REFERENCE_FILE, fit
from worker.faces.track import landmarks_of_photo

SAMPLES = Path(__file__).parent.parent / "samples"
PORTRAITS = ("astronaut.png", "grace_hopper.jpg")
ROUNDS = 10  # it settles after three


def symmetric(shape: np.ndarray) -> np.ndarray:
    """Centre the shape, make it its own mirror image, and set its eye corners one unit apart."""
    centred = shape - shape[topology.RIGID].mean(axis=0)
    both = (centred + centred[topology.MIRROR] * (-1, 1, 1)) / 2
    eyes = both[topology.RIGHT_EYE_CORNER] - both[topology.LEFT_EYE_CORNER]
    return both / np.linalg.norm(eyes)


def mean_face(faces: list[np.ndarray]) -> np.ndarray:
    """Align the (468, 3) faces with their mean, and the mean with them, until both stand still."""
    # Start upright: the mirroring must meet the face's own plane of symmetry.
    mean = symmetric(faces[0])
    for _ in range(ROUNDS):
        poses = [fit(face[topology.RIGID], mean[topology.RIGID]) for face in faces]
        aligned = [pose.apply(face) for pose, face in zip(poses, faces, strict=True)]
        mean = symmetric(np.mean(aligned, axis=0))
    return mean


def main() -> None:
    photos = [cv2.cvtColor(cv2.imread(str(SAMPLES / name)), cv2.COLOR_BGR2RGB) for name in PORTRAITS]
    found = [landmarks_of_photo(photo) for photo in photos]
    faces = [face[: topology.FACE_POINTS].astype(np.float64) for face in found if face is not None]
    np.save(REFERENCE_FILE, mean_face(faces).astype(np.float32))
    print(f"Wrote {REFERENCE_FILE} from {len(faces)} portraits.")


if __name__ == "__main__":
    main()
