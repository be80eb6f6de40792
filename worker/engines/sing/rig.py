"""A portrait as a mesh that can move: the face, the head round it, and the still picture behind.

Points at rest are without the portrait's pose (see `worker.faces.pose`): in eye distances, y down, the
face looking along -z. `Rig.points` gives (N, 3) pixels.
"""

from __future__ import annotations

import cv2
import numpy as np

from worker.engines.sing.expression import EYEBALL, PIVOT, Expression
from worker.faces import topology
from worker.faces.pose import pose_of

# Rings round the face: (distance over the oval's, how much of the head's motion, how far behind in faces).
# The motion fades over a wide way, gently at both ends, so that what is behind bends rather than kinks.
RINGS = (
    *((1.15, 1.0, 0.08), (1.38, 1.0, 0.20), (1.58, 0.86, 0.29), (1.80, 0.60, 0.37)),
    *((2.05, 0.34, 0.44), (2.35, 0.13, 0.50), (2.70, 0.03, 0.54)),
)
NECK = 0.40  # face heights below the chin over which the body stops following
BODY = 0.10  # how much of the head's way the shoulders go
BREATH = 0.02  # eye distances that a full breath lifts them
# Face heights to the side of the neck, and below the chin: so far they go as one, so far at all.
SHOULDERS_ASIDE = (0.45, 1.1)
SHOULDERS_DOWN = (0.7, 1.3)
RIM = 0.04  # face heights over the middle of the brows from which they rise fully, in spite of glasses
GRID = (12, 9)  # still points over the picture
SMILE = 0.055  # eye distances that the corners of the mouth rise

JAW = 0.115  # face heights that the jaw drops at most
CORNERS = (61, 291, 78, 308, 62, 292, 76, 306)
UPPER_LIP = (
    *(191, 80, 81, 82, 13, 312, 311, 310, 415),
    *(183, 42, 41, 38, 12, 268, 271, 272, 407),
    *(184, 74, 73, 72, 11, 302, 303, 304, 408),
    *(185, 40, 39, 37, 0, 267, 269, 270, 409),
)
LOWER_LIP = (
    *(95, 88, 178, 87, 14, 317, 402, 318, 324),
    *(96, 89, 179, 86, 15, 316, 403, 319, 325),
    *(77, 90, 180, 85, 16, 315, 404, 320, 307),
    *(146, 91, 181, 84, 17, 314, 405, 321, 375),
)
# Each upper lid point with the lower lid point that it meets, and the crease points above it. The
# crease stays: it would bend the rims of glasses.
LIDS = (
    ((246, 161, 160, 159, 158, 157, 173), (7, 163, 144, 145, 153, 154, 155), (247, 30, 29, 27, 28, 56, 190)),
    (
        (466, 388, 387, 386, 385, 384, 398),
        (249, 390, 373, 374, 380, 381, 382),
        (467, 260, 259, 257, 258, 286, 414),
    ),
)
EYES = ((topology.LEFT_EYE, topology.LEFT_IRIS), (topology.RIGHT_EYE, topology.RIGHT_IRIS))
IRIS_SHARE = 0.5  # of the way from its centre to the lids, the iris turns as one
LID_HOLDS = 0.6  # how much of a look up or down its rim goes: lids are near
EYE_POINTS = sum(len(ring) for ring, _ in EYES)
IRIS_RINGS = np.split(topology.POINTS + np.arange(EYE_POINTS), len(EYES))
LASH_SHARE = 0.5  # of the way from a lid's edge to its crease: so far up lashes reach, and go with the lid
LASHES = np.split(
    topology.POINTS + EYE_POINTS + np.arange(sum(len(upper) for upper, _, _ in LIDS)), len(LIDS)
)
ADDED = EYE_POINTS + sum(len(row) for row in LASHES)
BROWS = np.concatenate([topology.LEFT_BROW, topology.RIGHT_BROW])


def fading(way: np.ndarray, whole: float, end: float) -> np.ndarray:
    """Return 1 up to `whole`, 0 from `end` on."""
    return np.clip((end - way) / (end - whole), 0, 1)


def iris_ring(face: np.ndarray, lids: np.ndarray, iris: int) -> np.ndarray:
    """Return the points round an iris, one for each of its lids."""
    return face[iris] + IRIS_SHARE * (face[lids] - face[iris])


