"""The seam between engines: what a source's face looks like in one frame. All the rest is shared.

An engine brings the new face onto a cutout, unlit: geometry and texture. Detection, tracking, smoothing,
masks, light, sharpness, grain, mixing, framing and muxing are the same for all.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from worker.engines.swap.bend import Layer, bend_portrait
from worker.engines.swap.cutout import Cutout
from worker.engines.swap.portrait import Portrait, prepare
from worker.engines.swap.shape import transfer


class Texture(Protocol):
    """One source, prepared. Laying it must depend on the arguments alone: a resumed job lays it again."""

    # Whether eyes and mouth are made as the video's move; else they are taken from the video afterwards.
    has_expression: bool

    def shift_from(self, neutral: np.ndarray) -> np.ndarray:
        """Return the (468, 3) shift from the video's neutral shape to the one that is shown, without pose."""

    def lay(self, cutout: Cutout, scale: float, step: int) -> Layer:
        """Return the new face at `cutout.new`; luma and chroma uint8 in the video's own range and matrix.

        `scale`: pixels in an eye distance. `step`: a map may be made for every so manieth pixel.
        """


class Engine(Protocol):
    """Makes textures of sources. Closed when the job ends, however it ends."""

    def prepare(
        self, photo: np.ndarray, landmarks: np.ndarray, *, face_height: float, to_yuv: np.ndarray
    ) -> Texture:
        """Prepare an RGB photo, (H, W, 3) uint8, and its (478, 3) landmarks, or raise a WorkError.

        `face_height`: about how many pixels high it will be seen; `to_yuv`: the video's matrix.
        """

    def close(self) -> None: ...


class BentPhoto:
    """The photo itself, bent onto the new face."""

    has_expression = False

    def __init__(self, portrait: Portrait) -> None:
        self.portrait = portrait

    def shift_from(self, neutral: np.ndarray) -> np.ndarray:
        return transfer(self.portrait.shape, neutral)

    def lay(self, cutout: Cutout, scale: float, step: int) -> Layer:
        return bend_portrait(self.portrait, cutout, scale / self.portrait.pose.scale, step)


class PhotoEngine:
    """The engine that needs no networks beyond those that find faces."""

    def prepare(
        self, photo: np.ndarray, landmarks: np.ndarray, *, face_height: float, to_yuv: np.ndarray
    ) -> BentPhoto:
        return BentPhoto(prepare(photo, landmarks, face_height, to_yuv))

    def close(self) -> None:
        pass
