"""Find the frame of glasses on a face, so that it can stay in front of another one.

Glasses go with the head, so they are looked for in a plane that does: the piece of the picture round the
eyes without its pose, SAMPLES to an eye distance. There a rim is a closed line round the eye, darker than
what is on both sides of it, and a bridge is such a line between two rims. All three, or the face is bare:
brows, bags and shadows go round no eye, and no hair lies along both.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from worker.engines.swap.easing import smoothstep
from worker.faces import topology
from worker.faces.pose import Pose, reference
from worker.faces.views import Box
from worker.memory import Remembers

# In eye distances, as a head without pose has them (see `worker.faces.pose`); below is positive.
LEFT, TOP, RIGHT, BOTTOM = -0.8, -0.4, 0.8, 0.5
DEPTH = -0.16  # so far before the eyes
EYES = [reference()[area, :2].mean(axis=0) for area in (topology.LEFT_EYE_AREA, topology.RIGHT_EYE_AREA)]
EYE = (0.17, 0.08)  # half width and height of what of an eye is dark itself
LENS = (0.28, 0.24)  # half width and height of a usual one
LENS_BELOW = 0.07  # its eye's middle
BRIDGE = (0.05, -0.15, 0.20)  # half width, and from above the eyes down

SAMPLES = 96
SIZE = round((RIGHT - LEFT) * SAMPLES), round((BOTTOM - TOP) * SAMPLES)  # width, height
WIDEST = 13  # samples, of a rim
BLACK = 16  # of video range
RAYS, STEPS = 40, 32
ROUNDNESS = 0.7  # of the superellipses that rims are looked for between: boxes with round corners
NEAREST, FARTHEST = 0.55, 1.5  # times LENS
CLEAR = 0.3  # darkness that says as much as any: thick rims must not draw the line away from thin ones
BEND = 0.01  # darkness that a step aside costs
STEADY = 0.03  # darkness that is added where the line was

WORN, BARE = (
    0.14,
    0.06,
)  # darkness: bare faces show up to 0.02, strands of hair 0.12, the fainter glasses 0.16
EVERY = 4  # frames: as often it is looked for them
LINES_EVERY = 8  # looks
MEMORY = 0.6  # of the last look, where the head is seen from the front
SIDEWAYS = (0.25, 0.5)  # sine of the yaw from which the far rim is hardly seen
FRONTAL = 0.15  # up to which the lines are found well
CHANGE = 0.1  # a frame: how fast glasses that are put on or taken off come or go

THIN, WIDE = 2, 17  # samples: of a rim, what stays at any rate, and what does if it is dark
DARK = (0.08, 0.2)


class Glasses(Remembers):
    """`share` is how far the face wears glasses, 0..1, `frame` the plane of what they cover, 0..1."""

    REMEMBERED = ("frames", "dark", "steps", "is_worn", "share", "frame")

    def __init__(self) -> None:
        self.frames = 0
        self.dark: np.ndarray | None = None
        self.steps = np.zeros((2, RAYS), int)
        self.is_worn, self.share = False, 0.0
        self.frame = np.zeros(SIZE[::-1], np.float32)

    def look(self, luma: np.ndarray, pose: Pose) -> None:
        """Look at the face that has that pose in the luma. The first look decides at once."""
        is_first, (look, rest) = self.dark is None, divmod(self.frames, EVERY)
        self.frames += 1
        if rest == 0:
            aside = abs(np.sin(pose.yaw))
            kept = MEMORY + (1 - MEMORY) * smoothstep(aside, *SIDEWAYS)
            seen = darkness(upright(luma, pose))
            self.dark = seen if self.dark is None else kept * self.dark + (1 - kept) * seen
            if is_first or (look % LINES_EVERY == 0 and aside < FRONTAL):
                self.steps, mark = rims(self.dark, None if is_first else self.steps)
                self.is_worn = mark > (BARE if self.is_worn else WORN)
            if self.is_worn:
                self.frame = frame_of(self.dark, self.steps)
        if is_first:
            self.share = float(self.is_worn)
        self.share = min(max(self.share + (CHANGE if self.is_worn else -CHANGE), 0.0), 1.0)

    def mask(self, pose: Pose, size: tuple[int, int], *, with_lenses: bool = False) -> np.ndarray:
        """Return how far they cover each pixel, 0..1, for a face of that pose; `size` is (h, w)."""
        if not self.share:
            return np.zeros(size, np.float32)
        plane = self.frame
        if with_lenses:
            plane = plane.copy()
            cv2.fillPoly(plane, [*lines_of(self.steps)], 1)
        seen = cv2.warpAffine(
            plane, to_plane(pose), size[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        return seen * np.float32(self.share)


class BothGlasses(Remembers):
    """The glasses of the video's face, which stay in front, and the photo's, which would clash with them."""

    REMEMBERED = ("own", "photos")

    def __init__(self) -> None:
        self.own, self.photos = Glasses(), Glasses()

    @property
    def worn(self) -> bool:
        return self.own.share > 0

    def look(self, own: np.ndarray, new: np.ndarray, pose: Pose) -> None:
        self.own.look(own, pose)
        if self.worn:
            self.photos.look(new, pose)

    def mask(self, pose: Pose, size: tuple[int, int]) -> np.ndarray:
        """Return how far each pixel is left to the video, 0..1.

        Where the photo wears some too, that is the lenses of both: else two frames would show.
        """
        both = self.photos.is_worn
        own = self.own.mask(pose, size, with_lenses=both)
        if not both:
            return own
        return np.maximum(own, self.photos.mask(pose, size, with_lenses=True) * np.float32(self.own.share))


def moved(pose: Pose, origin: tuple[int, int], zoom: float = 1.0) -> Pose:
    """Return the pose in a piece of the picture that begins at `origin` (x, y) and is enlarged by `zoom`."""
    half = 0.5 * np.array([1, 1, 0])
    shift = (pose.shift - (*origin, 0) + half) * zoom - half
    return Pose(scale=pose.scale * zoom, rotation=pose.rotation, shift=shift)


def around(pose: Pose) -> Box:
    """Return the picture's box that the plane lies in."""
    corners = np.array([[x, y, DEPTH] for x in (LEFT, RIGHT) for y in (TOP, BOTTOM)])
    places = pose.apply(corners)[:, :2]
    (left, top), (right, bottom) = places.min(axis=0).astype(int), places.max(axis=0).astype(int)
    return Box(left=int(left), top=int(top), right=int(right), bottom=int(bottom))


