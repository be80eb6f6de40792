"""Lay the same moments of several videos one under the other, cut round the face, in one picture.

    python -m benchmarks.sheet sheet.png target.mp4 result.mp4 --count 6

The face is looked for in the first video, so all rows show the same piece of the frame.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from worker.faces.track import Tracker, face_size
from worker.faces.views import RgbView
from worker.media.picture import to_rgb
from worker.media.source import open_video

ROOM = 0.85  # from the face's middle to the cut's edge, in face sizes


def moments(path: Path, wanted: list[int]) -> list[np.ndarray]:
    """Return those pictures of the video as RGB."""
    with open_video(path) as source:
        found = {i: to_rgb(picture, source.colour) for i, picture in enumerate(source) if i in wanted}
    return [found[i] for i in wanted]


def spread(path: Path, count: int) -> list[int]:
    """Return picture numbers spread over the video, the very ends left out."""
    with open_video(path) as source:
        pictures = sum(1 for _ in source)
    return [round(pictures * (step + 0.5) / count) for step in range(count)]


def window(image: np.ndarray) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom round the face, else of the whole image."""
    landmarks = Tracker().follow(RgbView(image))
    if landmarks is None:
        return 0, 0, image.shape[1], image.shape[0]
    (x, y), reach = landmarks[:468, :2].mean(axis=0), ROOM * face_size(landmarks)
    return max(0, int(x - reach)), max(0, int(y - reach)), int(x + reach), int(y + reach)


def cell(image: np.ndarray, place: tuple[int, int, int, int], side: int) -> np.ndarray:
    left, top, right, bottom = place
    piece = image[top:bottom, left:right]
    scale = side / max(piece.shape[:2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    piece = cv2.resize(piece, None, fx=scale, fy=scale, interpolation=how)
    down, across = side - piece.shape[0], side - piece.shape[1]
    return cv2.copyMakeBorder(piece, 0, down, 0, across, cv2.BORDER_CONSTANT)


def sheet(videos: list[Path], wanted: list[int], side: int) -> np.ndarray:
    places = [window(image) for image in moments(videos[0], wanted)]
    rows = []
    for video in videos:
        images = moments(video, wanted)
        cells = [cell(image, place, side) for image, place in zip(images, places, strict=True)]
        rows.append(np.hstack(cells))
    return np.vstack(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--frames", help="picture numbers, as in 12,40,80")
    parser.add_argument("--count", type=int, default=6, help="without --frames: how many, spread")
    parser.add_argument("--side", type=int, default=360, help="pixels of one cell")
    given = parser.parse_args()
    wanted = (
        [int(n) for n in given.frames.split(",")] if given.frames else spread(given.videos[0], given.count)
    )
    image = sheet(given.videos, wanted, given.side)
    cv2.imwrite(str(given.output), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    print(f"Wrote {given.output}: {len(given.videos)} videos at {wanted}.")


if __name__ == "__main__":
    main()
