"""Make a photo ready to be bent onto another face.

Done once for each job. The face is cut out, brought near the size it will be seen at, freed of the hair that
hangs over its forehead and of its open mouth, and kept in halving sizes, so that bending never aliases.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from worker.engines.swap.easing import smoothstep
from worker.engines.swap.masks import BROWS, CHEEKS_AND_JAW, CHEEKS_OF_SKIN, hulls
from worker.engines.swap.shading import evened
from worker.engines.swap.shape import edge_weights
from worker.engines.swap.skin import Skin, lab_of_rgb
from worker.faces import topology
from worker.faces.pose import Pose, pose_of

SURROUNDINGS = 0.3  # kept round the face, in face heights
MOST_ENLARGED = 6.0
SHARPENING = 0.6  # what enlarging blurs is partly brought back
SMALLEST_LEVEL = 80  # pixels

HAIR_SIDE = 160  # pixels: the longer side that hair is looked for at
BROW_LINE = (0.02, 0.12)  # in eye distances above the brows: where hair may begin
PORE = 0.003  # of the face's height: the grain of skin, as a Gaussian's deviation
LEAST_HAIR = 0.9  # cover under which hair is worth leaving out
HAIRLINE = (0.08, 0.30)  # where the hair itself, and not skin in its place, is left to the video

OPEN_MOUTH = 0.012  # lips farther apart than this, in eye distances, show what is behind them
MOUTH_SIDE = 300  # pixels: the longer side that the mouth is closed at
CREASE = 0.75  # the closed mouth is this much darker than the lips
LIP_TUCK = 0.3  # the lips' inner edges are taken this far inside the lip: the very edge shows teeth


@dataclass(frozen=True, kw_only=True)
class Level:
    """One size of the texture: luma (H, W), chroma (H, W, 2), cover (H, W), all uint8; cover 0 is hair."""

    luma: np.ndarray
    chroma: np.ndarray
    cover: np.ndarray

    def halved(self) -> Level:
        def half(plane: np.ndarray) -> np.ndarray:
            return cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)

        return Level(luma=half(self.luma), chroma=half(self.chroma), cover=half(self.cover))


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """`values` (478, 3): each point's place in the texture, 0..1 from edge to edge, and its edge weight."""

    levels: list[Level]
    values: np.ndarray
    shape: np.ndarray
    pose: Pose
    has_hair: bool  # some of the cover is 0

    def level_for(self, scale: float) -> Level:
        """Return the level to bend for a face `scale` times as large as the photo's; it may shrink by 1.3."""
        index = int(np.floor(np.log2(1 / max(scale, 1e-3)) + 0.35))
        return self.levels[min(max(index, 0), len(self.levels) - 1)]


def prepare(photo: np.ndarray, landmarks: np.ndarray, face_height: float, to_yuv: np.ndarray) -> Portrait:
    """Prepare an RGB photo for faces about `face_height` pixels high; `to_yuv` is the video's matrix."""
    image, points = cut_out(photo, landmarks, face_height)
    image = evened(image, points)
    image, cover = without_hair(image, points)
    image = with_closed_mouth(image, points)
    yuv = cv2.transform(image, to_yuv)
    luma, *chroma = cv2.split(np.clip(np.rint(yuv), 0, 255).astype(np.uint8))
    whole = Level(luma=luma, chroma=cv2.merge(chroma), cover=np.rint(cover * 255).astype(np.uint8))
    pose = pose_of(points)
    return Portrait(
        levels=halvings(whole),
        values=texture_values(points, width=luma.shape[1], height=luma.shape[0]),
        shape=pose.undo(points.astype(np.float64)),
        pose=pose,
        has_hair=bool((cover[hulls(points, (topology.OVAL,), luma.shape)] < LEAST_HAIR).any()),
    )