def to_plane(pose: Pose) -> np.ndarray:
    """Return the (2, 3) map from a picture's pixels to the plane's samples."""
    corners = pose.apply(np.array([[LEFT, TOP, DEPTH], [RIGHT, TOP, DEPTH], [LEFT, BOTTOM, DEPTH]]))
    own = np.array([[0, 0], [SIZE[0], 0], [0, SIZE[1]]], np.float32)
    return cv2.getAffineTransform(corners[:, :2].astype(np.float32), own - 0.5)


def samples(places: np.ndarray) -> np.ndarray:
    """Return (..., 2) places on the head as samples of the plane."""
    return ((places - (LEFT, TOP)) * SAMPLES - 0.5).astype(np.float32)


def upright(luma: np.ndarray, pose: Pose) -> np.ndarray:
    return cv2.warpAffine(luma, to_plane(pose), SIZE, borderMode=cv2.BORDER_REPLICATE)


def darkness(plane: np.ndarray) -> np.ndarray:
    """Return how much darker than its sides each line in the plane is, 0..1; the eyes are left out."""
    calm = cv2.GaussianBlur(plane, (0, 0), 0.8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (WIDEST, WIDEST))
    beside = cv2.morphologyEx(calm, cv2.MORPH_CLOSE, disc).astype(np.float32)
    dark = (beside - calm) / np.maximum(beside - BLACK, BLACK)
    for eye in samples(np.array(EYES)):
        axes = [round(reach * SAMPLES) for reach in EYE]
        cv2.ellipse(dark, np.rint(eye).astype(int).tolist(), axes, 0, 0, 360, 0, -1)
    return dark


