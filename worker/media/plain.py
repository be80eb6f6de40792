"""Turns decoded frames, whatever their size, shape and colour, into upright planes.

What is 8-bit 4:2:0 of video range in BT.601 or BT.709 already keeps every bit. Other depths, ranges and
samplings are brought to that in their own matrix; RGB, rare matrices, BT.2020 and HDR become BT.709.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Interpolation

from worker.errors import DecodeError
from worker.media.picture import (
    BT601,
    BT709,
    HD,
    UNSPECIFIED,
    Colour,
    Picture,
    from_frame,
    matrix_of_size,
    plane_view,
)
from worker.media.tonemap import BT2020, HDR, TABLE_FORMAT, ToneMap, peak_of
from worker.media.upright import turn_of

RGB = 0  # as a matrix: there is none
FCC, BT470BG, SMPTE240M = 4, 5, 7
KEPT = {BT709, BT470BG, BT601}
# Swscale's own numbers of the matrices that can be read.
SWSCALE = {BT709: 1, FCC: 4, BT470BG: 5, BT601: 5, SMPTE240M: 7, BT2020: 9}
WORST_PIXEL_ASPECT = 4  # beyond it the header is nonsense
BEST = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a frame's numbers are meant, by ISO/IEC 23091-2. Only primaries and trc may be unsaid."""

    matrix: int
    is_full_range: bool
    primaries: int
    trc: int

    @property
    def is_plain(self) -> bool:
        return self.matrix in KEPT and not self.is_full_range

    @property
    def is_wide(self) -> bool:
        """Is it beyond what BT.709 can show as it is?"""
        return self.trc in HDR or BT2020 in (self.primaries, self.matrix)


class Plain:
    """Makes the pictures of one clip, given the first of its frames and the shape of its pixels.

    width, height: of the pictures: upright, pixels made square, cropped to even.
    colour: what their planes are to be read in.
    """

    def __init__(self, first: av.VideoFrame, pixel_aspect: Fraction | None) -> None:
        self._reading = reading_of(first)
        self._turn = turn_of(first)
        self._size = square_size(first.width, first.height, pixel_aspect)
        self.width, self.height = (side & ~1 for side in self._turn.size(*self._size))
        self.colour = colour_after(self._reading)
        self._tone_map = tone_map(first, self._reading) if self._reading.is_wide else None

    def picture(self, frame: av.VideoFrame, pts: int = 0, duration: int = 0) -> Picture:
        plain = self._plain(frame)
        picture = over_black(plain) if plain.format.name == "yuva420p" else from_frame(plain)
        y, u, v = (self._turn.of(plane) for plane in picture.planes)
        return Picture(y, u, v, pts, duration)

    def _plain(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return the frame as 8-bit video-range 4:2:0 of the clip's size; itself if it is that already."""
        if self._tone_map is not None:
            return planes_of_rgb(self._tone_map(rgb_of(frame, self._reading)), self._size)
        reading = reading_of(frame)
        if reading.matrix == RGB:
            return planes_of_rgb(frame, self._size)
        if frame.format.name.startswith("gray"):
            frame = planes_of_grey(frame)
        if reading.is_plain and frame.format.name == "yuv420p" and (frame.width, frame.height) == self._size:
            return frame
        return frame.reformat(
            *self._size,
            format=target_of(frame),
            src_colorspace=SWSCALE[reading.matrix],
            dst_colorspace=SWSCALE[self.colour.space],
            src_color_range=ColorRange.JPEG if reading.is_full_range else ColorRange.MPEG,
            dst_color_range=ColorRange.MPEG,
            interpolation=BEST,
        )


def reading_of(frame: av.VideoFrame) -> Reading:
    """Return how the frame is meant; DecodeError if it is in colours that nothing here can read."""
    primaries, trc = int(frame.color_primaries), int(frame.color_trc)
    if frame.format.is_rgb or frame.format.has_palette:
        return Reading(matrix=RGB, is_full_range=True, primaries=primaries, trc=trc)
    matrix = int(frame.colorspace)
    if matrix in (UNSPECIFIED, RGB):
        is_wide = trc in HDR or primaries == BT2020
        matrix = BT2020 if is_wide else matrix_of_size(frame.width, frame.height)
    if matrix not in SWSCALE:
        raise DecodeError(f"The video's colours cannot be read here: they are in matrix {matrix} of H.273.")
    is_full = frame.color_range == ColorRange.JPEG  # Swscale knows the formats that are so by name
    return Reading(matrix=matrix, is_full_range=is_full, primaries=primaries, trc=trc)


def colour_after(reading: Reading) -> Colour:
    """Return the tags of the planes that frames with that reading become."""
    if reading.is_wide:
        return HD
    space = reading.matrix if reading.matrix in KEPT else BT709
    return Colour(space=space, primaries=reading.primaries, trc=reading.trc)


def tone_map(frame: av.VideoFrame, reading: Reading) -> ToneMap:
    return ToneMap(trc=reading.trc, primaries=reading.primaries, peak=peak_of(frame, reading.trc))


def rgb_of(frame: av.VideoFrame, reading: Reading) -> av.VideoFrame:
    return frame.reformat(
        format=TABLE_FORMAT,
        src_colorspace=SWSCALE.get(reading.matrix),
        src_color_range=ColorRange.JPEG if reading.is_full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BILINEAR,
        threads=1,
    )


def planes_of_rgb(frame: av.VideoFrame, size: tuple[int, int]) -> av.VideoFrame:
    return frame.reformat(
        *size,
        format=target_of(frame),
        src_color_range=ColorRange.JPEG,
        dst_colorspace="ITU709",
        dst_color_range=ColorRange.MPEG,
        interpolation=BEST,
    )


def planes_of_grey(frame: av.VideoFrame) -> av.VideoFrame:
    """Return the frame as yuv420p; Swscale would take grey for full range, whatever it says."""
    grey = plane_view(frame.reformat(format="gray").planes[0])
    planes = av.VideoFrame(frame.width, frame.height, "yuv420p")
    y, u, v = (plane_view(plane) for plane in planes.planes)
    y[:], u[:], v[:] = grey, 128, 128
    return planes


def target_of(frame: av.VideoFrame) -> str:
    has_alpha = any(component.is_alpha for component in frame.format.components)
    return "yuva420p" if has_alpha else "yuv420p"


def square_size(width: int, height: int, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """Return (width, height) with square pixels: the longer way is stretched, nothing is lost."""
    aspect = pixel_aspect or Fraction(1)
    if not Fraction(1, WORST_PIXEL_ASPECT) < aspect < WORST_PIXEL_ASPECT:
        aspect = Fraction(1)
    return round(width * max(aspect, Fraction(1))), round(height / min(aspect, Fraction(1)))


def over_black(frame: av.VideoFrame) -> Picture:
    """Return a yuva420p frame as players show it without a page behind it."""
    alpha = plane_view(frame.planes[3])
    half = cv2.resize(alpha, (frame.planes[1].width, frame.planes[1].height), interpolation=cv2.INTER_AREA)
    picture = from_frame(frame)
    for plane, cover, black in zip(picture.planes, (alpha, half, half), (16, 128, 128), strict=True):
        cover = cover[: plane.shape[0], : plane.shape[1]]
        mixed = black + (plane.astype(np.float32) - black) * (cover / np.float32(255))
        plane[:] = np.rint(mixed).astype(np.uint8)
    return picture
