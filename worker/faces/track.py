"""Follow one face from picture to picture, where there is only one that matters."""

from __future__ import annotations

import numpy as np

from worker.faces import topology
from worker.faces.look import Looker
from worker.faces.mesh import Region, region_of_landmarks
from worker.faces.views import RgbView, View


class Tracker:
    """Holds one face. The mesh looks where it was last; the detector works only to find it."""

    def __init__(self, *, scales: tuple[float, ...] = (1.0,)) -> None:
        self.looker = Looker(scales=scales)
        self.region: Region | None = None

    def forget(self) -> None:
        """Look for a face anew in the next picture, as after a cut."""
        self.region = None

    def follow(self, view: View) -> np.ndarray | None:
        """Return the (478, 3) landmarks of the held face, else of the largest; None if there is none."""
        landmarks = self.looker.read(view, self.region) if self.region else None
        landmarks = self.search(view) if landmarks is None else landmarks
        self.region = None if landmarks is None else region_of_landmarks(landmarks)
        return landmarks

    def search(self, view: View) -> np.ndarray | None:
        for region in self.looker.find(view):
            landmarks = self.looker.settle(view, region)
            if landmarks is not None:
                return landmarks
        return None


def landmarks_of_photo(photo: np.ndarray) -> np.ndarray | None:
    """Return the (478, 3) landmarks of the largest face in an RGB photo; None if there is none."""
    return Tracker(scales=(0.93, 1.0, 1.07)).follow(RgbView(photo))


def face_size(landmarks: np.ndarray) -> float:
    """Return the longer side of the face's upright box, in pixels."""
    return float(np.ptp(landmarks[: topology.FACE_POINTS, :2], axis=0).max())
