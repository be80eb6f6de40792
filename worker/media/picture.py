"""A video frame as three writable planes, and the colour they are to be read in.

Planes are 8-bit YUV 4:2:0 with video range (luma 16..235): Y is (H, W) uint8, U and V are (H/2, W/2)
uint8, H and W even. Times are pts, whole counts of a time base.
"""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.video.reformatter import ColorRange

UNSPECIFIED = 2  # ISO/IEC 23091-2: the value for "not said" of every colour tag
BT709 = 1
BT601 = 6  # of 525 lines; 5, of 625, has the same matrix


@dataclass(frozen=True, kw_only=True)
class Colour:
    """Colour tags by their ISO/IEC 23091-2 numbers; `range` is FFmpeg's (1 video, 2 full)."""

    space: int = UNSPECIFIED
    range: int = int(ColorRange.MPEG)
    primaries: int = UNSPECIFIED
    trc: int = UNSPECIFIED


HD = Colour(space=BT709, primaries=BT709, trc=BT709)


@dataclass
class Picture:
    """One frame: planes y, u, v as the module says, its time, and for how long it is shown (0: not said)."""

    y: np.ndarray
    u: np.ndarray
    v: np.ndarray
    pts: int = 0
    duration: int = 0

    @property
    def width(self) -> int:
        return self.y.shape[1]

    @property
    def height(self) -> int:
        return self.y.shape[0]

    @property
    def planes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.y, self.u, self.v


def plane_view(plane: av.video.plane.VideoPlane) -> np.ndarray:
    """Return the plane's own memory as (height, width) uint8, the line padding cut off."""
    # A plane is a buffer, which its stub does not say.
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    return rows[: plane.height, : plane.width]


def matrix_of_size(width: int, height: int) -> int:
    """Return the matrix of a video that does not say: BT.709 of HD and up, as mpv takes it."""
    return BT709 if width >= 1280 or height > 576 else BT601


def from_frame(frame: av.VideoFrame, pts: int = 0) -> Picture:
    """Return a yuv420p frame's planes, writable and without a copy; odd sizes lose the last row or column."""
    frame.make_writable()  # the decoder may still read its frame as a reference
    width, height = frame.width & ~1, frame.height & ~1
    y, u, v = (plane_view(plane) for plane in frame.planes[:3])
    return Picture(
        y[:height, :width],
        u[: height // 2, : width // 2],
        v[: height // 2, : width // 2],
        pts,
    )


def to_frame(picture: Picture) -> av.VideoFrame:
    """Return a new yuv420p frame that holds a copy of the planes."""
    frame = av.VideoFrame(picture.width, picture.height, "yuv420p")
    for plane, pixels in zip(frame.planes, picture.planes, strict=True):
        plane_view(plane)[:] = pixels
    return frame


def side_numbers(frame: av.VideoFrame, kind: SideData) -> np.ndarray | None:
    """Return what the file says beside the frame, as (n,) int32; None if it says nothing of that kind."""
    try:
        side = frame.side_data[kind]  # type: ignore[literal-required]
    except KeyError:
        return None
    return np.frombuffer(side, np.int32)


def from_rgb(image: np.ndarray, pts: int = 0) -> Picture:
    """Return an (H, W, 3) uint8 RGB image with even sides as planes in the colour `HD`."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    planes = frame.reformat(
        format="yuv420p", dst_colorspace="ITU709", dst_color_range=ColorRange.MPEG, interpolation="AREA"
    )
    return from_frame(planes, pts)


def to_rgb(picture: Picture, colour: Colour = HD) -> np.ndarray:
    """Return the picture as (H, W, 3) uint8 RGB."""
    said = colour.space != UNSPECIFIED
    image = to_frame(picture).reformat(
        format="rgb24",
        src_colorspace=colour.space if said else matrix_of_size(picture.width, picture.height),
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    )
    return image.to_ndarray()