def cut_out(photo: np.ndarray, landmarks: np.ndarray, face_height: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the face with its surroundings as float32 RGB at the wanted size, and its points there."""
    height = np.ptp(landmarks[: topology.FACE_POINTS, 1])
    low = np.floor(landmarks[:, :2].min(axis=0) - SURROUNDINGS * height).astype(int).clip(0)
    high = np.ceil(landmarks[:, :2].max(axis=0) + SURROUNDINGS * height).astype(int)
    image = photo[low[1] : high[1], low[0] : high[0]]
    scale = min(face_height / height, MOST_ENLARGED)
    resized = enlarged(image, scale) if scale > 1 else shrunk(image, scale)
    points = landmarks.astype(np.float64)
    points[:, :2] = (points[:, :2] - low + 0.5) * scale - 0.5
    points[:, 2] *= scale
    return resized, points


def enlarged(image: np.ndarray, scale: float) -> np.ndarray:
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LANCZOS4).astype(np.float32)
    soft = cv2.GaussianBlur(large, (0, 0), 0.8 * scale)
    share = SHARPENING * min(1.0, scale - 1)
    return np.clip(large + share * (large - soft), 0, 255)


def shrunk(image: np.ndarray, scale: float) -> np.ndarray:
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)


def small_copy(image: np.ndarray, points: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the image with its longer side at most `side`, as uint8, and the points there."""
    scale = min(1.0, side / max(image.shape[:2]))
    return np.rint(shrunk(image, scale)).astype(np.uint8), (points + 0.5) * scale - 0.5


def without_hair(image: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the image with skin in place of hair over the forehead, and its cover, 0..1.

    High up the cover is 0 where hair was: there the video's own forehead stays.
    """
    small, near = small_copy(image, points, HAIR_SIDE)
    size = small.shape[:2]
    hair = hair_mask(small, near)
    filled = cv2.inpaint(small, (hair > 0.15).astype(np.uint8), 5, cv2.INPAINT_TELEA)
    skin = enlarge_to(cv2.GaussianBlur(filled, (0, 0), 2.5).astype(np.float32), image.shape)
    skin += skin_texture(image, points)[..., None]
    share = enlarge_to(hair, image.shape)[..., None]
    cover = 1 - hair * smoothstep(height_over_brows(near, size), *HAIRLINE).astype(np.float32)
    return image * (1 - share) + skin * share, enlarge_to(cover, image.shape)


def skin_texture(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return random pores, (H, W) around 0, as coarse and as strong as the cheeks' own."""
    size = image.shape[:2]
    pore = max(0.6, PORE * np.ptp(points[: topology.FACE_POINTS, 1]))
    luma = image.mean(axis=2)
    detail = luma - cv2.GaussianBlur(luma, (0, 0), 3 * pore)
    cheeks = detail[hulls(points, CHEEKS_OF_SKIN, size)]
    noise = np.random.default_rng(0).standard_normal(size, np.float32)
    pores = cv2.GaussianBlur(noise, (0, 0), pore)
    strength = 1.48 * np.median(np.abs(cheeks)) if len(cheeks) else 0.0
    return pores * np.float32(strength / pores.std())


def enlarge_to(plane: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)


def hair_mask(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return where above the brows there is something other than skin, 0..1 with soft edges."""
    size = image.shape[:2]
    strangeness = Skin().strangeness(lab_of_rgb(image), points, CHEEKS_AND_JAW)
    strange = smoothstep(strangeness, 0.85, 1.25)
    strange *= smoothstep(height_over_brows(points, size), *BROW_LINE)
    strange[hulls(points, BROWS, size, 0.006)] = 0
    solid = (strange > 0.35).astype(np.float32)
    # Close the gaps between strands, and take in the shadow they throw.
    solid = cv2.dilate(cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((9, 9))), np.ones((11, 11)))
    soft = cv2.GaussianBlur(solid, (0, 0), 2.5)
    soft[hulls(points, BROWS, size)] *= 0.3
    return soft


def height_over_brows(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return each pixel's height above the brows, along the head's own upright, in eye distances."""
    up = -pose_of(points).rotation[:2, 1]
    up /= np.linalg.norm(up)
    brows = (points[105, :2] + points[334, :2]) / 2
    unit = np.linalg.norm(points[topology.LEFT_EYE_CORNER, :2] - points[topology.RIGHT_EYE_CORNER, :2])
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    return ((x - brows[0]) * up[0] + (y - brows[1]) * up[1]) / unit


def with_closed_mouth(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the image with lip over what an open mouth shows: the mouth's inside is the video's."""
    gap = np.linalg.norm(points[topology.UPPER_LIP, :2] - points[topology.LOWER_LIP, :2])
    unit = np.linalg.norm(points[topology.LEFT_EYE_CORNER, :2] - points[topology.RIGHT_EYE_CORNER, :2])
    if gap / unit < OPEN_MOUTH:
        return image
    small, near = small_copy(image, points, MOUTH_SIDE)
    inside = np.zeros(small.shape[:2], np.uint8)
    cv2.fillPoly(inside, [near[topology.LIPS_INNER, :2].astype(np.int32)], 1)
    inside = cv2.dilate(inside, np.ones((3, 3), np.uint8))
    lip = enlarge_to(cv2.inpaint(small, inside, 4, cv2.INPAINT_TELEA).astype(np.float32), image.shape)
    share = cv2.GaussianBlur(enlarge_to(inside.astype(np.float32), image.shape), (0, 0), 1)[..., None]
    return image * (1 - share) + CREASE * lip * share


def texture_values(points: np.ndarray, *, width: int, height: int) -> np.ndarray:
    places = points[:, :2].copy()
    for edge, back in (
        (topology.UPPER_LIP_EDGE, topology.UPPER_LIP_BACK),
        (topology.LOWER_LIP_EDGE, topology.LOWER_LIP_BACK),
    ):
        inner, outer = edge[1:-1], back[1:-1]
        places[inner] = points[inner, :2] + LIP_TUCK * (points[outer, :2] - points[inner, :2])
    relative = (places + 0.5) / (width, height)
    return np.clip(np.column_stack([relative, edge_weights()]), 0, 1).astype(np.float32)


def halvings(whole: Level) -> list[Level]:
    levels = [whole]
    while min(levels[-1].luma.shape) > SMALLEST_LEVEL:
        levels.append(levels[-1].halved())
    return levels
