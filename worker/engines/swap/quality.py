"""What the three qualities spend their time on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Quality:
    """`map_step`: pixels between two points of the bending map, doubled for faces over `large_face` pixels.

    `look_scales`: see `worker.faces.track.Tracker`. `tone_side`: the longer side, in pixels, that light and
    occlusion are judged at. `texture_face`: the most pixels the photo's face is kept at. `has_finish`: the
    face takes on the clip's sharpness and grain. `sees_hands`: hands stay in front of the face.
    """

    map_step: int
    large_face: int
    look_scales: tuple[float, ...]
    tone_side: int
    texture_face: int
    has_finish: bool = True
    sees_hands: bool = False


QUALITIES = {
    "fast": Quality(
        map_step=4, large_face=600, look_scales=(1.0,), tone_side=80, texture_face=512, has_finish=False
    ),
    "balanced": Quality(map_step=2, large_face=420, look_scales=(1.0,), tone_side=112, texture_face=1100),
    "max": Quality(
        map_step=1,
        large_face=840,
        look_scales=(0.95, 1.05),
        tone_side=160,
        texture_face=1600,
        sees_hands=True,
    ),
}
