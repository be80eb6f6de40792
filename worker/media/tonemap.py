"""Shows HDR and BT.2020 video as SDR BT.709, through a table of colours that is worked out once for a clip.

Signals are R'G'B' of 0..1, light is linear RGB. Sources: ITU-R BT.2100-2 (PQ, as in SMPTE ST 2084, and HLG),
BT.2408-7 (203 cd/m2 is reference white), BT.2390-11 section 5.4.1 (the curve), BT.1886 (the SDR display).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from av.sidedata.sidedata import Type as SideData

from worker.media.picture import side_numbers

PQ, HLG = 16, 18  # transfer characteristics of ISO/IEC 23091-2
HDR = {PQ, HLG}
BT2020 = 9  # primaries, and the matrix with non-constant luminance

REFERENCE_WHITE = 203.0  # cd/m2: what becomes the white of SDR
PQ_TOP = 10_000.0
HLG_PEAK, HLG_GAMMA = 1000.0, 1.2  # cd/m2; the system gamma that BT.2100 gives that display
USUAL_PEAK = 1000.0  # cd/m2, of a PQ clip that does not say
SDR_GAMMA = 2.4

# x, y of red, green, blue, by ISO/IEC 23091-2; white is D65 for all.
D65 = (0.3127, 0.3290)
PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # Display P3
}
LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])
LUMA_709 = np.array([0.2126, 0.7152, 0.0722])

GRID = 65  # points of the table a side; between them it is interpolated over tetrahedra
CUBE_UNIT = 10_000  # steps from 0 to 1 in which it is written down
TABLE_FORMAT = "gbrp16le"  # 16 bits, for which FFmpeg's table is vectorised

M1, M2 = 2610 / 16384, 2523 / 4096 * 128
C1, C2, C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def light_of_pq(signal: np.ndarray) -> np.ndarray:
    """Return cd/m2."""
    power = np.power(np.clip(signal, 0, 1), 1 / M2)
    return PQ_TOP * np.power(np.maximum(power - C1, 0) / (C2 - C3 * power), 1 / M1)


def pq_of_light(light: np.ndarray | float) -> np.ndarray:
    power = np.power(np.clip(np.asarray(light) / PQ_TOP, 0, 1), M1)
    return np.power((C1 + C2 * power) / (1 + C3 * power), M2)


def light_of_hlg(signal: np.ndarray) -> np.ndarray:
    """Return cd/m2 on a display of `HLG_PEAK`, from (..., 3) signals."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = (scene @ LUMA_2020)[..., None]
    return HLG_PEAK * scene * luminance ** (HLG_GAMMA - 1)


