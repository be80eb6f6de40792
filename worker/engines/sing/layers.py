"""Takes a portrait apart into the person and what is behind, so that one moves and the other stays.

Images are (H, W, 3) uint8 RGB.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from worker.engines.sing.matte import shrunk
from worker.media.picture import Picture, from_rgb

SMALL = 256  # pixels of the longer side at which the backdrop is filled in: little of it is ever seen
REACH = 5  # pixels of the small picture that a filled one looks round itself
PURE = 0.25  # up to so much person in it, a pixel still tells of the backdrop
SURE = 0.95  # from so much on, a pixel is the person's own
NEARBY = 0.04  # of the longer side: so near by lie the colours that the person's edge may have
TRUST = 3 * 25.0**2  # square of how far apart two colours must be to tell more than the matte does
GRAIN_SEED = 5


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The backdrop, and the person's own planes, `luma` `times` enlarged; `cover` (H, W) uint8 is 255 on it.

    Where the cover is 0 the person's planes hold what is of no account.
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
        luma=enlarged(front.y, times),
        u=front.u,
        v=front.v,
        cover=np.rint(matte * 255).astype(np.uint8),
        times=times,
    )


def enlarged(plane: np.ndarray, times: int) -> np.ndarray:
    """Return the plane with `times` - 1 pixels put between any two, so that pixel i lies at `times` * i."""
    if times == 1:
        return plane
    height, width = ((side - 1) * times + 1 for side in plane.shape)
    shrink = np.array([[1 / times, 0, 0], [0, 1 / times, 0]])
    how = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(plane, shrink, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)


def filled_behind(image: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """Return the image without the person, filled in from around; where the matte is 0, the image itself."""
    small = shrunk(image, SMALL)
    size = small.shape[1], small.shape[0]
    # As a maximum: a small pixel that holds any of the person tells nothing of what is behind.
    hidden = cv2.resize((matte > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    hidden = cv2.dilate(hidden.astype(np.uint8), np.ones((3, 3)))
    filling = cv2.inpaint(small, hidden, REACH, cv2.INPAINT_TELEA)
    large = cv2.resize(filling, image.shape[1::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
    large += grain_of(image, matte)[..., None]
    own = np.clip(1 - matte / PURE, 0, 1)[..., None]
    return np.rint(np.clip(large + (image - large) * own, 0, 255)).astype(np.uint8)


def grain_of(image: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """Return (H, W) noise as strong as the image's own behind the person."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    rough = (grey - cv2.GaussianBlur(grey, (0, 0), 1.5))[matte == 0]
    # By the median, which edges in the background do not reach; it is 0.67 of a normal spread.
    spread = float(np.median(np.abs(rough))) / 0.6745 if rough.size else 0.0
    noise = np.random.default_rng(GRAIN_SEED).normal(size=grey.shape).astype(np.float32)
    return spread * noise


def person_alone(image: np.ndarray, behind: np.ndarray, matte: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the person's own colours, free of the backdrop that shines through its edge, and a better matte.

    They solve image = person * matte + behind * (1 - matte), within the colours found near by on the person.
    """
    window = np.ones((2 * round(NEARBY * max(matte.shape)) + 1,) * 2, np.uint8)
    sure = (matte > SURE)[..., None]
    least = cv2.erode(np.where(sure, image, np.uint8(255)), window).astype(np.float32)
    most = cv2.dilate(np.where(sure, image, np.uint8(0)), window).astype(np.float32)
    most = np.maximum(least, most)  # where the person is far away, it is not seen whatever its colour
    better = np.where(matte % 1 == 0, matte, fitted(image, np.clip(image, least, most), behind, matte))
    part = np.maximum(better, 1 / 255)[..., None]
    solved = np.clip((image - behind * (1 - part)) / part, least, most)
    return np.rint(np.where(sure, image, solved)).astype(np.uint8), better


def fitted(image: np.ndarray, person: np.ndarray, behind: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """Return the matte, drawn to where each colour lies between the person's and the backdrop's."""
    apart = person - behind.astype(np.float32)
    along = (apart * (image - behind.astype(np.float32))).sum(axis=2)
    return np.clip((along + TRUST * matte) / ((apart**2).sum(axis=2) + TRUST), 0, 1)
