"""Find faces or palms in an image with MediaPipe's BlazeFace, short or full range, and BlazePalm."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from worker.faces.networks import open_network, probability


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a detector was trained on: its input's side, and its anchors as (stride, anchors per cell).

    `keypoints`: how many it puts on what it finds. `black`: what a black pixel is to it; a white one is 1.
    `sure`: the least score that counts.
    """

    side: int
    grids: tuple[tuple[int, int], ...]
    keypoints: int = 6
    black: float = -1
    sure: float = 0.5


LAYOUTS = {
    "det_short": Layout(side=128, grids=((8, 2), (16, 6))),  # faces near the camera
    "det_full": Layout(side=192, grids=((4, 1),)),  # small ones too, at three times the cost
    "palm": Layout(side=192, grids=((8, 2), (16, 6)), keypoints=7, black=0, sure=0.3),
}
SAME = 0.3  # boxes that overlap by more are one face


@dataclass(frozen=True, kw_only=True)
class Detection:
    """A face or a palm: `low` and `high` are its box's corners.

    `keypoints` are a face's eyes, nose, mouth and ears, (6, 2); of a hand, (7, 2), the wrist, where the four
    fingers begin from the forefinger on, and two of the thumb.
    """

    score: float
    low: np.ndarray
    high: np.ndarray
    keypoints: np.ndarray

    @property
    def area(self) -> float:
        return float(np.prod(self.high - self.low))


def anchors(layout: Layout) -> np.ndarray:
    """Return the (N, 2) anchor centres, 0..1, in the order of the network's rows."""
    rows = []
    for stride, per_cell in layout.grids:
        cells = layout.side // stride
        centre = (np.arange(cells) + 0.5) / cells
        x, y = np.meshgrid(centre, centre)
        rows.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), per_cell, axis=0))
    return np.concatenate(rows).astype(np.float32)


def letterbox(image: np.ndarray, side: int) -> tuple[np.ndarray, float, np.ndarray]:
    """Fit the image into a black square; return it, the scale, and its top left corner's (x, y)."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    small_size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, small_size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    left, top = (side - small_size[0]) // 2, (side - small_size[1]) // 2
    square = np.zeros((side, side, 3), np.uint8)
    square[top : top + small_size[1], left : left + small_size[0]] = small
    return square, scale, np.array([left, top], np.float32)


def overlap(low: np.ndarray, high: np.ndarray, one: int) -> np.ndarray:
    """Return each box's intersection over union with box number `one`."""
    sides = np.minimum(high, high[one]) - np.maximum(low, low[one])
    shared = np.prod(np.clip(sides, 0, None), axis=1)
    area = np.prod(high - low, axis=1)
    return shared / np.maximum(area + area[one] - shared, 1e-9)


def merge(scores: np.ndarray, boxes: np.ndarray) -> list[Detection]:
    """Melt overlapping boxes, (N, 2 + K, 2) as low, high and keypoints, into their score-weighted means.

    BlazeFace is trained for this in place of picking the best: it halves the jitter between frames.
    """
    found, left = [], np.ones(len(scores), bool)
    for best in np.argsort(-scores):
        if not left[best]:
            continue
        group = left & (overlap(boxes[:, 0], boxes[:, 1], best) > SAME)
        group[best] = True
        left &= ~group
        mean = np.average(boxes[group], axis=0, weights=scores[group])
        found.append(Detection(score=float(scores[best]), low=mean[0], high=mean[1], keypoints=mean[2:]))
    return found


class Detector:
    def __init__(self, name: str) -> None:
        self.layout = LAYOUTS[name]
        self.anchors = anchors(self.layout)
        self.network = open_network(name)

    def find(self, image: np.ndarray) -> list[Detection]:
        """Return what is found in an RGB image, the surest first, in its pixels."""
        side, black = self.layout.side, self.layout.black
        square, scale, corner = letterbox(image, side)
        values = square[None].astype(np.float32) / (255 / (1 - black)) + black
        raw, logits = self.network.run(None, {"input": values})
        scores = probability(logits.ravel())
        sure = np.flatnonzero(scores > self.layout.sure)
        # Rows are centre, size and keypoints, in input pixels, from the anchor; the size is from nowhere.
        rows = raw.reshape(-1, 2 + self.layout.keypoints, 2)[sure] / side
        rows[:, 0] += self.anchors[sure]
        rows[:, 2:] += self.anchors[sure, None]
        centre, half = rows[:, 0].copy(), rows[:, 1] / 2
        rows[:, 0], rows[:, 1] = centre - half, centre + half
        return merge(scores[sure], (rows * side - corner + 0.5) / scale - 0.5)
