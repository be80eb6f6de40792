"""Tells the person of a portrait from what is behind, once.

A matte is (H, W) float32, 0 behind the person to 1 on it, half where hair lets the background through.
"""

from __future__ import annotations

import cv2
import numpy as np

from worker.engines.sing.canvas import Canvas
from worker.faces import topology
from worker.faces.networks import open_network
from worker.faces.views import Box

SIDE = 256  # pixels of the network's input
AROUND = 2.4  # face heights from the middle of the face: farther off nothing moves
# Ellipse round the face, in sizes of its oval, (across, up): above the chin, nothing outside is its head.
FAR = (2.1, 2.6)
STEEP = 2.0  # the network is unsure over more pixels than the edge is wide, by so much
EDGE = 0.03  # face heights: how far from the cut the soft edge may lie
FITTED = 720  # pixels of the longer side at which the edge is laid
FLATNESS = 1e-4  # of the guided filter, for colours of 0..1
EVEN = 1e-6  # a plane of 0..1 varies by less: there is no edge to lay
NOTHING, ALL = 0.04, 0.96  # what the filter leaves below is background, above person
# What a trusted cut holds: least of the face, most of its outline at FAR's limit, most of the upper border.
LEAST_FACE, MOST_LIMIT, MOST_BORDER = 0.97, 0.12, 0.25
LEAST_HEAD = 0.10  # the head is wider than the face by so much, or hair was taken for background


def matte_of(canvas: Canvas) -> np.ndarray | None:
    """Return the matte of the canvas's person, the same each time; None if it is not to be trusted."""
    height, width = canvas.image.shape[:2]
    oval = canvas.landmarks[topology.OVAL, :2]
    face_height = float(np.ptp(oval[:, 1]))
    (x, y), reach = oval.mean(axis=0), AROUND * face_height
    box = Box(left=int(x - reach), top=int(y - reach), right=int(x + reach), bottom=int(y + reach))
    box = box.even_within(width, height)
    points = (canvas.landmarks[:, :2] - (box.left, box.top)) * (SIDE / box.width, SIDE / box.height)
    far = far_from(points)
    cut = cut_out(box.of(canvas.image), points, far)
    if not is_trusted(cut, far, points):
        return None
    matte = np.zeros((height, width), np.float32)
    box.of(matte)[:] = refined(box.of(canvas.image), cut, radius=max(2, round(EDGE * face_height)))
    return cv2.fillPoly(matte, [np.rint(oval).astype(np.int32)], 1.0)


def far_from(points: np.ndarray) -> np.ndarray:
    """Return (SIDE, SIDE) bool: what is too far from the face of the (478, 2) points to be its head."""
    oval = points[topology.OVAL]
    middle, size = oval.mean(axis=0), np.ptp(oval, axis=0)
    rows, columns = np.indices((SIDE, SIDE), np.float32)
    across, down = (columns - middle[0]) / (size[0] / 2), (rows - middle[1]) / (size[1] / 2)
    return (rows < points[topology.CHIN, 1]) & (np.hypot(across / FAR[0], down / FAR[1]) > 1)


