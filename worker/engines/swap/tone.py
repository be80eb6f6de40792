"""Give the bent portrait the light and colour of the video, area by area.

Everything is judged on a small copy of the cutout, (h, w, 3) float32 Y, Cb, Cr, and applied as
out = gain * in + offset, both smooth over the face. Luma detail is scaled, so that wrinkles
fade in flat light, but not eyes and brows; chroma detail only ever shrinks.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from worker.engines.swap.bend import Layer
from worker.engines.swap.carried import Carried
from worker.engines.swap.cutout import Cutout
from worker.memory import Remembers

BLUR = 0.055  # of the small copy's side: what is light, not detail; a cheek's highlight is light
PRIOR = 0.03  # how much the whole face's mean says where little skin is seen
BLACK = 16  # of video range
LEAST_CONTRAST = np.array([0.55, 0.4, 0.4])
MOST_CONTRAST = np.array([1.15, 1.0, 1.0])
RATIO_POWER = 0.85  # the full ratio of brightness would double the source's own shading
LEAST_SKIN = 20  # pixels
FEATURE_SPREAD = 0.01  # of the small copy's side: how softly a feature's contrast goes over into the skin's

MAP_MEMORY, CONTRAST_MEMORY = 0.6, 0.9  # what of the last frame's is kept


def small(luma: np.ndarray, chroma: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return both planes shrunk to `size` (width, height), as (h, w, 3) float32."""
    planes = (
        cv2.resize(luma, size, interpolation=cv2.INTER_AREA),
        cv2.resize(chroma, size, interpolation=cv2.INTER_AREA),
    )
    return cv2.merge([planes[0], *cv2.split(planes[1])]).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Mean:
    """The light of one small image: `local` (h, w, 3) and the `detail` left, as its deviation per channel."""

    local: np.ndarray
    detail: np.ndarray | None


def mean_of(image: np.ndarray, skin: np.ndarray, spread: float) -> Mean:
    """Blur the image over its skin alone, `skin` (h, w) float32 0 or 1."""
    where = skin.astype(np.uint8)
    whole = np.array(cv2.mean(image, where)[:3], np.float32)
    weight = cv2.GaussianBlur(skin, (0, 0), spread) + PRIOR
    local = cv2.GaussianBlur(image * skin[..., None], (0, 0), spread) + PRIOR * whole
    local /= weight[..., None]
    _, deviation = cv2.meanStdDev(image - local, mask=where)
    is_enough = cv2.countNonZero(where) > LEAST_SKIN
    return Mean(local=local, detail=deviation[:, 0] + 1e-3 if is_enough else None)


class Tone(Remembers):
    """Remembers the last frame's gains, so that light does not flicker."""

    REMEMBERED = ("maps", "contrast")

    def __init__(self) -> None:
        self.maps = Carried()
        self.contrast: np.ndarray | None = None

    def match(
        self,
        video: np.ndarray,
        portrait: np.ndarray,
        skin: np.ndarray,
        features: np.ndarray,
        points: np.ndarray,
    ) -> np.ndarray:
        """Return (h, w, 6) float32: gains, then offsets, that bring the portrait to the video's light.

        `skin` (h, w) float32, 0 or 1: where both faces are skin; `features` likewise: where the portrait's
        eyes, brows and glasses are, which lose no contrast with its wrinkles. `points`: the own face's.
        """
        spread = BLUR * max(skin.shape)
        there, here = mean_of(video, skin, spread), mean_of(portrait, skin, spread)
        contrast = self.remembered_contrast(there, here)
        above_black = [np.maximum(each.local[..., 0] - BLACK, 1) + 4 for each in (there, here)]
        ratio = np.clip(above_black[0] / above_black[1], 0.3, 2.2) ** RATIO_POWER
        gains = np.empty_like(video)
        striking = cv2.GaussianBlur(features, (0, 0), FEATURE_SPREAD * max(skin.shape))
        kept = contrast[0] + striking * max(0, 1 - contrast[0])
        gains[..., 0] = np.clip(kept * ratio, 0.25, 1.8)
        gains[..., 1:] = contrast[1:]
        maps = np.concatenate([gains, there.local - gains * here.local], axis=2)
        return self.maps.mixed(maps, points, MAP_MEMORY)

    def remembered_contrast(self, there: Mean, here: Mean) -> np.ndarray:
        contrast = np.ones(3)
        if there.detail is not None and here.detail is not None:
            contrast = np.clip(there.detail / here.detail, LEAST_CONTRAST, MOST_CONTRAST)
        if self.contrast is not None:
            contrast = CONTRAST_MEMORY * self.contrast + (1 - CONTRAST_MEMORY) * contrast
        self.contrast = contrast
        return contrast


def apply(layer: Layer, maps: np.ndarray, cutout: Cutout) -> None:
    """Replace the layer's planes by their matched, float32 selves."""
    gain, offset = (cv2.resize(maps[..., i], (cutout.width, cutout.height)) for i in (0, 3))
    layer.luma = cv2.multiply(layer.luma, gain, dst=gain, dtype=cv2.CV_32F)
    layer.luma += offset
    chroma = cv2.resize(np.ascontiguousarray(maps[..., [1, 2, 4, 5]]), cutout.half_size)
    layer.chroma = layer.chroma.astype(np.float32) * chroma[..., :2] + chroma[..., 2:]
