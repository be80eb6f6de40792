"""Takes a portrait apart into the person and what is behind, so that one moves and the other stays.

Images are (H, W, 3) uint8 RGB.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from worker.engines.sing.matte import shrunk
from worker.media.picture import Picture, from_rgb

SMALL = 160  # pixels of the longer side at which the backdrop is filled in: little of it is ever seen
REACH = 4  # pixels of the small picture that a filled one looks round itself
PURE = 0.25  # up to so much person in it, a pixel still tells of the backdrop
SURE = 0.95  # from so much on, a pixel is the person's own
NEARBY = 0.04  # of the longer side: so near by lie the colours that the person's edge may have
TRUST = 3 * 25.0**2  # square of how far apart two colours must be to tell more than the matte does
GRAIN_SEED = 5
# Lanczos's weights, of the four pixels to either side, for what lies half-way between two.
TAPS = np.arange(-3.5, 4)
HALF_WAY = (np.sinc(TAPS) * np.sinc(TAPS / 4)).astype(np.float32)
HALF_WAY /= HALF_WAY.sum()
LOOKS_ROUND = 9  # pixels, the side of a square, that have a say in one as the person's planes are read


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The backdrop, and the person's own planes; `cover` (H, W) uint8 is 255 on it.

    `times` is 2 if `luma` is doubled, else 1. Where the cover is 0, the person's planes are of no account.
    """

    backdrop: Picture
    luma: np.ndarray
    u: np.ndarray
    v: np.ndarray
    cover: np.ndarray
    times: int


def layers_of(image: np.ndarray, matte: np.ndarray | None, *, times: int) -> Layers:
    """Take the image apart; without a matte, all of it is the person."""
    if matte is None:
        matte = np.ones(image.shape[:2], np.float32)
        behind = person = image
    else:
        behind = filled_behind(image, matte)
        person, matte = person_alone(image, behind, matte)
    front = from_rgb(person)
    return Layers(
        backdrop=from_rgb(behind),
        luma=doubled(front.y) if times == 2 else front.y,
        u=front.u,
        v=front.v,
        cover=np.rint(matte * 255).astype(np.uint8),
        times=times,
    )


def doubled(plane: np.ndarray) -> np.ndarray:
    """Return the plane with a pixel put between any two, so that pixel i lies at 2 * i."""
    height, width = plane.shape
    tall = np.empty((2 * height - 1, width), np.uint8)
    tall[::2], tall[1::2] = plane, half_way(plane, HALF_WAY[:, None], (0, 3))[:-1]
    large = np.empty((2 * height - 1, 2 * width - 1), np.uint8)
    large[:, ::2], large[:, 1::2] = tall, half_way(tall, HALF_WAY[None], (3, 0))[:, :-1]
    return large


def half_way(plane: np.ndarray, weights: np.ndarray, here: tuple[int, int]) -> np.ndarray:
    return cv2.filter2D(plane, -1, weights, anchor=here, borderType=cv2.BORDER_REPLICATE)


def filled_behind(image: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """Return the image without the person, filled in from around; where the matte is 0, the image itself."""
    small = shrunk(image, SMALL)
    hidden = (matte > 0).astype(np.uint8)
    # As a maximum: a small pixel that holds any of the person tells nothing of what is behind.
    unknown = cv2.resize(hidden.astype(np.float32), small.shape[1::-1], interpolation=cv2.INTER_AREA) > 0
    unknown = cv2.dilate(unknown.astype(np.uint8), np.ones((3, 3)))
    filling = cv2.inpaint(small, unknown, REACH, cv2.INPAINT_TELEA)
    filled = cv2.resize(filling, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(GRAIN_SEED).standard_normal(matte.shape, np.float32)
    noise = np.rint(grain_of(image, hidden == 0) * noise).astype(np.int16)
    filled = cv2.add(filled, cv2.merge([noise] * 3), dtype=cv2.CV_8U)
    edge = np.flatnonzero((matte > 0) & (matte < PURE))
    person = (matte.ravel()[edge] / PURE)[:, None]
    mixed = np.rint(at(filled, edge) * person + at(image, edge) * (1 - person))
    behind = cv2.copyTo(filled, hidden, image.copy())
    behind.reshape(-1, 3)[edge] = mixed
    return behind


def at(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the (n, 3) float32 pixels of those numbers."""
    return image.reshape(-1, 3)[places].astype(np.float32)


def grain_of(image: np.ndarray, seen: np.ndarray) -> float:
    """Return the standard deviation of the image's noise where it is seen, in levels."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    rough = (grey - cv2.GaussianBlur(grey, (0, 0), 1.5))[seen]
    # By the median, which edges do not reach; it is 0.67 of a normal spread.
    return float(np.median(np.abs(rough))) / 0.6745 if rough.size else 0.0


def person_alone(image: np.ndarray, behind: np.ndarray, matte: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the person's own colours, free of the backdrop that shines through its edge, and a better matte.

    They solve image = person * matte + behind * (1 - matte), within the colours found near by on the person.
    """
    window = np.ones((2 * round(NEARBY * max(matte.shape)) + 1,) * 2, np.uint8)
    sure = (matte > SURE).astype(np.uint8)
    least = cv2.erode(cv2.copyTo(image, sure, np.full_like(image, 255)), window)
    most = cv2.dilate(cv2.copyTo(image, sure, np.zeros_like(image)), window)
    most = np.maximum(least, most)  # where the person is far away, it is not seen whatever its colour
    near = cv2.dilate((matte > 0).astype(np.uint8), np.ones((LOOKS_ROUND, LOOKS_ROUND)))
    edge = np.flatnonzero((near > 0) & (matte < 1))
    own, back, least, most = (at(colours, edge) for colours in (image, behind, least, most))
    share = matte.ravel()[edge]
    share = np.where(share > 0, fitted(own, np.clip(own, least, most), back, share), 0)
    part = np.maximum(share, 1 / 255)[:, None]
    solved = np.rint(np.clip((own - back * (1 - part)) / part, least, most))
    person, better = image.copy(), matte.copy()
    person.reshape(-1, 3)[edge] = np.where(sure.ravel()[edge, None], own, solved)
    better.ravel()[edge] = share
    return person, better


def fitted(own: np.ndarray, person: np.ndarray, behind: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return the (n,) shares, drawn to where the own colours, (n, 3), lie between the two others."""
    apart = person - behind
    along = (apart * (own - behind)).sum(axis=1)
    return np.clip((along + TRUST * share) / ((apart**2).sum(axis=1) + TRUST), 0, 1)
