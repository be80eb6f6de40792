"""What the three qualities differ in, to the eye and in cost: `python -m benchmarks.tiers`.

The sample clip is swapped in each. `face to max`: PSNR of the face's luma against that of `max`. `detail`:
how much of the clip's own finest detail, what a blur of 1.5 pixels takes away, the face has. `flicker`: see
worker.engines.record. `rest`: PSNR of what no swap touches, against the clip. The picture shows the same
piece of one frame, pixel for pixel: of the clip, then of each result.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import cv2
import numpy as np

from benchmarks.engine import CLIP, PHOTO, QUALITIES
from benchmarks.sheet import moments
from worker.engines import Task, make
from worker.faces import topology
from worker.faces.track import Tracker
from worker.faces.views import RgbView
from worker.media.picture import to_rgb
from worker.media.source import open_video

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "tiers.jpg"
EVERY = 6  # frames: those that are compared
SHOWN = 60  # frame in the picture
PIECE = (320, 400)  # pixels, width and height
FINEST = 1.5  # pixels
ROOM = 160  # pixels round the face, as far as an outline that moves may reach


@dataclass(frozen=True, kw_only=True)
class Made:
    path: Path
    cpu_ms: float  # a frame
    flicker: float


def made(quality: str, photo: Path, folder: Path) -> Made:
    output = folder / f"{quality}.mp4"
    task = Task(
        mode="video_swap",
        quality=quality,
        enable_4k=False,
        aspect_ratio="original",
        reference_video=CLIP,
        source_image=photo,
        driving_audio=None,
        output=output,
    )
    begun = process_time()
    result = make(task, lambda *said: None)
    cpu_ms = 1000 * (process_time() - begun) / result.frames
    return Made(path=output, cpu_ms=cpu_ms, flicker=result.told["flicker"])


@dataclass(frozen=True, kw_only=True)
class Look:
    """The clip's luma in one frame, and two bool areas of it: the inner face, and what is far from any."""

    own: np.ndarray
    face: np.ndarray
    rest: np.ndarray


def looks() -> Iterator[Look]:
    tracker = Tracker()
    with open_video(CLIP) as source:
        for index, picture in enumerate(source):
            if index % EVERY:
                continue
            landmarks = tracker.follow(RgbView(to_rgb(picture, source.colour)))
            assert landmarks is not None  # the sample shows its person throughout
            hull = cv2.convexHull(landmarks[: topology.FACE_POINTS, :2].astype(np.int32))
            face = np.zeros(picture.y.shape, np.uint8)
            cv2.fillConvexPoly(face, hull, 1)
            far = cv2.dilate(face, np.ones((2 * ROOM + 1, 2 * ROOM + 1), np.uint8))
            yield Look(own=picture.y, face=cv2.erode(face, np.ones((31, 31), np.uint8)) > 0, rest=far == 0)


def lumas(path: Path) -> list[np.ndarray]:
    with open_video(path) as source:
        return [picture.y for index, picture in enumerate(source) if index % EVERY == 0]


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return 10 * np.log10(255**2 / np.mean((one.astype(np.float64) - other) ** 2))


def detail(luma: np.ndarray, where: np.ndarray) -> float:
    plane = luma.astype(np.float32)
    return float((plane - cv2.GaussianBlur(plane, (0, 0), FINEST))[where].std())


def row(quality: str, seen: Made, best: list[np.ndarray], clip: list[Look]) -> str:
    here = lumas(seen.path)
    each = list(zip(here, best, clip, strict=True))
    to_max = np.mean([psnr(a[look.face], b[look.face]) for a, b, look in each]) if quality != "max" else None
    share = np.mean([detail(a, look.face) / detail(look.own, look.face) for a, _, look in each])
    rest = np.mean([psnr(a[look.rest], look.own[look.rest]) for a, _, look in each])
    cells = [
        quality,
        f"{seen.cpu_ms:.0f}",
        f"{seen.path.stat().st_size / 1e6:.2f}",
        "" if to_max is None else f"{to_max:.1f}",
        f"{100 * share:.0f}",
        f"{seen.flicker:.2f}",
        f"{rest:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def piece(image: np.ndarray, middle: np.ndarray) -> np.ndarray:
    width, height = PIECE
    left, top = (middle - np.array(PIECE) / 2).astype(int)
    return image[top : top + height, left : left + width]


def sheet(videos: list[Path]) -> np.ndarray:
    images = [moments(video, [SHOWN])[0] for video in videos]
    landmarks = Tracker().follow(RgbView(images[0]))
    assert landmarks is not None
    nose = landmarks[topology.NOSE_TIP, :2]
    return np.hstack([piece(image, nose) for image in images])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        results = {quality: made(quality, given.photo, Path(folder)) for quality in QUALITIES}
        clip, best = list(looks()), lumas(results["max"].path)
        print("| quality | CPU, ms a frame | MB | face to max, dB | detail, % | flicker | rest, dB |")
        print("|---" * 7 + "|")
        for quality, seen in results.items():
            print(row(quality, seen, best, clip))
        image = sheet([CLIP, *(seen.path for seen in results.values())])
    cv2.imwrite(str(given.picture), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])
    print(f"\n{given.picture}: clip, {', '.join(results)}")


if __name__ == "__main__":
    main()