def eye_triangles(lids: np.ndarray, ring: np.ndarray, iris: int) -> np.ndarray:
    """Return the triangles from the lids to the ring, and from there to the iris's centre."""
    after, ring_after = np.roll(lids, -1), np.roll(ring, -1)
    corners = (
        *((lids, after, ring), (after, ring_after, ring)),
        (ring, ring_after, np.full_like(ring, iris)),
    )
    return np.concatenate([np.stack(three, axis=1) for three in corners])


EYE_TRIANGLES = [eye_triangles(lids, ring, iris) for (lids, iris), ring in zip(EYES, IRIS_RINGS, strict=True)]


def lashes_over(face: np.ndarray, upper: tuple[int, ...], crease: tuple[int, ...]) -> np.ndarray:
    return face[list(upper)] + LASH_SHARE * (face[list(crease)] - face[list(upper)])


def with_lashes(triangles: np.ndarray) -> np.ndarray:
    """Return the triangles with those between lid and crease split into two strips at the lashes."""
    for (upper, _, crease), lashes in zip(LIDS, LASHES, strict=True):
        between = np.isin(triangles, upper + crease).all(axis=1)
        below, above = triangles[between].copy(), triangles[between].copy()
        for lid, fold, lash in zip(upper, crease, lashes, strict=True):
            below[below == fold], above[above == lid] = lash, lash
        triangles = np.concatenate([triangles[~between], below, above])
    return triangles


def triangulated(points: np.ndarray) -> np.ndarray:
    """Return the (M, 3) Delaunay triangles of (N, 2) float32 points, each of which is there once."""
    left, top = np.floor(points.min(axis=0)).astype(int)
    right, bottom = np.ceil(points.max(axis=0)).astype(int) + 1
    # OpenCV's, not SciPy's, which takes a tenth of a second to import.
    plane = cv2.Subdiv2D((int(left), int(top), int(right - left), int(bottom - top)))
    plane.insert(points)
    number = {tuple(point): index for index, point in enumerate(points.tolist())}
    corners = plane.getTriangleList().reshape(-1, 3, 2).tolist()
    return np.array([[number[tuple(corner)] for corner in triangle] for triangle in corners])


