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
HEIGHT = 300  # pixels of each row
GAP = 6
WHITE = 255
MOMENTS = (0.1, 0.35, 0.6, 0.85)  # of the clip's length
ROWS = (SAMPLES / "hopper.mp4", ROOT / "demo-video_swap.mp4", ROOT / "demo-photo_sing.mp4")


def frames(path: Path) -> list[np.ndarray]:
    """Return the (H, W, 3) uint8 RGB pictures at the MOMENTS."""
    with av.open(str(path)) as clip:
        every = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    return [every[round(moment * (len(every) - 1))] for moment in MOMENTS]


def row(pictures: list[np.ndarray]) -> np.ndarray:
    """Put pictures side by side, each HEIGHT high."""
    gap = np.full((HEIGHT, GAP, 3), WHITE, np.uint8)
    parts = []
    for picture in pictures:
        width = round(picture.shape[1] * HEIGHT / picture.shape[0])
        parts += [cv2.resize(picture, (width, HEIGHT), interpolation=cv2.INTER_AREA), gap]
    return np.hstack(parts[:-1])


def stacked(rows: list[np.ndarray]) -> np.ndarray:
    """Put rows below each other, centred, as wide as the widest."""
    width = max(line.shape[1] for line in rows)
    sheet = []
    for line in rows:
        left = (width - line.shape[1]) // 2
        right = width - line.shape[1] - left
        sheet.append(np.pad(line, ((0, GAP), (left, right), (0, 0)), constant_values=WHITE))
    return np.vstack(sheet)[:-GAP]


def main() -> None:
    sheet = stacked([row(frames(path)) for path in ROWS])
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(PICTURE), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    print(PICTURE)


if __name__ == "__main__":
    main()
