"""Swap the face in one picture after another. Pictures are changed in place, and only round the face."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from worker.engines.swap import tone
from worker.engines.swap.bend import Layer
from worker.engines.swap.cutout import Cutout, box_round, cut
from worker.engines.swap.glasses import BothGlasses, around, moved
from worker.engines.swap.grain import Grain
from worker.engines.swap.hands import hand_cover
from worker.engines.swap.inside import add_closing_eyes, add_mouth, add_own, closing
from worker.engines.swap.masks import BROWS, EYES, FEATURES, GLASSES, hulls
from worker.engines.swap.occlusion import Occlusion
from worker.engines.swap.outline import Outline
from worker.engines.swap.quality import Quality
from worker.engines.swap.shape import with_shift
from worker.engines.swap.sharpness import Sharpness
from worker.engines.swap.skin import Skin, lab_of_rgb
from worker.engines.swap.texture import Texture
from worker.engines.swap.turning import Turning, spread_over
from worker.faces.pose import Pose
from worker.faces.smooth import Face
from worker.media.picture import Picture
from worker.memory import Remembers

SHOWN = 0.5  # cover from which a pixel tells about the portrait's light
UNCOVERED = 0.3  # occlusion up to which it tells about the video's
GLASSES_EDGE = 0.03  # of the small copy: how far glasses reach beyond brows and eyes
FEATURE_EDGE = 0.01  # of the cutout, or its small copy: lids and lips end a little beyond their points
CLEAN = 0.8  # cover from which noise can be measured
EDGE_BLUR = 0.006  # of the face: what the coarse mask needs to lose its steps


class Renderer(Remembers):
    """Swaps one source into one face of a clip. `neutral` is that face at rest, (478, 3) without pose."""

    REMEMBERED = ("tone", "occlusion", "own_skin", "new_skin", "turning", "sharpness", "grain", "glasses")

    def __init__(self, texture: Texture, neutral: np.ndarray, to_rgb: np.ndarray, quality: Quality) -> None:
        self.texture = texture
        self.quality = quality
        self.to_rgb = to_rgb
        self.neutral = neutral
        self.shift = texture.shift_from(neutral)
        self.outline = Outline(self.shift)
        self.grain = Grain()
        self.forget()

    def forget(self) -> None:
        """Start anew, as after a cut: light and skin are those of another scene."""
        self.tone = tone.Tone()
        self.occlusion = Occlusion()
        self.own_skin, self.new_skin = Skin(), Skin()
        self.glasses = BothGlasses()
        self.turning = Turning()
        self.sharpness = Sharpness()
        self.grain.forget()

    def render(self, picture: Picture, face: Face, hands: Sequence[np.ndarray] = ()) -> bool:
        """Swap the face; return whether there was enough of it in the picture.

        The `hands`, (21, 2) points each in the picture, are in front of it.
        """
        if face.is_new:
            self.forget()
        shown = self.turning.shown(face.pose)
        box = box_round(picture, face.landmarks)
        if box is None or not shown.any():
            return False
        new = self.new_landmarks(face, shown)
        face = self.outline.reshaped(picture, face, shown)
        cutout = cut(picture, box, face.landmarks, new)
        large = cutout.face > self.quality.large_face
        step = self.quality.map_step * (2 if large else 1)
        layer = self.texture.lay(cutout, face.pose.scale, step)
        here = moved(face.pose, (cutout.box.left, cutout.box.top))
        self.glasses.look(cutout.luma, layer.luma, here)
        occluded = self.match_light(layer, cutout, here, [hand - (box.left, box.top) for hand in hands])
        if self.quality.has_finish:
            self.match_sharpness(layer, cutout)
            self.match_grain(layer, cutout)
        if not self.texture.has_expression:
            add_closing_eyes(layer, cutout, closing(face.shape, self.neutral))
            add_mouth(layer, cutout)
        if self.glasses.worn:
            box = around(here).even_within(cutout.width, cutout.height)
            mask = self.glasses.mask(moved(here, (box.left, box.top)), (box.height, box.width))
            add_own(layer, cutout, box, mask)
        layer.cover *= face.presence * (1 - cv2.resize(occluded, cutout.half_size))
        if shown.min() < 1:
            layer.cover *= spread_over(cutout, shown)
        mix(picture, cutout, layer)
        return True

    def new_landmarks(self, face: Face, shown: np.ndarray) -> np.ndarray:
        """Return the (478, 3) points of the new face, `shown` 0..1 for each of the first 468.

        As it fades it takes the own face's shape: else two mouths and noses would show through each other.
        """
        shape = with_shift(face.shape, self.shift * shown[:, None])
        return face.pose.apply(shape).astype(np.float32)

    def match_light(
        self, layer: Layer, cutout: Cutout, pose: Pose, hands: Sequence[np.ndarray] = ()
    ) -> np.ndarray:
        """Match the layer to the video's light; return the small map of what covers the face, 0..1.

        Glasses are not in that map.
        """
        zoom = self.quality.tone_side / max(cutout.width, cutout.height)
        size = max(8, int(cutout.width * zoom)), max(8, int(cutout.height * zoom))
        there = tone.small(cutout.luma, cutout.chroma, size)
        here = tone.small(layer.luma, layer.chroma, size)
        own, new = (points[:, :2] * zoom for points in (cutout.own, cutout.new))
        own_lab = self.lab(there)
        own_strange = self.own_skin.strangeness(own_lab, own)
        new_strange = self.new_skin.strangeness(self.lab(here), new)
        occluded = self.occlusion.find(own_strange, self.own_skin.greyness(own_lab), own)
        for hand in hands:
            occluded = np.maximum(occluded, hand_cover(there.astype(np.uint8), hand * zoom))
        shown = cv2.resize(layer.cover, size, interpolation=cv2.INTER_AREA) > SHOWN
        glasses = np.maximum(own_strange, new_strange) > 1
        glasses &= area_of(GLASSES, own, new, glasses.shape, GLASSES_EDGE)
        features = area_of((*FEATURES, *BROWS), own, new, glasses.shape)
        skin = shown & ~features & ~glasses & (occluded < UNCOVERED)
        if self.glasses.worn:
            skin &= self.glasses.mask(moved(pose, (0, 0), zoom), skin.shape) < UNCOVERED
        # The photo's own glasses are the photo's face, too.
        striking = (new_strange > 1) & hulls(new, GLASSES, skin.shape, GLASSES_EDGE)
        striking |= hulls(new, (*EYES, *BROWS), skin.shape, FEATURE_EDGE)
        maps = self.tone.match(there, here, skin.astype(np.float32), striking.astype(np.float32), own)
        tone.apply(layer, maps, cutout)
        return occluded

    def match_sharpness(self, layer: Layer, cutout: Cutout) -> None:
        if self.sharpness.is_due:
            own, new = (
                hulls(points, (*FEATURES, *BROWS), layer.luma.shape, FEATURE_EDGE)
                for points in (cutout.own, cutout.new)
            )
            self.sharpness.measure(layer.luma, new, cutout.luma, own)
        layer.luma = self.sharpness.match(layer.luma)

    def match_grain(self, layer: Layer, cutout: Cutout) -> None:
        if self.grain.is_due:
            self.grain.measure(layer.luma, cutout.luma, clean_area(layer, cutout))
        self.grain.add(layer.luma)

    def lab(self, image: np.ndarray) -> np.ndarray:
        return lab_of_rgb(cv2.transform(image, self.to_rgb))


def area_of(
    groups: tuple[np.ndarray, ...], own: np.ndarray, new: np.ndarray, size: tuple[int, int], grow: float = 0
) -> np.ndarray:
    """Return where the groups are on either face."""
    return hulls(own, groups, size, grow) | hulls(new, groups, size, grow)


def clean_area(layer: Layer, cutout: Cutout) -> np.ndarray:
    clean = (layer.cover > CLEAN).astype(np.uint8)
    return cv2.resize(clean, (cutout.width, cutout.height), interpolation=cv2.INTER_NEAREST) > 0


def mix(picture: Picture, cutout: Cutout, layer: Layer) -> None:
    """Mix the layer into the picture by its cover, in place; where the cover is 0, not a bit changes."""
    width = max(3, int(EDGE_BLUR * cutout.face) | 1)
    cover = cv2.blur(layer.cover, (width, width))
    full_cover = cv2.resize(cover, (cutout.width, cutout.height), interpolation=cv2.INTER_LINEAR)
    cutout.luma[:] = mixed(cutout.luma, layer.luma, full_cover)
    half = cutout.box.halved()
    half.of(picture.u)[:] = mixed(cutout.chroma[..., 0], layer.chroma[..., 0], cover)
    half.of(picture.v)[:] = mixed(cutout.chroma[..., 1], layer.chroma[..., 1], cover)


def mixed(below: np.ndarray, above: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Mix `above` over the uint8 plane `below` by a weight of 0..1, rounded once."""
    out = np.subtract(above, below, dtype=np.float32)
    out *= weight
    out += below
    out += 0.5
    return np.clip(out, 0, 255, out=out).astype(np.uint8)
