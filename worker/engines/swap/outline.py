"""Give the video's head the photo's cheeks and jaw: their outline moves, and what is round them makes room.

The new face ends inside the oval, so that the head's width and its jaw would else stay the video's.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np

from worker.engines.swap.easing import smoothstep
from worker.engines.swap.shape import spread_inwards, with_shift
from worker.faces import topology
from worker.faces.pose import Pose
from worker.faces.raster import rasterize
from worker.faces.smooth import Face
from worker.faces.views import Box
from worker.media.picture import Picture

REACH = 0.45  # in eye distances beyond the oval: nothing moves farther out
BANDS = 3  # of triangles on that way
BEHIND = 0.5  # in eye distances: the bands are behind the face, where it turns over them
STEP = 0.06  # in eye distances, at most, between two points of the map
LEAST = 0.1  # pixels: less is not worth the work

BESIDE = topology.POINTS + np.arange(BANDS * len(topology.OVAL)).reshape(BANDS, -1)
STAYS = 1 - smoothstep(np.arange(1, BANDS + 1) / BANDS, 0, 1)  # how much of the oval's move each band makes


def bands() -> np.ndarray:
    """Return the triangles between the oval and the bands' outer edges."""
    edges = [topology.OVAL, *BESIDE]
    each = [
        np.stack([inner, np.roll(inner, -1), outer, np.roll(outer, -1)]) for inner, outer in pairwise(edges)
    ]
    return np.concatenate([part[[0, 1, 2]].T for part in each] + [part[[1, 3, 2]].T for part in each])


TRIANGLES = np.concatenate([topology.FACE_TRIANGLES, bands()]).astype(np.int32)


class Outline:
    """`shift`, (468, 3), is the way from the video's neutral shape to the new one; the oval's counts."""

    def __init__(self, shift: np.ndarray) -> None:
        self.moves = spread_inwards(shift)
        moving = np.zeros(BESIDE.max() + 1, bool)
        moving[: topology.FACE_POINTS] = self.moves.any(axis=1)
        moving[BESIDE[:-1]] = moving[topology.OVAL]
        self.triangles = TRIANGLES[moving[TRIANGLES].any(axis=1)]

    def reshaped(self, picture: Picture, face: Face, shown: np.ndarray) -> Face:
        """Move the outline in place and return the face as it is then; `shown`, (468,) 0..1, is how far."""
        moves = self.moves * shown[:, None] * face.presence
        if np.abs(moves).max() * face.pose.scale < LEAST:
            return face
        shape = with_shift(face.shape, moves)
        before, after = (points_of(face.pose, each) for each in (face.shape, shape))
        after[BESIDE] = before[BESIDE] + STAYS[:, None, None] * (after - before)[topology.OVAL]
        bend(picture, before, after, self.triangles, step=2 ** int(np.log2(max(2, STEP * face.pose.scale))))
        return replace(face, shape=shape, landmarks=after[: topology.POINTS].astype(np.float32))


def points_of(pose: Pose, shape: np.ndarray) -> np.ndarray:
    """Return the face's points and those of the bands round it, in the picture."""
    oval = shape[topology.OVAL]
    away = (oval - oval.mean(axis=0)) * (1, 1, 0)
    away *= REACH / np.linalg.norm(away, axis=1, keepdims=True)
    shares = np.arange(1, BANDS + 1)[:, None, None] / BANDS
    beside = oval + (0, 0, BEHIND) + shares * away
    return pose.apply(np.concatenate([shape, beside.reshape(-1, 3)]))


def bend(
    picture: Picture, before: np.ndarray, after: np.ndarray, triangles: np.ndarray, *, step: int
) -> None:
    """Bring what is in the triangles between the (N, 3) points before to where they are after, in place.

    The map is made for every `step`-th pixel, an even number.
    """
    touched = after[triangles.ravel(), :2]
    low, high = np.floor(touched.min(axis=0)).astype(int), np.ceil(touched.max(axis=0)).astype(int)
    box = Box(left=int(low[0]), top=int(low[1]), right=int(high[0]), bottom=int(high[1]))
    box = box.even_within(picture.width, picture.height)
    if min(box.width, box.height) < 2:
        return
    coarse = places_before(before, after, triangles, box, step)
    half = box.halved()
    luma = enlarged(coarse, step, (box.width, box.height))
    # A chroma pixel's middle lies between its four luma pixels'.
    chroma = enlarged(coarse, step // 2, (half.width, half.height)) / 2 - np.float32(0.25)
    box.of(picture.y)[:] = cv2.remap(picture.y, luma, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    for plane in (picture.u, picture.v):
        half.of(plane)[:] = cv2.remap(plane, chroma, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def places_before(
    before: np.ndarray, after: np.ndarray, triangles: np.ndarray, box: Box, step: int
) -> np.ndarray:
    """Return (h, w, 2): where in the picture comes from what is shown at each step-th pixel of the box.

    There is one such pixel more on every side.
    """
    width, height = -(-box.width // step) + 2, -(-box.height // step) + 2
    corner = np.array([box.left - step, box.top - step])
    way = (before - after)[:, :2]
    longest = np.abs(way).max()
    values = np.ones((len(way), 3))
    values[:, :2] = 0.5 + 0.5 * way / longest
    drawn = rasterize(
        np.column_stack([(after[:, :2] - corner + 0.5) / step - 0.5, after[:, 2] / step]),
        triangles,
        values,
        width=width,
        height=height,
    )
    ways = np.where(drawn[..., 2:] > 0, (2 * drawn[..., :2] - 1) * np.float32(longest), np.float32(0))
    ways = cv2.blur(ways, (3, 3))  # the triangles are not to be seen
    x, y = (
        corner[axis] + step * np.arange(size) + (step - 1) / 2 for axis, size in ((0, width), (1, height))
    )
    ways[..., 0] += x.astype(np.float32)
    ways[..., 1] += y.astype(np.float32)[:, None]
    return ways


def enlarged(coarse: np.ndarray, times: int, size: tuple[int, int]) -> np.ndarray:
    """Return the map for every pixel, without what it has more on every side; `size` as (width, height)."""
    whole = cv2.resize(coarse, None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(whole[times : times + size[1], times : times + size[0]])