class Rig:
    """The mesh of one portrait of (width, height) pixels with these (478, 3) landmarks.

    triangles: (M, 3) int32. texture: (N, 2) pixels of the portrait that the points show.
    glasses: whether it wears any, whose rims brows must not take along.
    reach: (N,) 0..1, how much of the head's motion a point takes part in. body: (N,) 0..1, the same of the
    shoulders'.
    """

    def __init__(self, landmarks: np.ndarray, width: int, height: int, *, glasses: bool = False) -> None:
        self.pose = pose_of(landmarks)
        face = self.pose.undo(landmarks.astype(np.float64))
        self.face_height = float(np.ptp(face[:, 1]))
        rings, ring_reach = self.rings_round(face)
        grid = self.still_grid(face, width, height)
        eyes = [iris_ring(face, *eye) for eye in EYES]
        lashes = [lashes_over(face, upper, crease) for upper, _, crease in LIDS]
        self.rest = np.concatenate([face, *eyes, *lashes, rings, grid])
        self.reach = np.concatenate([np.ones(len(face) + ADDED), ring_reach, np.zeros(len(grid))])
        self.still = self.pose.apply(self.rest)
        self.texture = self.still[:, :2].astype(np.float32)
        self.triangles = np.concatenate(
            [
                with_lashes(topology.SKIN_TRIANGLES),
                topology.MOUTH_TRIANGLES,
                *EYE_TRIANGLES,
                self.triangles_round(),
            ]
        ).astype(np.int32)
        self.body = self.body_share(face)
        self.shape_mouth(face)
        self.shape_brows(face, glasses=glasses)
        self.shape_smile()

    # the mesh

    def rings_round(self, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        oval = face[topology.OVAL]
        centre = oval.mean(axis=0)
        distance, share, behind = (np.repeat(column, len(oval)) for column in np.transpose(RINGS))
        around = np.tile(oval - centre, (len(RINGS), 1))
        points = around * distance[:, None] + centre
        points[:, 2] = centre[2] + around[:, 2] + behind * self.face_height
        below = np.clip((points[:, 1] - face[topology.CHIN, 1]) / (NECK * self.face_height), 0, 1)
        return points, share * (1 - below)

    def still_grid(self, face: np.ndarray, width: int, height: int) -> np.ndarray:
        """Return points over the whole picture and a little more, but for the rings' place."""
        columns, rows = GRID
        x, y = np.meshgrid(
            np.linspace(-0.05 * width, 1.05 * width, columns),
            np.linspace(-0.05 * height, 1.05 * height, rows),
        )
        far = self.pose.apply(face)[:, 2].max() + self.pose.scale * self.face_height
        grid = self.pose.undo(np.stack([x.ravel(), y.ravel(), np.full(x.size, far)], axis=1))
        oval = self.pose.apply(face[topology.OVAL])[:, :2]
        outline = ((oval - oval.mean(axis=0)) * (RINGS[-1][0] + 0.1) + oval.mean(axis=0)).astype(np.float32)
        flat = self.pose.apply(grid)[:, :2]
        outside = [cv2.pointPolygonTest(outline, tuple(map(float, point)), False) < 0 for point in flat]
        return grid[outside]

    def triangles_round(self) -> np.ndarray:
        """Triangulate all that is outside the face's oval."""
        points = np.concatenate([topology.OVAL, np.arange(topology.POINTS + ADDED, len(self.rest))])
        triangles = points[triangulated(self.texture[points])]
        oval = self.texture[topology.OVAL]
        centres = self.texture[triangles].mean(axis=1)
        return triangles[[cv2.pointPolygonTest(oval, tuple(map(float, c)), False) < 0 for c in centres]]

    # what moves with what

    def body_share(self, face: np.ndarray) -> np.ndarray:
        """Return how much of the shoulders' motion each point takes part in: most below the neck."""
        x, y = self.rest[:, 0], self.rest[:, 1]
        below = (y - face[topology.CHIN, 1]) / self.face_height
        aside = np.abs(x - face[topology.CHIN, 0]) / self.face_height
        follows = fading(below, *SHOULDERS_DOWN) * fading(aside, *SHOULDERS_ASIDE)
        return np.clip(below / NECK, 0, 1) * follows

    def shape_mouth(self, face: np.ndarray) -> None:
        """Work out how far each point goes with the jaw, with the lips' width, and to close the mouth."""
        x, y = self.rest[:, 0], self.rest[:, 1]
        self.mouth = (face[61] + face[291]) / 2
        self.mouth_width = float(np.linalg.norm(face[61] - face[291]))
        upper, lower = face[topology.UPPER_LIP_EDGE], face[topology.LOWER_LIP_EDGE]
        middle = np.interp(x, upper[:, 0], (upper[:, 1] + lower[:, 1]) / 2)
        below = (y - middle) / self.face_height  # of the line between the lips
        is_lower = below > 0
        is_lower[list(LOWER_LIP)], is_lower[list(UPPER_LIP)] = True, False
        across = (x - self.mouth[0]) / self.mouth_width
        moves = self.reach > 0

        # The lower lip drops most in its middle; the chin drops as a whole, its sides and the neck less.
        bow = np.clip(1 - (across / 0.52) ** 2, 0, 1) ** 0.8
        chin = np.clip(0.35 + 0.65 * below / 0.12, 0, 1) * np.exp(-((np.abs(across) / 0.75) ** 4))
        neck = np.clip((y - face[topology.CHIN, 1]) / (0.28 * self.face_height), 0, 1)
        jaw = np.where(is_lower, chin * (1 - neck) * moves, 0)
        jaw[list(LOWER_LIP)] = 0.95 * bow[list(LOWER_LIP)]
        jaw[list(UPPER_LIP)] = -0.10 * bow[list(UPPER_LIP)]
        jaw[list(CORNERS)] = 0.22
        self.jaw = jaw * JAW * self.face_height

        spread = (across / 0.75) ** 2 + ((y - self.mouth[1]) / (0.13 * self.face_height)) ** 2
        self.lip_width = np.exp(-spread) * moves

        gap = np.interp(x, upper[:, 0], np.maximum(0, lower[:, 1] - upper[:, 1]), left=0, right=0)
        fade = np.exp(-((np.maximum(0, np.abs(below) - 0.05) / 0.07) ** 2))
        self.closing = np.where(is_lower, -0.7 * gap, 0.3 * gap) * fade * moves
        self.gap = float(np.linalg.norm(face[topology.LOWER_LIP, :2] - face[topology.UPPER_LIP, :2]))

    def shape_brows(self, face: np.ndarray, *, glasses: bool) -> None:
        """Work out how brows rise: with the lid's skin under them, or without it where rims lie there."""
        apart = np.linalg.norm(self.rest[:, None, :2] - face[None, BROWS, :2], axis=2).min(axis=1)
        above = self.rest[:, 1] < face[topology.BETWEEN_EYES, 1] + 0.02 * self.face_height
        self.brow = np.exp(-((apart / (0.06 * self.face_height)) ** 2)) * above * 0.03 * self.face_height
        if glasses:
            brows = face[BROWS][np.argsort(face[BROWS, 0])]
            calm = cv2.GaussianBlur(brows, (1, 17), 2, borderType=cv2.BORDER_REFLECT)
            middle = np.interp(self.rest[:, 0], brows[:, 0], calm[:, 1])
            self.brow *= np.clip((middle - self.rest[:, 1]) / (RIM * self.face_height), 0, 1)

    def shape_smile(self) -> None:
        """Work out how a smile draws the corners of the mouth up and out, and the cheeks up."""
        across = (self.rest[:, 0] - self.mouth[0]) / self.mouth_width
        up = (self.mouth[1] - self.rest[:, 1]) / self.face_height
        corner = np.exp(-(((np.abs(across) - 0.5) / 0.24) ** 2) - (up / 0.075) ** 2)
        cheek = np.exp(-(((np.abs(across) - 0.75) / 0.40) ** 2) - ((up - 0.15) / 0.09) ** 2)
        moves = SMILE * (self.reach > 0)
        self.smile = np.zeros_like(self.rest)
        self.smile[:, 0] = 0.7 * moves * corner * np.sign(across)
        self.smile[:, 1] = -moves * (corner + 0.35 * cheek)
        self.smile[:, 2] = -0.3 * moves * cheek

    # a frame

    def points(self, wish: Expression) -> np.ndarray:
        """Return the (N, 3) points in pixels of the portrait's frame."""
        shaped = self.expressed(wish)
        moved = self.turned(shaped, wish)
        shaped += (moved - shaped) * self.reach[:, None]
        shaped[:, :2] += self.leaned(wish) * ((1 - self.reach) * self.body)[:, None]
        return self.pose.apply(shaped)

    def leaned(self, wish: Expression) -> np.ndarray:
        """Return the (2,) way of the shoulders, which follow the head a little, and rise with the breath."""
        head = self.turned(np.zeros((1, 3)), wish)[0, :2]
        return BODY * head - (0, BREATH * wish.breath)

    def skull(self, points: np.ndarray, wish: Expression) -> np.ndarray:
        """Return where points at rest, (n, 3), come to lie in pixels if only the head moves."""
        return self.pose.apply(self.turned(points, wish))

    def turned(self, points: np.ndarray, wish: Expression) -> np.ndarray:
        rotation, _ = cv2.Rodrigues(np.float64(wish.turn))
        moved = (points - PIVOT) @ rotation.T * wish.zoom + PIVOT
        moved[:, :2] += wish.shift
        return moved

    def expressed(self, wish: Expression) -> np.ndarray:
        """Return the points at rest with the face's own movements done."""
        points = self.rest.copy()
        points[:, 1] += self.closing + self.jaw * wish.opening - self.brow * wish.brows
        points += self.smile * wish.smile
        self.widen(points, wish)
        for ring, (_, iris) in zip(IRIS_RINGS, EYES, strict=True):
            points[iris : iris + 5, :2] += EYEBALL * np.sin(wish.gaze)
            points[ring, :2] += EYEBALL * np.sin(wish.gaze) * (1, LID_HOLDS)
        for (upper, lower, _), lashes in zip(LIDS, LASHES, strict=True):
            fall = (points[list(lower)] - points[list(upper)]) * wish.blink * 0.97
            points[list(upper)] += fall
            points[lashes[1:-1]] += fall[1:-1]
            points[lashes[[0, -1]]] += (1 - LASH_SHARE) * fall[[0, -1]]  # else the mesh would tear there
        return points

    def widen(self, points: np.ndarray, wish: Expression) -> None:
        stretch = 0.16 * wish.width - 0.05 * wish.opening
        points[:, 0] += (points[:, 0] - self.mouth[0]) * stretch * self.lip_width
        rounded = max(0.0, -wish.width) * self.lip_width  # rounded lips are pushed forward
        points[:, 2] -= 0.05 * self.face_height * rounded
        points[:, 1] += np.sign(points[:, 1] - self.mouth[1]) * 0.006 * self.face_height * rounded
