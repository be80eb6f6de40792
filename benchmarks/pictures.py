"""The picture in README.md, from what `make demo` made: `python -m benchmarks.pictures`.

make demo && make demo MODE=photo_sing
.venv/bin/python -m benchmarks.pictures
"""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "worker" / "samples"
PICTURE = ROOT / "docs" / "pictures" / "demo.jpg"
CELL = (240, 300)  # width and height in pixels
GAP = 6
WHITE = 255
MOMENTS = (0.1, 0.35, 0.6, 0.85)  # of the clip's length
ROWS = (SAMPLES / "hopper.mp4", ROOT / "demo-video_swap.mp4", ROOT / "demo-photo_sing.mp4")


def frames(path: Path) -> list[np.ndarray]:
    """Return the (H, W, 3) uint8 RGB pictures at the MOMENTS."""
    with av.open(str(path)) as clip:
        every = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    return [every[round(moment * (len(every) - 1))] for moment in MOMENTS]


def cell(picture: np.ndarray) -> np.ndarray:
    """Cut the middle out of a picture, in the shape of a CELL, and bring it to its size."""
    width, height = CELL
    left = max(picture.shape[1] - picture.shape[0] * width // height, 0) // 2
    middle = picture[:, left : picture.shape[1] - left]
    return cv2.resize(middle, CELL, interpolation=cv2.INTER_AREA)


def sheet(rows: list[list[np.ndarray]]) -> np.ndarray:
    """Put the cells of each row side by side, and the rows below each other."""
    padded = [
        [np.pad(part, ((0, GAP), (0, GAP), (0, 0)), constant_values=WHITE) for part in row] for row in rows
    ]
    return np.vstack([np.hstack(row) for row in padded])[:-GAP, :-GAP]


def main() -> None:
    picture = sheet([[cell(frame) for frame in frames(path)] for path in ROWS])
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(PICTURE), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    print(PICTURE)


if __name__ == "__main__":
    main()