def cut_out(image: np.ndarray, points: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Return (SIDE, SIDE) float32 0..1, where the face's person is: one piece, without holes."""
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    sure = open_network("person").run(None, {"input": small[None]})[0][0, ..., 0]
    cut = np.clip((sure - 0.5) * STEEP + 0.5, 0, 1) * ~far
    _, pieces = cv2.connectedComponents((cut > 0.5).astype(np.uint8))
    x, y = np.clip(np.rint(points[topology.OVAL].mean(axis=0)).astype(int), 0, SIDE - 1)
    person = (pieces == pieces[y, x]).astype(np.uint8)
    cut[cv2.dilate(person, np.ones((5, 5))) == 0] = 0
    outlines, _ = cv2.findContours(person, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = cv2.drawContours(person.copy(), outlines, -1, 1, cv2.FILLED)
    cut[whole > person] = 1
    return cut


def disc(diameter: float) -> np.ndarray:
    side = 2 * round(diameter / 2) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def is_trusted(cut: np.ndarray, far: np.ndarray, points: np.ndarray) -> bool:
    """Tell whether the cut holds the face and some hair, and ends at edges of the picture's own.

    A cut that runs along the limit of what was ruled out, or along the picture's upper border, is no outline.
    """
    person = (cut > 0.5).astype(np.uint8)
    oval = points[topology.OVAL]
    face = cv2.fillPoly(np.zeros_like(person), [np.rint(oval).astype(np.int32)], 1) > 0
    above = np.indices(person.shape)[0] < points[topology.CHIN, 1]
    head = (person > 0) & above
    limit = cv2.dilate(far.astype(np.uint8), np.ones((5, 5))) > 0
    outline = head & (cv2.erode(person, np.ones((3, 3))) == 0)
    return bool(
        person[face].mean() > LEAST_FACE
        and head.sum() > (1 + LEAST_HEAD) * face.sum()
        and (outline & limit).sum() < MOST_LIMIT * outline.sum()
        and person[0].mean() < MOST_BORDER
    )


def shrunk(image: np.ndarray, longest: int) -> np.ndarray:
    scale = min(1.0, longest / max(image.shape[:2]))
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def refined(image: np.ndarray, cut: np.ndarray, *, radius: int) -> np.ndarray:
    """Return the cut as a matte of the image's size, its edge laid on the image's own edges."""
    size = shrunk(image, FITTED).shape[1::-1]
    radius = max(2, round(radius * size[0] / image.shape[1]))
    large = cv2.resize(cut.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    soft = guided(image.astype(np.float32) / 255, cv2.GaussianBlur(large, (0, 0), radius / 4), radius)
    # Inside, what looks like the background, a white badge or a dark ribbon, is the person's all the same.
    inside = cv2.GaussianBlur(cv2.erode(large, disc(2 * radius)), (0, 0), radius / 4)
    inside = cv2.resize(inside, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip((np.maximum(soft, inside) - NOTHING) / (ALL - NOTHING), 0, 1)


def guided(guide: np.ndarray, plane: np.ndarray, radius: int) -> np.ndarray:
    """Return the plane, (h, w), with its edges laid on those of the guide, (H, W, 3) 0..1, at its size.

    He, Sun and Tang, Guided Image Filtering, 2013, with a guide in colour; a smaller plane is fitted at its
    own size, as in He and Sun, Fast Guided Filter, 2015. The radius is in the plane's pixels.
    """

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (2 * radius + 1, 2 * radius + 1))

    whole, guide = guide, cv2.resize(guide, plane.shape[::-1], interpolation=cv2.INTER_AREA)
    level = mean(plane)
    edge = mean(plane * plane) - level**2 > EVEN
    colours = cv2.split(guide)
    middles = [mean(colour) for colour in colours]
    spread = np.empty((np.count_nonzero(edge), 3, 3), np.float32)
    shared = np.empty((len(spread), 3, 1), np.float32)
    for row, column in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)):
        both = mean(colours[row] * colours[column]) - middles[row] * middles[column]
        spread[:, row, column] = spread[:, column, row] = both[edge]
    spread += FLATNESS * np.eye(3, dtype=np.float32)
    for row in range(3):
        shared[:, row, 0] = (mean(colours[row] * plane) - middles[row] * level)[edge]
    slope = np.zeros_like(guide)
    slope[edge] = np.linalg.solve(spread, shared)[..., 0]
    offset = level - along(slope, cv2.merge(middles))
    slope, offset = (cv2.resize(mean(values), whole.shape[1::-1]) for values in (slope, offset))
    return along(slope, whole) + offset


def along(slope: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Return the (h, w) scalar products of (h, w, 3)."""
    return np.einsum("ijk,ijk->ij", slope, colours)
