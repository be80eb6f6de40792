"""Follow one face from picture to picture.

While the face is held, the mesh looks where it was last; the detector works only
to find it, or to find it again.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from worker.faces import topology
from worker.faces.detect import Detector
from worker.faces.mesh import Mesh, Region, region_of_detection, region_of_landmarks
from worker.faces.views import Box, RgbView, View

PRESENT = 0.5  # the least presence score of a face that is really there
LOOK = 288  # pixels: the mesh needs 192 of the turned square
SEARCH = 640  # pixels: enough for the full-range detector to start from
SMALLEST_REGION = 32  # pixels: below, nothing can be seen


class Tracker:
    """Holds one face. `scales`: the mesh looks once at each multiple of its region, and takes the mean."""

    def __init__(self, *, scales: tuple[float, ...] = (1.0,)) -> None:
        self.scales = scales
        self.mesh = Mesh()
        self.near = Detector("det_short")
        self.region: Region | None = None

    @cached_property
    def far(self) -> Detector:
        return Detector("det_full")

    def forget(self) -> None:
        """Look for a face anew in the next picture, as after a cut."""
        self.region = None

    def follow(self, view: View) -> np.ndarray | None:
        """Return the (478, 3) landmarks of the held face, else of the largest; None if there is none."""
        landmarks = self.hold(view, self.region) if self.region else None
        return self.search(view) if landmarks is None else landmarks

    def hold(self, view: View, region: Region) -> np.ndarray | None:
        landmarks = self.read(view, region)
        self.region = None if landmarks is None else region_of_landmarks(landmarks)
        return landmarks

    def search(self, view: View) -> np.ndarray | None:
        whole = Box(left=0, top=0, right=view.width, bottom=view.height)
        image = view.look(whole, SEARCH)
        for face in self.detections(image):
            scale = view.width / image.shape[1]
            found = region_of_detection(face)
            region = Region(x=found.x * scale, y=found.y * scale, side=found.side * scale, angle=found.angle)
            # Look twice: the second starts from landmarks, as in every later picture, and finds the same.
            if self.hold(view, region) is not None and self.region is not None:
                return self.hold(view, self.region)
        return None

    def detections(self, image: np.ndarray) -> list:
        """Return the faces, the largest first, from the cheaper detector that finds any."""
        faces = self.near.find(image) or self.far.find(image)
        return sorted(faces, key=lambda face: face.area, reverse=True)

    def read(self, view: View, region: Region) -> np.ndarray | None:
        """Return the landmarks of the face in the region, in the view's pixels."""
        reach = region.side * 0.75
        box = Box(
            left=int(region.x - reach),
            top=int(region.y - reach),
            right=int(region.x + reach),
            bottom=int(region.y + reach),
        ).even_within(view.width, view.height)
        if min(box.width, box.height) < SMALLEST_REGION:
            return None
        image = view.look(box, LOOK)
        zoom = image.shape[1] / box.width
        near = Region(
            x=(region.x - box.left + 0.5) * zoom - 0.5,
            y=(region.y - box.top + 0.5) * zoom - 0.5,
            side=region.side * zoom,
            angle=region.angle,
        )
        looks = [self.mesh.find(image, near.widened(scale)) for scale in self.scales]
        if looks[0][1] < PRESENT:
            return None
        landmarks = np.mean([points for points, _ in looks], axis=0) / zoom
        landmarks[:, :2] += np.array([box.left, box.top]) + 0.5 / zoom - 0.5
        return landmarks.astype(np.float32)


def landmarks_of_photo(photo: np.ndarray) -> np.ndarray | None:
    """Return the (478, 3) landmarks of the largest face in an RGB photo; None if there is none."""
    return Tracker(scales=(0.93, 1.0, 1.07)).follow(RgbView(photo))


def face_size(landmarks: np.ndarray) -> float:
    """Return the longer side of the face's upright box, in pixels."""
    return float(np.ptp(landmarks[: topology.FACE_POINTS, :2], axis=0).max())
