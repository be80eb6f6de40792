"""Say of every face in a photo whether it serves, and which of them a job takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from worker.engines.swap.photos import photo_of
from worker.engines.swap.roles import faces_in
from worker.engines.swap.turning import PITCH, YAW, view_angles
from worker.faces.crowd import are_one_face
from worker.faces.pose import pose_of
from worker.faces.track import face_size
from worker.faces.views import RgbView, View
from worker.faces.vignette import shares_of, vignette

MOST = 12
# The sample portraits shrunk to it keep within 0.15 of their embeddings, to half of it within 0.32.
SMALLEST = 64  # pixels, the longer side of the face's box


@dataclass(frozen=True, kw_only=True)
class Sitter:
    """A face of a photo: `box` in shares of the sides. `reason` and `sentence` are empty for one that serves.

    `is_taken`: a job uses this one, even if it serves badly.
    """

    box: list[float]
    is_taken: bool
    reason: str
    sentence: str
    picture: bytes


def sitters_of(path: Path) -> list[Sitter]:
    """Return the faces, first the one that a job takes, then the largest. NoFaceInSource if there is none."""
    photo = photo_of(path, "the photo")
    view = RgbView(photo.image)
    faces = [photo.landmarks]
    for face in sorted(faces_in(view), key=face_size, reverse=True):
        if not any(are_one_face(face, other) for other in faces):
            faces.append(face)
    return [sitter(view, face, is_taken=face is photo.landmarks) for face in faces[:MOST]]


def sitter(view: View, landmarks: np.ndarray, *, is_taken: bool) -> Sitter:
    reason, sentence = flaw_of(landmarks)
    return Sitter(
        box=shares_of(view, landmarks),
        is_taken=is_taken,
        reason=reason,
        sentence=sentence,
        picture=vignette(view, landmarks),
    )


def flaw_of(landmarks: np.ndarray) -> tuple[str, str]:
    """Return what speaks against a face, a word for programs and a sentence; both empty if nothing does."""
    size, angles = face_size(landmarks), view_angles(pose_of(landmarks))
    if size < SMALLEST:
        return (
            "too_small",
            f"The face is only {size:.0f} pixels high; it needs {SMALLEST} to be made out well.",
        )
    if np.linalg.norm(angles / (YAW, PITCH)) > 1:
        turned = np.degrees(np.abs(angles).max())
        return (
            "turned_away",
            f"The face is turned away by more than {turned:.0f} degrees: one side is not seen.",
        )
    return "", ""
