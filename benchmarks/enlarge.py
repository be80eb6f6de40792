"""Measure how pictures are enlarged: `python -m benchmarks.enlarge`.

The luma of the sample portraits and of a drawn chart is shrunk by area averages and enlarged again by each
quality; plain Lanczos stands beside them. `grain` is what becomes of noise on flat grey, as a share of the 3
levels that it had. `ms` is the processor time of one luma plane of 3840x2160.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import process_time

import cv2
import numpy as np

from worker.media.enlarge import GAINS, enlarged
from worker.media.photo import read_photo
from worker.media.picture import from_rgb

SAMPLES = Path(__file__).parent.parent / "worker" / "samples"
FACTORS = (2, 3, 5)
RANGE = 219.0  # levels of luma
EDGE = 8  # pixels that are not counted

Enlarge = Callable[[np.ndarray, int, int], np.ndarray]


def lanczos(luma: np.ndarray, width: int, height: int) -> np.ndarray:
    return cv2.resize(luma, (width, height), interpolation=cv2.INTER_LANCZOS4)


def methods() -> dict[str, Enlarge]:
    return {"Lanczos": lanczos} | {quality: partial(enlarged, quality=quality) for quality in GAINS}


def truths() -> dict[str, np.ndarray]:
    portraits = {name: portrait(SAMPLES / name) for name in ("grace_hopper.jpg", "astronaut.png")}
    return portraits | {"chart": chart()}


def portrait(path: Path) -> np.ndarray:
    image = read_photo(path)
    height, width = (side & ~1 for side in image.shape[:2])
    return from_rgb(image[:height, :width]).y


def chart(side: int = 840) -> np.ndarray:
    """Return a star, letters and slanting lines, drawn four times as large and shrunk."""
    large = np.full((4 * side, 4 * side), 60, np.uint8)
    rows, columns = np.mgrid[: 4 * side, : 4 * side] - 4 * side / 3
    star = np.sign(np.sin(36 * np.arctan2(rows, columns)))
    large = np.where(np.hypot(rows, columns) < side, 110 + 80 * star, large).astype(np.uint8)
    for index in range(10):
        place = (2 * side + 80, 300 + 220 * index)
        cv2.putText(
            large, "sharp as hair", place, cv2.FONT_HERSHEY_TRIPLEX, 1.2 + 0.4 * index, 210, 3 + index
        )
    for index in range(60):
        begin, end = (100 + 50 * index, 5 * side // 2), (40 + 58 * index, 4 * side - 60)
        cv2.line(large, begin, end, 200, 3 + index % 6, cv2.LINE_AA)
    return cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA)


def there_and_back(truth: np.ndarray, factor: int, enlarge: Enlarge) -> tuple[np.ndarray, np.ndarray]:
    """Return the truth, cut to whole multiples, and the same once it was shrunk and enlarged."""
    height, width = (side // factor for side in truth.shape)
    truth = truth[: height * factor, : width * factor]
    small = cv2.resize(truth, (width, height), interpolation=cv2.INTER_AREA)
    return truth, enlarge(small, width * factor, height * factor)


def psnr(truth: np.ndarray, seen: np.ndarray) -> float:
    error = (truth.astype(float) - seen)[EDGE:-EDGE, EDGE:-EDGE]
    return float(10 * np.log10(RANGE**2 / np.mean(error**2)))


def ssim(truth: np.ndarray, seen: np.ndarray) -> float:
    """Structural similarity with the Gaussian window and the constants of Wang et al., 2004."""

    def blur(image: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(image, (11, 11), 1.5)

    one, other = truth.astype(np.float32), seen.astype(np.float32)
    means = blur(one), blur(other)
    spreads = blur(one * one) - means[0] ** 2 + blur(other * other) - means[1] ** 2
    shared = blur(one * other) - means[0] * means[1]
    light, contrast = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
    above = (2 * means[0] * means[1] + light) * (2 * shared + contrast)
    below = (means[0] ** 2 + means[1] ** 2 + light) * (spreads + contrast)
    return float((above / below)[EDGE:-EDGE, EDGE:-EDGE].mean())


def grain(factor: int, enlarge: Enlarge, deviation: float = 3.0) -> float:
    noise = np.random.default_rng(0).normal(0, deviation, (200, 200))
    seen = enlarge(np.rint(120 + noise).astype(np.uint8), 200 * factor, 200 * factor)
    return float(seen[EDGE:-EDGE, EDGE:-EDGE].std() / deviation)


def milliseconds(factor: int, enlarge: Enlarge, rounds: int = 5) -> float:
    small = cv2.resize(chart(), (3840 // factor, 2160 // factor))
    spent = []
    for _ in range(rounds):
        begun = process_time()
        enlarge(small, 3840, 2160)
        spent.append(process_time() - begun)
    return 1000 * min(spent)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    cv2.setNumThreads(1)
    pictures = truths()
    print("| factor | method | " + " | ".join(f"{name}: PSNR, SSIM" for name in pictures) + " | grain | ms |")
    print("|---" * (len(pictures) + 4) + "|")
    for factor in FACTORS:
        for name, enlarge in methods().items():
            pairs = [there_and_back(truth, factor, enlarge) for truth in pictures.values()]
            scores = [f"{psnr(*pair):.2f}, {ssim(*pair):.3f}" for pair in pairs]
            costs = [f"{grain(factor, enlarge):.2f}", f"{milliseconds(factor, enlarge):.0f}"]
            print(f"| {factor} | {name} | {' | '.join(scores + costs)} |", flush=True)


if __name__ == "__main__":
    main()