def rims(dark: np.ndarray, last: np.ndarray | None) -> tuple[np.ndarray, float]:
    """Return where on each ray the rims are, (2, RAYS), and how dark the faintest part of the pair is."""
    seen = np.stack([cv2.remap(dark, each, None, cv2.INTER_LINEAR) for each in samples(rays())])
    wanted = np.minimum(seen, CLEAR)
    if last is not None:
        wanted += STEADY * (np.abs(np.arange(STEPS) - last[..., None]) <= 1)
    steps = closed_lines(wanted)
    below = np.take_along_axis(seen, steps[..., None], axis=2)[:, 1 : RAYS // 2]  # above are brows
    half, high, low = BRIDGE
    (left, top), (right, bottom) = np.rint(samples(np.array([[-half, high], [half, low]]))).astype(int)
    bridge = dark[top:bottom, left:right].mean(axis=1).max()
    return steps, float(min(np.median(below, axis=1).mean(), bridge))


def lines_of(steps: np.ndarray) -> np.ndarray:
    """Return the rims, (2, RAYS, 2), as whole samples."""
    places = np.take_along_axis(rays(), steps[..., None, None], axis=2)[:, :, 0]
    return np.rint(samples(places)).astype(np.int32)


@cache
def rays() -> np.ndarray:
    """Return (2, RAYS, STEPS, 2) places on rays from the middle of each lens, from the right on downwards."""
    angles = np.linspace(0, 2 * np.pi, RAYS, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    box = np.sign(circle) * np.abs(circle) ** ROUNDNESS * LENS
    far = np.linspace(NEAREST, FARTHEST, STEPS)
    return np.stack([eye + (0, LENS_BELOW) + box[:, None] * far[:, None] for eye in EYES])


def closed_lines(seen: np.ndarray) -> np.ndarray:
    """Return for each ray of `seen`, (n, RAYS, STEPS), the step where the darkest line goes that is closed.

    By dynamic programming: a line may go one step aside from ray to ray, at a price. It is followed twice
    round, and what its ends know least of is left out.
    """
    twice = np.concatenate([seen, seen], axis=1)
    back = np.zeros(twice.shape, int)
    best = twice[:, 0]
    every = np.arange(STEPS)
    for ray in range(1, 2 * RAYS):
        near, far = np.full_like(best, -np.inf), np.full_like(best, -np.inf)
        near[:, 1:], far[:, :-1] = best[:, :-1] - BEND, best[:, 1:] - BEND
        ways = np.stack([near, best, far])
        back[:, ray] = every + ways.argmax(axis=0) - 1
        best = ways.max(axis=0) + twice[:, ray]
    lines, step = np.zeros(twice.shape[:2], int), best.argmax(axis=1)
    for ray in reversed(range(2 * RAYS)):
        lines[:, ray] = step
        step = np.take_along_axis(back[:, ray], step[:, None], axis=1)[:, 0]
    middle = RAYS // 2
    return np.roll(lines[:, middle : middle + RAYS], middle, axis=1)


def frame_of(dark: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the plane of what rims and bridge cover, 0..1."""
    thin, wide = np.zeros((2, *dark.shape), np.uint8)
    lines = [*lines_of(steps)]
    cv2.polylines(thin, lines, True, 1, THIN)
    cv2.polylines(wide, lines, True, 1, WIDE)
    half, high, low = BRIDGE
    corners = np.rint(samples(np.array([[-2 * half, high], [2 * half, low]]))).astype(int)
    cv2.rectangle(wide, *corners.tolist(), 1, -1)
    solid = np.maximum(thin, wide * smoothstep(dark, *DARK))
    _, labels = cv2.connectedComponents((solid > 0).astype(np.uint8))
    solid *= np.isin(labels, np.unique(labels[thin > 0]))  # not the wrinkles and lashes close by
    return cv2.GaussianBlur(cv2.dilate(solid, np.ones((3, 3))), (0, 0), 0.8).astype(np.float32)
