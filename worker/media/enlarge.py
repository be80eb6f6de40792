"""Enlarges planes: cubic, and the luma crisper where the time allows. A plane is (H, W) uint8.

What enlarging blurs is restored beforehand, where there are few pixels: detail, the difference to a blurred
copy, is raised. Detail no stronger than the noise is left as it is, so grain comes out no coarser.
"""

from __future__ import annotations

import cv2
import numpy as np

# How much detail is raised, by quality; chosen with `benchmarks.enlarge`.
GAINS = {"fast": 0.0, "balanced": 0.4, "max": 1.2}
HELD = "max"  # the quality whose edges are held in bounds, which lets them be steeper

DETAIL_BLUR = 0.6  # pixels, standard deviation
NOISE_IN_DETAIL = 1.65  # standard deviations of the noise in the detail: below it nothing is raised
STRIP = 96  # pixels: width of the strip that the noise is measured on
NEAR = np.ones((3, 3), np.uint8)


def enlarged(luma: np.ndarray, width: int, height: int, quality: str) -> np.ndarray:
    """Return the luma at (width, height), neither smaller than it is."""
    gain = GAINS[quality]
    crisp = cubic(crisper(luma, gain) if gain else luma, width, height)
    return within(crisp, cubic(luma, width, height)) if quality == HELD else crisp


def cubic(plane: np.ndarray, width: int, height: int) -> np.ndarray:
    return cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC)


def crisper(luma: np.ndarray, gain: float) -> np.ndarray:
    """Return the luma with its detail raised by the gain, as far as it rises above the noise."""
    blurred = cv2.GaussianBlur(luma, (5, 5), DETAIL_BLUR)
    least = noise_in_detail(luma)
    # In saturating bytes, for speed: what is brighter than its surroundings, then what is darker.
    brighter = cv2.subtract(cv2.subtract(luma, blurred), least)
    darker = cv2.subtract(cv2.subtract(blurred, luma), least)
    return cv2.addWeighted(cv2.addWeighted(luma, 1, brighter, gain, 0), 1, darker, -gain, 0)


def noise_in_detail(luma: np.ndarray) -> int:
    """Return the levels of luma that detail must exceed to be more than noise, seen on an upright strip.

    Most of a picture is smooth, so the median of its detail is noise's; 0.6745 makes a median absolute
    deviation a standard one.
    """
    left = max(0, (luma.shape[1] - STRIP) // 2)
    strip = luma[:, left : left + STRIP].astype(np.float32)
    detail = np.abs(strip - cv2.GaussianBlur(strip, (5, 5), DETAIL_BLUR))
    return round(NOISE_IN_DETAIL * float(np.median(detail)) / 0.6745)


def within(crisp: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """Return `crisp` kept between the darkest and the brightest of `plain` nearby: steep edges, no halos."""
    return cv2.min(cv2.max(crisp, cv2.erode(plain, NEAR)), cv2.dilate(plain, NEAR))
