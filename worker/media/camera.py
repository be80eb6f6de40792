"""A camera that follows faces through a clip as an operator would, within the picture that is there.

It works on boxes alone, in two steps. An *anchor* is pulled by the faces over a dead zone, and never faster
than `TOP_SPEED`: small movements and single stray boxes leave it where it is, and so does a lost face. The
crop then lies where a bell over the anchors of `WINDOW` seconds, past and coming, has its mean: so nothing
starts or stops at once, and what is seen ahead is met in time. Where a face comes back elsewhere, pictures
that still wait let the anchor set out before. At a cut all this begins anew.

Boxes are (x0, y0, x1, y1) in pixels of the full picture; places are (x, y) of the crop's top left corner.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Any, TypeVar

import numpy as np

from worker.memory import Remembers, storable

Box = tuple[float, float, float, float]
Place = tuple[float, float]
Payload = TypeVar("Payload")

MARGIN = 0.05  # of the crop's sides: so near to an edge a face is not safe
FACE_HEIGHT_IN_CROP = 0.45  # where the middle of a face comes to lie: a little above the middle
TOGETHER, APART = 0.82, 0.9  # of the crop: people within the first are framed as one, until past the second

DEAD_ZONE = 0.06  # of the crop: how far a face may leave its place before a resting camera moves
LEAST_DEAD_ZONE = 0.015  # for a face so large that there is no room for more
AT_WORK = 0.25  # of the dead zone after a long pull, so that the camera ends with the face in its place
PATIENCE = 0.5  # seconds of pulling until the dead zone is that small, and of rest until it is whole again
TOP_SPEED = 0.5  # picture widths a second

WINDOW = 0.8  # seconds that the bell spans
LOOK_AHEAD = 0.4  # seconds: half the window, for then nothing lags
RETURN_AHEAD = 0.5  # seconds more that pictures wait, so that the camera is there when a face comes back
LOOK_AHEAD_BYTES = 160 * 2**20  # of pictures that wait meanwhile: 4K at 30 a second, no more


@storable
@dataclass(frozen=True, kw_only=True)
class Anchor:
    """One axis of the anchor: its place, the last wish, which way (-1, 0, 1) it was pulled last, and the
    effort, 0..1, that the pull has grown to."""

    at: float
    wish: float
    heading: int = 0
    effort: float = 0.0


@storable
@dataclass(frozen=True, kw_only=True)
class Aim:
    """All that the camera takes along from one picture to the next."""

    x: Anchor
    y: Anchor
    together: bool = False  # all people are framed, not only the first

    @property
    def at(self) -> Place:
        return self.x.at, self.y.at


@dataclass(kw_only=True)
class _Held:
    payload: Any
    boxes: Sequence[Box]
    is_cut: bool
    aim: Aim


class Camera(Remembers):
    """Turns a stream of (payload, boxes, is_cut) into one of (payload, place); the first box is the main one.

    `size` and `crop` are (width, height) in pixels, `rate` is in pictures a second. `past` holds the aims of
    this scene's pictures that have come out: with what is seen from the next one on, they place it.
    """

    REMEMBERED = ("past",)

    def __init__(self, *, size: tuple[int, int], crop: tuple[int, int], rate: float) -> None:
        self.crop = crop
        self.room = (size[0] - crop[0], size[1] - crop[1])
        self.step = TOP_SPEED * size[0] / rate
        self.growth = min(1.0, 1 / (PATIENCE * rate))
        can_move = any(self.room)
        self.reach = look_ahead(size, rate, LOOK_AHEAD) if can_move else 0
        self.waiting = look_ahead(size, rate, LOOK_AHEAD + RETURN_AHEAD) if can_move else 0
        self.weights = bell(max(round(WINDOW * rate), self.reach + 2))
        self.behind = len(self.weights) - 1 - self.reach
        self.past: list[Aim] = []
        self.held: deque[_Held] = deque()

    def run(self, frames: Iterable[tuple[Payload, Sequence[Box], bool]]) -> Iterator[tuple[Payload, Place]]:
        for payload, boxes, is_cut in frames:
            self.hold(payload, boxes, is_cut)
            if len(self.held) > self.waiting:
                yield self.next()
        while self.held:
            yield self.next()

    def hold(self, payload: object, boxes: Sequence[Box], is_cut: bool) -> None:
        last = self.held[-1].aim if self.held else self.past[-1] if self.past else None
        here = _Held(payload=payload, boxes=boxes, is_cut=is_cut or not last, aim=last or centred(self.room))
        self.held.append(here)
        if not boxes:
            return
        scene = self.scene_without_a_face()
        if not scene:
            self.return_to_the_face()
            here.aim = self.follow(self.held[-2].aim if len(self.held) > 1 else here.aim, boxes)
        for each in scene:
            each.aim = begun(boxes, self.crop, self.room)

    def scene_without_a_face(self) -> list[_Held]:
        """Return the newest picture's scene if all of it waits and it is the first with a face; else none."""
        scene = [self.held[-1]]
        for each in islice(reversed(self.held), 1, None):
            if scene[-1].is_cut or each.boxes:
                break
            scene.append(each)
        return scene if scene[-1].is_cut else []

    def return_to_the_face(self) -> None:
        """If the newest picture is the second with a face that was lost, set out for it before it comes.

        Only aims change that no place was worked out from. Both pictures pull in turn, so that one stray box
        moves nothing.
        """
        free = list(islice(reversed(self.held), self.waiting - self.reach + 1))
        if len(free) < 3 or not free[1].boxes or free[0].is_cut or free[1].is_cut:
            return
        lost = list(takewhile(lambda each: not each.boxes and not each.is_cut, free[2:]))
        if lost:
            aim = lost[-1].aim  # still that of the last picture with a face
            for number in range(len(lost) + 1, 0, -1):
                aim = free[number].aim = self.follow(aim, free[number % 2].boxes)

    def follow(self, last: Aim, boxes: Sequence[Box]) -> Aim:
        box, together = subject(boxes, self.crop, together=last.together)
        axes = zip(
            (last.x, last.y), placed(box, self.crop, self.room), dead_zone(box, self.crop), strict=True
        )
        x, y = (
            pulled(anchor, wish, slack=slack, step=self.step, growth=self.growth)
            for anchor, wish, slack in axes
        )
        return Aim(x=x, y=y, together=together)

    def next(self) -> tuple[Any, Place]:
        here = self.held.popleft()
        if here.is_cut:
            self.past = []
        seen = islice(self.held, self.reach)
        coming = [each.aim for each in takewhile(lambda each: not each.is_cut, seen)]
        place = self.between(self.past, here.aim, coming)
        self.past = [*self.past, here.aim][-self.behind :]
        return here.payload, place

    def between(self, past: list[Aim], here: Aim, coming: list[Aim]) -> Place:
        """Return the bell's mean; what lies beyond a cut, or is not seen yet, is taken to be at rest."""
        aims = [*past, here, *coming]
        before, after = self.behind - len(past), self.reach - len(coming)
        places = np.array([aims[0].at] * before + [each.at for each in aims] + [aims[-1].at] * after)
        if (places == here.at).all():
            return here.at  # to the bit, so that a resting camera copies pixels
        x, y = (self.weights @ places).tolist()
        return x, y


