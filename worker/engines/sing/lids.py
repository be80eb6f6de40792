"""Paints the skin of lids that come down: a photo shows but a fold of it, which would smear if stretched.

Patches are (h, w, 3) float32 RGB, 0..255, of a box of the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from worker.engines.sing.expression import Expression
from worker.engines.sing.mouth import Inside, box_round, filled, line_at, smooth
from worker.engines.sing.rig import LASHES, LIDS, Rig
from worker.faces import topology

RINGS = (topology.LEFT_EYE, topology.RIGHT_EYE)
HALOS = (topology.LEFT_EYE_HALO, topology.RIGHT_EYE_HALO)
NEAR, FAR = 1.15, 1.25  # of the eye's size, of its halo's: the skin between them is looked at
MARGIN = 0.1  # eye distances from the halo to the edge of what is looked at
ALIKE = 1.5  # standard deviations: what is farther off the skin's colour is a rim, a lash or a glint
ROUNDS = 4  # of telling it
ENOUGH = 4000  # pixels are looked at
STRETCHED = (
    1.15,
    2.0,
)  # times as high as in the photo: there skin begins to be painted, and there all of it is
# From the crease to the lashes: how much of the light gets there, and how soon the skin fades in and out.
SHADE = (0.0, 0.12, 0.5, 0.85, 1.0), (0.80, 0.93, 1.03, 0.97, 0.90)
FADES_IN, FADES_OUT, FADES_ASIDE = 0.30, 0.20, 0.15
SHUT = 0.5  # of a blink: from there on the slit between the lids darkens,
SLIT = 0.8  # to so much of the lashes' colour
LASH = 0.012  # eye distances that lashes are thick
SOFT = 0.004  # eye distances that the slit is blurred by
GRAIN = 0.6  # of the photo's noise round the eyes, which is partly wrinkles
TILE = 128  # pixels a side of the grain, which repeats
GRAIN_SEED = 7


@dataclass(frozen=True, kw_only=True)
class Skin:
    """The skin round an eye: `colour` (3, 3) gives RGB from (x, y, 1), in pixels from the eye's middle.

    `grain` is the standard deviation of the photo's noise there, in levels.
    """

    colour: np.ndarray
    grain: float


class Lids:
    def __init__(self, rig: Rig, image: np.ndarray) -> None:
        still = rig.still[:, :2]
        self.scale, self.size = rig.pose.scale, image.shape[1::-1]
        self.skins: dict[int, Skin] = {}
        self.lashes: dict[int, np.ndarray] = {}
        for number, (ring, halo) in enumerate(zip(RINGS, HALOS, strict=True)):
            wanted = box_round(still[halo], round(MARGIN * self.scale))
            box = wanted.even_within(*self.size)
            if min(box.width - wanted.width, box.height - wanted.height) < -1:
                continue  # half out of the picture: it is left to the mesh
            eye, corner = box.of(image), (box.left, box.top)
            self.skins[number] = skin_round(eye, still[ring] - corner, still[halo] - corner)
            self.lashes[number] = lash_colour(eye, still[ring] - corner)
        self.heights = [height_of(still, eye) for eye in range(len(RINGS))]
        noise = np.random.default_rng(GRAIN_SEED).standard_normal((TILE, TILE), np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), 1)
        self.noise = GRAIN / noise.std() * noise

    def down(self, points: np.ndarray, wish: Expression) -> Iterator[Inside]:
        """Yield what covers the eyes of these (N, 3) points: the lids' skin, and lashes where they meet."""
        flat = points[:, :2]
        for eye in self.skins:
            stretched = height_of(flat, eye) / max(1.0, self.heights[eye])
            skin = float(np.interp(stretched, STRETCHED, (0, 1)))
            slit = float(np.interp(wish.blink, (SHUT, 1), (0, SLIT)))
            lids = self.skin(flat, eye, skin), self.slit(flat, eye, slit)
            yield from (lid for lid in lids if lid is not None)

    def skin(self, points: np.ndarray, eye: int, seen: float) -> Inside | None:
        above, below = (by_x(points[line]) for line in (list(LIDS[eye][2]), LASHES[eye]))
        box = box_round(np.concatenate([above, below]), 1).even_within(*self.size)
        if seen == 0 or min(box.width, box.height) == 0:
            return None
        x = np.arange(box.left, box.right, dtype=np.float32)
        y = np.arange(box.top, box.bottom, dtype=np.float32)[:, None]
        top, bottom = line_at(x, above), line_at(x, below)
        down = (y - top) / np.maximum(bottom - top, 1)
        aside = np.minimum(x - below[0, 0], below[-1, 0] - x) / max(1.0, FADES_ASIDE * np.ptp(below[:, 0]))
        cover = smooth(down / FADES_IN) * smooth((1 - down) / FADES_OUT) * smooth(aside)
        middle, skin = points[RINGS[eye]].mean(axis=0), self.skins[eye]
        places = np.stack([*np.meshgrid(x - middle[0], y - middle[1]), np.ones_like(cover)], axis=2)
        colours = places @ skin.colour.T * np.interp(down, *SHADE)[..., None]
        colours += skin.grain * self.noise[y.astype(int) % TILE, x.astype(int) % TILE, None]
        return Inside(box=box, patch=colours.astype(np.float32), cover=seen * cover)

    def slit(self, points: np.ndarray, eye: int, seen: float) -> Inside | None:
        ring = points[RINGS[eye]] - np.isin(RINGS[eye], LIDS[eye][0])[:, None] * (0, LASH * self.scale)
        soft = max(0.7, SOFT * self.scale)
        box = box_round(ring, round(4 * soft) + 1).even_within(*self.size)
        if seen == 0 or min(box.width, box.height) == 0:
            return None
        cover = filled(ring - (box.left, box.top), box.width, box.height, soft)
        patch = np.full((box.height, box.width, 3), self.lashes[eye], np.float32)
        return Inside(box=box, patch=patch, cover=seen * cover)


