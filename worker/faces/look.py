"""Look at a picture for faces: all over it, or in one place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from worker.faces.detect import Detection, Detector
from worker.faces.mesh import Mesh, Region, region_of_detection, region_of_landmarks
from worker.faces.views import Box, View

PRESENT = 0.5  # the least presence score of a face that is really there
LOOK = 288  # pixels: the mesh needs 192 of the turned square
SEARCH = 640  # pixels: enough for the full-range detector to start from
GLANCE = 256  # pixels: enough for the short-range one
SMALLEST_REGION = 32  # pixels: below, nothing can be seen


class Looker:
    """The networks, which remember nothing. `scales`: the mesh looks once at each multiple of its region,
    and takes the mean."""

    def __init__(self, *, scales: tuple[float, ...] = (1.0,)) -> None:
        self.scales = scales
        self.mesh = Mesh()
        self.near = Detector("det_short")

    @cached_property
    def far(self) -> Detector:
        return Detector("det_full")

    def find(self, view: View) -> list[Region]:
        """Return where faces are, the largest first, from the cheaper detector that finds any."""
        image = whole(view, SEARCH)
        return regions(self.near.find(image) or self.far.find(image), view.width / image.shape[1])

    def find_all(self, view: View) -> list[Region]:
        """Return what both detectors find, the largest first; a face may be there twice."""
        image = whole(view, SEARCH)
        return regions([*self.near.find(image), *self.far.find(image)], view.width / image.shape[1])

    def find_near(self, view: View) -> list[Region]:
        """Return the faces that are not small in the picture, the largest first: the cheapest search."""
        image = whole(view, GLANCE)
        return regions(self.near.find(image), view.width / image.shape[1])

    def settle(self, view: View, region: Region) -> np.ndarray | None:
        """Return the landmarks at a place that a detector gave.

        Looks twice: the second starts from landmarks, as in every later picture, and finds the same.
        """
        first = self.read(view, region)
        return None if first is None else self.read(view, region_of_landmarks(first))

    def read(self, view: View, region: Region) -> np.ndarray | None:
        """Return the (478, 3) landmarks of the face in the region, in the view's pixels; None without one."""
        near = closeup(view, region, LOOK)
        if near is None:
            return None
        looks = [self.mesh.find(near.image, near.region.widened(scale)) for scale in self.scales]
        if looks[0][1] < PRESENT:
            return None
        return near.in_view(np.mean([points for points, _ in looks], axis=0))


@dataclass(frozen=True, kw_only=True)
class Closeup:
    """A piece of a view as an RGB image, with `zoom` pixels to one of the view; `region` is in the image."""

    image: np.ndarray
    region: Region
    zoom: float
    corner: np.ndarray

    def in_view(self, points: np.ndarray) -> np.ndarray:
        """Return the image's (n, 3) points in the view's pixels."""
        points = points / self.zoom
        points[:, :2] += self.corner + 0.5 / self.zoom - 0.5
        return points.astype(np.float32)


def closeup(view: View, region: Region, longest: int) -> Closeup | None:
    """Return the view round the region, at most so many pixels long; None if there is too little of it."""
    box = square(view, region.x, region.y, region.side * 0.75)
    if min(box.width, box.height) < SMALLEST_REGION:
        return None
    image = view.look(box, longest)
    zoom = image.shape[1] / box.width
    near = Region(
        x=(region.x - box.left + 0.5) * zoom - 0.5,
        y=(region.y - box.top + 0.5) * zoom - 0.5,
        side=region.side * zoom,
        angle=region.angle,
    )
    return Closeup(image=image, region=near, zoom=zoom, corner=np.array([box.left, box.top]))


def square(view: View, x: float, y: float, reach: float) -> Box:
    """Return what of the square that reaches so many pixels round (x, y) is in the view."""
    sides = Box(left=int(x - reach), top=int(y - reach), right=int(x + reach), bottom=int(y + reach))
    return sides.even_within(view.width, view.height)


def whole(view: View, longest: int) -> np.ndarray:
    return view.look(Box(left=0, top=0, right=view.width, bottom=view.height), longest)


def regions(faces: list[Detection], scale: float) -> list[Region]:
    """Return the faces' regions, the largest first, in a picture larger by `scale`."""
    largest_first = sorted(faces, key=lambda face: face.area, reverse=True)
    found = [region_of_detection(face) for face in largest_first]
    return [Region(x=r.x * scale, y=r.y * scale, side=r.side * scale, angle=r.angle) for r in found]
