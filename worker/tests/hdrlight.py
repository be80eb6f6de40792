"""HDR signals from the standards' formulas, written apart from the code that reads them."""

from __future__ import annotations

import numpy as np

# ITU-R BT.2087-0, equation 2: linear BT.709 to linear BT.2020.
BT2020_OF_BT709 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
REFERENCE_WHITE = 203.0  # cd/m2, ITU-R BT.2408


def pq(light: np.ndarray) -> np.ndarray:
    """Return the signal of cd/m2: ITU-R BT.2100-2, table 4, the inverse of the reference EOTF."""
    power = (np.asarray(light) / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(light: np.ndarray) -> np.ndarray:
    """Return the signal of (..., 3) cd/m2 on a display of 1000 cd/m2: table 5, inverse OOTF, then OETF."""
    shown = np.asarray(light) / 1000
    luminance = (shown @ (0.2627, 0.6780, 0.0593))[..., None]
    scene = shown * np.maximum(luminance, 1e-9) ** ((1 - 1.2) / 1.2)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


def signal_of(rgb: np.ndarray, trc: int) -> np.ndarray:
    """Return the (..., 3) BT.2020 signal that shows an SDR picture of 0..255 at reference white."""
    linear = (rgb / 255.0) ** 2.4 @ BT2020_OF_BT709.T
    if trc == 16:
        return pq(linear * REFERENCE_WHITE)
    if trc == 18:
        return hlg(linear * REFERENCE_WHITE)
    return linear ** (1 / 2.4)


def codes_of(signal: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return Y, Cb, Cr of 10 bits and video range, not rounded or subsampled: BT.2100-2, tables 6 and 9."""
    luma = signal @ (0.2627, 0.6780, 0.0593)
    blue, red = (signal[..., 2] - luma) / 1.8814, (signal[..., 0] - luma) / 1.4746
    return 64 + 876 * luma, 512 + 896 * blue, 512 + 896 * red