def look_ahead(size: tuple[int, int], rate: float, seconds: float) -> int:
    """Return for how many pictures the camera may wait, so many seconds at most."""
    picture = size[0] * size[1] * 3 // 2
    return min(round(seconds * rate), LOOK_AHEAD_BYTES // picture)


def bell(length: int) -> np.ndarray:
    """Return Hann's window without its zeros, of sum 1."""
    weights = np.hanning(length + 2)[1:-1]
    return weights / weights.sum()


def whole(place: float) -> float:
    """Return the place on an even pixel, where luma and chroma are cut without blurring."""
    return 2.0 * round(place / 2)


def centred(room: tuple[int, int]) -> Aim:
    x, y = (Anchor(at=whole(side / 2), wish=side / 2) for side in room)
    return Aim(x=x, y=y)


def begun(boxes: Sequence[Box], crop: tuple[int, int], room: tuple[int, int]) -> Aim:
    """Return the aim right on the people, at rest."""
    box, together = subject(boxes, crop, together=False)
    x, y = (Anchor(at=whole(wish), wish=wish) for wish in placed(box, crop, room))
    return Aim(x=x, y=y, together=together)


def pulled(anchor: Anchor, wish: float, *, slack: float, step: float, growth: float) -> Anchor:
    """Return the anchor after one more picture, whose face wants it at `wish`.

    It goes to the middle one of its own place and the last two wishes, so that one stray box moves nothing.
    The dead zone shrinks only on the way of the pull: a face that turns back is let go.
    """
    away = sorted((anchor.at, anchor.wish, wish))[1] - anchor.at
    heading = int(np.sign(away))
    effort = anchor.effort if heading == anchor.heading else 0.0
    pull = min(abs(away) - slack * (1 - (1 - AT_WORK) * effort), step)
    if pull <= 0:
        effort = max(0.0, anchor.effort - growth)
        return replace(anchor, at=anchor.at if effort else whole(anchor.at), wish=wish, effort=effort)
    return Anchor(at=anchor.at + heading * pull, wish=wish, heading=heading, effort=min(1.0, effort + growth))


def subject(boxes: Sequence[Box], crop: tuple[int, int], *, together: bool) -> tuple[Box, bool]:
    """Return the box round all people if the crop has room for it, else the first one's, and which it is."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    union = (min(x0), min(y0), max(x1), max(y1))
    share = max((union[2] - union[0]) / crop[0], (union[3] - union[1]) / crop[1])
    together = share <= (APART if together else TOGETHER)
    return (union if together else boxes[0]), together


def placed(box: Box, crop: tuple[int, int], room: tuple[int, int]) -> Place:
    """Return the crop's place within the picture for which the box is in its own, as nearly as can be."""
    x0, y0, x1, y1 = box
    wished = ((x0 + x1) / 2 - crop[0] / 2, (y0 + y1) / 2 - crop[1] * FACE_HEIGHT_IN_CROP)
    x, y = (min(max(place, 0.0), float(side)) for place, side in zip(wished, room, strict=True))
    return x, y


def dead_zone(box: Box, crop: tuple[int, int]) -> Place:
    """Return how far, in x and y, the box may leave its place: half the way to the margin, within bounds."""
    sides = (box[2] - box[0], box[3] - box[1])
    x, y = (
        min(max(((1 - 2 * MARGIN) * whole - side) / 4, LEAST_DEAD_ZONE * whole), DEAD_ZONE * whole)
        for side, whole in zip(sides, crop, strict=True)
    )
    return x, y