def height_of(points: np.ndarray, eye: int) -> float:
    """Return how far below its crease a lid's lashes are, in pixels."""
    crease, lashes = list(LIDS[eye][2]), LASHES[eye]
    return float(np.median(points[lashes, 1] - points[crease, 1]))


def by_x(line: np.ndarray) -> np.ndarray:
    return line[np.argsort(line[:, 0])]


def skin_round(image: np.ndarray, ring: np.ndarray, halo: np.ndarray) -> Skin:
    """Return the skin round the eye of that ring and halo, (n, 2), as even as if nothing lay on it."""
    middle = ring.mean(axis=0)
    mask = np.zeros(image.shape[:2], np.uint8)
    for line, size, inside in ((halo, FAR, 1), (ring, NEAR, 0)):
        cv2.fillPoly(mask, [np.rint((line - middle) * size + middle).astype(np.int32)], inside)
    rows, columns = np.argwhere(mask)[:: 1 + mask.sum() // ENOUGH].T
    places = np.stack([columns - middle[0], rows - middle[1], np.ones(len(rows))], axis=1)
    colours = image[rows, columns].astype(np.float64)
    colour = np.outer(np.median(colours, axis=0), (0, 0, 1))
    for _ in range(ROUNDS):
        off = (colours - places @ colour.T).sum(axis=1)
        alike = np.abs(off) <= ALIKE * spread_of(off) + 1
        colour = np.linalg.lstsq(places[alike], colours[alike], rcond=None)[0].T
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    rough = (grey - cv2.GaussianBlur(grey, (0, 0), 1.5))[rows, columns][alike]
    return Skin(colour=colour, grain=spread_of(rough))


def spread_of(values: np.ndarray) -> float:
    """Return their standard deviation from 0, if few strays are set aside."""
    return float(np.median(np.abs(values))) / 0.6745


def lash_colour(image: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Return the (3,) RGB of the darkest fifth along the ring."""
    line = cv2.polylines(np.zeros(image.shape[:2], np.uint8), [np.rint(ring).astype(np.int32)], True, 1, 2)
    colours = image[line > 0].astype(np.float32)
    darkest_first = colours[np.argsort(colours.sum(axis=1))]
    return darkest_first[: 1 + len(colours) // 5].mean(axis=0)