def compressed(light: np.ndarray, peak: float) -> np.ndarray:
    """Return cd/m2 of 0..`peak` brought to 0..`REFERENCE_WHITE` by BT.2390's curve; what is dark stays."""
    top = pq_of_light(peak)
    most = pq_of_light(REFERENCE_WHITE) / top
    signal = np.minimum(pq_of_light(light) / top, 1)
    knee = 1.5 * most - 0.5
    t = np.maximum(signal - knee, 0) / (1 - knee)
    bent = (
        (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    )
    return light_of_pq(np.where(signal < knee, signal, bent) * top)


def xyz_of(primaries: int) -> np.ndarray:
    """Return the (3, 3) matrix from linear RGB to CIE XYZ; white has Y = 1."""
    corners = np.array([(x / y, 1, (1 - x - y) / y) for x, y in PRIMARIES[primaries]]).T
    white = np.array([D65[0] / D65[1], 1, (1 - D65[0] - D65[1]) / D65[1]])
    return corners * np.linalg.solve(corners, white)


def to_bt709(light: np.ndarray, primaries: int) -> np.ndarray:
    """Return (..., 3) linear BT.709 light of 0..1. What lies outside is greyed until it fits."""
    seen = light @ (np.linalg.inv(xyz_of(1)) @ xyz_of(primaries)).T
    grey = np.clip(seen @ LUMA_709, 0, 1)[..., None]
    away = seen - grey
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(away > 0, (1 - grey) / away, np.where(away < 0, -grey / away, 1))
    return np.clip(grey + away * np.minimum(room.min(axis=-1, keepdims=True), 1), 0, 1)


def sdr_of(signal: np.ndarray, *, trc: int, primaries: int, peak: float) -> np.ndarray:
    """Return the (..., 3) BT.709 signal that shows what that signal means.

    Of HDR the brightest component is compressed and the others with it, so that hues stay.
    """
    if trc not in HDR:
        return to_bt709(signal**SDR_GAMMA, primaries) ** (1 / SDR_GAMMA)
    light = light_of_pq(signal) if trc == PQ else light_of_hlg(signal)
    brightest = light.max(axis=-1, keepdims=True)
    gain = compressed(brightest, peak) / np.maximum(brightest, 1e-6)
    return to_bt709(light * gain / REFERENCE_WHITE, primaries) ** (1 / SDR_GAMMA)


def peak_of(frame: av.VideoFrame, trc: int) -> float:
    """Return the brightest light in cd/m2 that the clip says it has: its content's, else its display's."""
    if trc == HLG:
        return HLG_PEAK
    return max(said_peak(frame) or USUAL_PEAK, 2 * REFERENCE_WHITE)


def said_peak(frame: av.VideoFrame) -> float | None:
    level = side_numbers(frame, SideData.CONTENT_LIGHT_LEVEL)
    if level is not None and level[0] > 0:  # MaxCLL
        return min(float(level[0]), PQ_TOP)
    display = side_numbers(frame, SideData.MASTERING_DISPLAY_METADATA)
    if display is not None:
        # FFmpeg's structure: 8 chromaticities, least and most light, all as fractions; two flags.
        top, bottom, is_said = display[18], display[19], display[21]
        if is_said and top > 0 and bottom > 0:
            return min(float(top / bottom), PQ_TOP)
    return None


class ToneMap:
    """Turns frames of R'G'B' in `TABLE_FORMAT`, full range, into BT.709 of the same format."""

    def __init__(self, *, trc: int, primaries: int, peak: float) -> None:
        self._cube = cube(trc=trc, primaries=primaries if primaries in PRIMARIES else BT2020, peak=peak)
        self._graph: av.filter.Graph | None = None
        self._size = (0, 0)

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        size = (frame.width, frame.height)
        if self._graph is None or size != self._size:
            self._graph, self._size = table_graph(self._cube, *size), size
        self._graph.vpush(frame)
        return self._graph.vpull()


def table_graph(table: bytes, width: int, height: int) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.threads = 1
    buffer = f"video_size={width}x{height}:pix_fmt={TABLE_FORMAT}:time_base=1/1:colorspace=gbr:range=pc"
    with TemporaryDirectory() as folder:
        # FFmpeg takes a table as a file only, and has read it once configured.
        path = Path(folder) / "table.cube"
        path.write_bytes(table)
        mapped = graph.add("lut3d", file=str(path), interp="tetrahedral")
        graph.link_nodes(graph.add("buffer", buffer), mapped, graph.add("buffersink")).configure()
    return graph


@lru_cache(maxsize=1)  # one clip opens twice: to be looked at, and to be read
def cube(*, trc: int, primaries: int, peak: float) -> bytes:
    """Return `sdr_of` as a table in the .cube format: red runs fastest."""
    steps = np.linspace(0, 1, GRID)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    colours = sdr_of(np.stack([red, green, blue], axis=-1), trc=trc, primaries=primaries, peak=peak)
    # Each of the numbers that can occur is put into words once: there are few, and formatting is slow.
    words = np.array([f"{number / CUBE_UNIT:.4f} " for number in range(CUBE_UNIT + 1)], dtype="S7")
    rows = words[np.rint(colours.reshape(-1, 3) * CUBE_UNIT).astype(int)]
    return f"LUT_3D_SIZE {GRID}\n".encode() + b"\n".join(row.tobytes() for row in rows)
