"""Come back to a picture of a video that another process was at."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from worker.media.picture import Picture
from worker.media.source import VideoSource, open_video
from worker.memory import storable

logger = logging.getLogger(__name__)


@storable
@dataclass(frozen=True, kw_only=True)
class Place:
    """The picture number `index` of a video, from 0 on; time and content tell that it is found again."""

    index: int
    pts: int
    content: int


def place_of(picture: Picture, index: int) -> Place:
    return Place(index=index, pts=picture.pts, content=content_of(picture))


def content_of(picture: Picture) -> int:
    """Return a checksum of the pixels."""
    checksum = 0
    for plane in picture.planes:
        checksum = zlib.crc32(np.ascontiguousarray(plane).data, checksum)
    return checksum


def pictures_from(source: VideoSource, place: Place) -> Iterator[Picture]:
    """Yield the pictures from that place on, the same as if all before them had been read.

    Where a seek does not lead to the very picture, as in a damaged file, all before it are read indeed.
    """
    source.begin_at(place.pts)
    pictures = iter(source)
    first = next(pictures, None)
    if first is not None and place_of(first, place.index) == place:
        yield first
        yield from pictures
        return
    logger.info("Seeking did not lead back to picture %d; reading all before it.", place.index)
    with open_video(source.path, source.asked) as again:
        yield from islice(again, place.index, None)
