"""Tells the person of a portrait from what is behind, once.

A matte is (H, W) float32, 0 behind the person to 1 on it, half where hair lets the background through.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from worker.engines.sing.canvas import Canvas
from worker.faces import topology

ROUGH = 160  # pixels of the longer side at which the person is cut out first,
SMALL = 320  # and at which that outline is cut again, BAND pixels to either side of it
BAND = 6
ROUNDS = 5  # of GrabCut, at most, for the rough cut
SETTLED = 0.002  # of the pixels: a round that changes fewer is the last
AGAIN = 2  # rounds along the outline
# Levels of grain that are added: of one colour, GrabCut weighs ties, a hundred times as long.
TIES = 2.0
TIES_SEED = 3
THIN = 0.08  # face heights: thinner is a cord behind, or hair that the edge finds
# Ellipses round the face, in sizes of its oval, (across, up): surely face; likely head, hair and hat.
CORE, HEAD = (0.9, 0.9), (1.2, 2.2)
FAR = (2.1, 2.6)  # above the chin, what is farther off is surely behind
# Half widths of neck and torso in face heights, at so many face heights below the chin.
TORSO_DOWN, TORSO_WIDTH = (0.0, 0.15, 0.9), (0.28, 0.28, 1.1)
SURE_TORSO = 0.5  # of the likely width, from the collar down, is surely the person
HAT = 0.25  # face heights: a notch in the head, above the eyes, that is narrower belongs to hat or hair
EDGE = 0.05  # face heights: how far from the cut the soft edge may lie
FITTED = 720  # pixels of the longer side at which the edge is laid
FLATNESS = 1e-4  # of the guided filter, for colours of 0..1
EVEN = 1e-6  # a plane of 0..1 varies by less: there is no edge to lay
NOTHING, ALL = 0.04, 0.96  # what the filter leaves below is background, above person
# What a trusted cut holds: least of the face, most of its outline at FAR's limit, most of the upper border.
LEAST_FACE, MOST_LIMIT, MOST_BORDER = 0.97, 0.12, 0.25
LEAST_HEAD = 0.10  # the head is wider than the face by so much, or hair was taken for background


def matte_of(canvas: Canvas, go_on: Callable[[], object] = lambda: None) -> np.ndarray | None:
    """Return the matte of the canvas's person, the same each time; None if it is not to be trusted.

    `go_on` is called half-way, and may raise.
    """
    small = shrunk(canvas.image, SMALL)
    points = canvas.landmarks[:, :2] * (small.shape[1] / canvas.image.shape[1])
    hint = hinted(points, small.shape[:2])
    cut = cut_out(small, points, hint)
    if not is_trusted(cut, hint, points):
        return None
    go_on()
    face_height = float(np.ptp(canvas.landmarks[topology.OVAL, 1]))
    matte = refined(canvas.image, cut, radius=max(2, round(EDGE * face_height)))
    return cv2.fillPoly(matte, [np.rint(canvas.landmarks[topology.OVAL, :2]).astype(np.int32)], 1.0)


def shrunk(image: np.ndarray, longest: int) -> np.ndarray:
    scale = min(1.0, longest / max(image.shape[:2]))
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def hinted(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return GrabCut's labels, (h, w) uint8, as the face's (478, 2) points suggest them."""
    oval = points[topology.OVAL]
    middle, size, chin = oval.mean(axis=0), np.ptp(oval, axis=0), points[topology.CHIN]
    rows, columns = np.indices(shape, np.float32)
    across, down = (columns - middle[0]) / (size[0] / 2), (rows - middle[1]) / (size[1] / 2)
    below, aside = (rows - chin[1]) / size[1], np.abs(columns - chin[0]) / size[1]
    torso = np.interp(below, TORSO_DOWN, TORSO_WIDTH)
    hint = np.full(shape, cv2.GC_PR_BGD, np.uint8)
    hint[(below < 0) & (np.hypot(across / FAR[0], down / FAR[1]) > 1)] = cv2.GC_BGD
    hint[np.hypot(across / HEAD[0], down / HEAD[1]) < 1] = cv2.GC_PR_FGD
    hint[(below > 0) & (aside < torso)] = cv2.GC_PR_FGD
    hint[(below > TORSO_DOWN[1]) & (aside < SURE_TORSO * torso)] = cv2.GC_FGD
    cv2.fillPoly(hint, [np.rint((oval - middle) * CORE + middle).astype(np.int32)], cv2.GC_FGD)
    return hint


def cut_out(small: np.ndarray, points: np.ndarray, hint: np.ndarray) -> np.ndarray:
    """Return (h, w) uint8, 0 or 1: the largest piece with sure pixels, its holes filled.

    GrabCut's time grows fast with the pixels that it is in doubt about. So these are few, whatever the photo
    shows: all of a rough one, then those along the outline that it gave (Lombaert et al., A Multilevel
    Banded Graph Cuts Method, 2005).
    """
    rough = shrunk(small, ROUGH)
    colours = np.zeros((1, 65)), np.zeros((1, 65))
    first = rough_labels(rough, hinted(points * (rough.shape[1] / small.shape[1]), rough.shape[:2]), colours)
    labels = doubted_along(
        cv2.resize(is_person(first), small.shape[1::-1], interpolation=cv2.INTER_NEAREST), hint
    )
    cv2.grabCut(small, labels, None, *colours, AGAIN, cv2.GC_EVAL)
    person = is_person(labels)
    face_height = np.ptp(points[topology.OVAL, 1])
    person = cv2.morphologyEx(person, cv2.MORPH_OPEN, disc(THIN * face_height))
    person[hint == cv2.GC_FGD] = 1
    _, pieces = cv2.connectedComponents(person)
    person = (pieces == np.bincount(pieces[hint == cv2.GC_FGD]).argmax()).astype(np.uint8)
    above = np.s_[: max(0, round(points[topology.BETWEEN_EYES, 1]))]
    person[above] = cv2.morphologyEx(person, cv2.MORPH_CLOSE, disc(HAT * face_height))[above]
    outlines, _ = cv2.findContours(person, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(person, outlines, -1, 1, cv2.FILLED)


def disc(diameter: float) -> np.ndarray:
    side = 2 * round(diameter / 2) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def rough_labels(rough: np.ndarray, labels: np.ndarray, colours: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return GrabCut's labels, and fill `colours` with what it learnt of behind and of the person."""
    grain = np.random.default_rng(TIES_SEED).normal(scale=TIES, size=rough.shape)
    grainy = np.rint(np.clip(rough + grain, 0, 255)).astype(np.uint8)
    cv2.setRNGSeed(1)  # GrabCut starts from clusters drawn by chance
    how = cv2.GC_INIT_WITH_MASK
    for _ in range(ROUNDS):
        before = labels.copy()
        cv2.grabCut(grainy, labels, None, *colours, 1, how)
        how = cv2.GC_EVAL
        if (labels != before).mean() < SETTLED:
            break
    return labels


def is_person(labels: np.ndarray) -> np.ndarray:
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)


def doubted_along(person: np.ndarray, hint: np.ndarray) -> np.ndarray:
    """Return GrabCut's labels: doubt near the outline only, and where the hint is not sure."""
    near = np.ones((2 * BAND + 1,) * 2, np.uint8)
    labels = np.where(person, np.uint8(cv2.GC_PR_FGD), np.uint8(cv2.GC_PR_BGD))
    labels[cv2.erode(person, near) > 0] = cv2.GC_FGD
    labels[cv2.dilate(person, near) == 0] = cv2.GC_BGD
    sure = (hint == cv2.GC_FGD) | (hint == cv2.GC_BGD)
    labels[sure] = hint[sure]
    return labels


def is_trusted(cut: np.ndarray, hint: np.ndarray, points: np.ndarray) -> bool:
    """Tell whether the cut holds the face and some hair, and ends at edges of the picture's own.

    A cut that runs along the limit of what was ruled out, or along the picture's upper border, is no outline.
    """
    oval = points[topology.OVAL]
    face = cv2.fillPoly(np.zeros_like(cut), [np.rint(oval).astype(np.int32)], 1) > 0
    above = np.indices(cut.shape)[0] < points[topology.CHIN, 1]
    head = (cut > 0) & above
    limit = cv2.dilate((hint == cv2.GC_BGD).astype(np.uint8), np.ones((5, 5))) > 0
    outline = head & (cv2.erode(cut, np.ones((3, 3))) == 0)
    return bool(
        cut[face].mean() > LEAST_FACE
        and head.sum() > (1 + LEAST_HEAD) * face.sum()
        and (outline & limit).sum() < MOST_LIMIT * outline.sum()
        and cut[0].mean() < MOST_BORDER
    )


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
