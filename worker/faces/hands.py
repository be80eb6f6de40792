"""Find the hands that are near faces, and follow them from picture to picture, as MediaPipe does.

A detector finds palms, which keep their shape, and a network puts 21 points on the hand; where those were,
the network looks in the next picture. It also says whether there is a hand at all, and is much surer of that
than the detector, which takes many a face for a palm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from worker.faces import topology
from worker.faces.detect import Detection, Detector
from worker.faces.look import SMALLEST_REGION, closeup, square
from worker.faces.mesh import Region, crop, to_image
from worker.faces.networks import open_network
from worker.faces.track import face_size
from worker.faces.views import View
from worker.memory import Remembers, storable

POINTS = 21
WRIST = 0
FINGERS = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16], [17, 18, 19, 20]])
KNUCKLES = FINGERS[1:, 0]  # where the four fingers begin
PALM = np.array([WRIST, FINGERS[0, 0], *KNUCKLES])

SIDE = 224  # of the network's input
LOOK = 336  # pixels: it needs 224 of the turned square
# A region's side over the palm's or the hand's, and how far its middle lies towards the fingers, in their
# sides: `palm_detection_detection_to_roi` and `hand_landmark_landmarks_to_roi` of MediaPipe's graphs.
ROUND_PALM, FROM_PALM = 2.6, 0.5
ROUND_HAND, FROM_HAND = 2.0, 0.1
STEADY = np.array([0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18])  # without the finger tips

THERE, GONE = 0.6, 0.3  # how sure the network must be of a new hand, and of one that is held
MOST = 2  # hands: each costs a look in every picture
SAME = 0.5  # of a hand's size: nearer to each other two are one
SEARCH_EVERY, MISSED_EVERY = 0.2, 0.1  # seconds
MISSED_FOR = 1.0  # seconds that a hand is looked for where it was
BELIEVED = 0.15  # seconds that it is taken to be there still
REACHES = (2.2, 2.8, 1.8)  # in face sizes: how far it is looked for hands, in turn
DOWN = 0.4  # in face sizes: hands come from below
NEAR = 0.3  # in face sizes: a hand that is farther from every face rests
REST = 3  # frames from one look to the next at a hand that rests


@storable
@dataclass(kw_only=True)
class Hand:
    """Where a hand was seen last, (21, 2); for how many frames it was not looked for, or missed."""

    points: np.ndarray
    rested: int = 0
    missed: int = 0


@storable
@dataclass(kw_only=True)
class HandsState:
    """All that following remembers."""

    hands: list[Hand] = field(default_factory=list)
    since_search: int | None = None  # frames; None before the first
    searches: int = 0


class Hands(Remembers):
    """Holds up to MOST hands that are before a face, or may soon be."""

    REMEMBERED = ("state",)

    def __init__(self, *, rate: float) -> None:
        self.rate = rate
        self.state = HandsState()

    @cached_property
    def palms(self) -> Detector:
        return Detector("palm")

    @cached_property
    def network(self) -> HandNetwork:
        return HandNetwork()

    def forget(self) -> None:
        """Look for hands anew in the next picture, as after a cut."""
        self.state = HandsState()

    def follow(self, view: View, faces: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the (21, 2) points of each hand near one of the faces, which are (478, 3)."""
        state = self.state
        held = [kept for hand in state.hands if (kept := self.held(view, hand, faces))]
        if state.since_search is not None:
            state.since_search += 1
        if faces and self.is_search_due(held):
            found = self.search(view, faces)
            held = sorted([*held, *found], key=lambda hand: hand.missed)
            state.since_search, state.searches = 0, state.searches + 1
        state.hands = without_doubles(held)[:MOST]
        seen = [hand.points for hand in state.hands if hand.missed <= BELIEVED * self.rate]
        return [points for points in seen if is_near(points, faces)]

    def held(self, view: View, hand: Hand, faces: Sequence[np.ndarray]) -> Hand | None:
        """Return the hand as it is in this picture; None if it is gone."""
        if hand.rested + 1 < REST and not is_near(hand.points, faces):
            return replace(hand, rested=hand.rested + 1)
        points, presence = self.network.read(view, region_of_hand(hand.points))
        if points is not None and presence > (THERE if hand.missed else GONE):
            return Hand(points=points)
        is_given_up = hand.missed >= MISSED_FOR * self.rate
        return None if is_given_up else Hand(points=hand.points, missed=hand.missed + 1)

    def is_search_due(self, held: list[Hand]) -> bool:
        since = self.state.since_search
        every = MISSED_EVERY if any(hand.missed for hand in held) else SEARCH_EVERY
        is_full = len(held) == MOST and not any(hand.missed for hand in held)
        return not is_full and (since is None or since >= max(1, round(every * self.rate)))

    def search(self, view: View, faces: Sequence[np.ndarray]) -> list[Hand]:
        """Look round one face, far or near; the others come in turn."""
        turn, reach = divmod(self.state.searches, len(REACHES))
        for palm in palms_near(self.palms, view, faces[turn % len(faces)], REACHES[reach]):
            points, presence = self.network.read(view, region_of_palm(palm))
            if points is not None and presence > THERE:
                return [Hand(points=points)]
        return []


class HandNetwork:
    """Puts points on a hand, wherever there is one."""

    def __init__(self) -> None:
        self.network = open_network("hand")

    def read(self, view: View, region: Region) -> tuple[np.ndarray | None, float]:
        """Return the (21, 2) points of the hand in the region, in the view's pixels, and how sure they are.

        None, 0 where too little of the region is in the view.
        """
        near = closeup(view, region, LOOK)
        if near is None:
            return None, 0.0
        pixels = crop(near.image, near.region, SIDE)[None].astype(np.float32) / 255
        points, presence = self.network.run(["Identity", "Identity_1"], {"input": pixels})
        placed = near.in_view(to_image(points.reshape(POINTS, 3), near.region, SIDE))
        return placed[:, :2], float(presence[0, 0])


def palms_near(palms: Detector, view: View, face: np.ndarray, reach: float) -> list[Detection]:
    """Return the palms in the square that reaches so many face sizes round the face, in the view's pixels.

    Beyond the view's edges the square is black: larger, the palms would be larger than any that are known.
    """
    size, (x, y) = face_size(face), middle(face)
    box = square(view, x, y + DOWN * size, reach * size)
    if min(box.width, box.height) < SMALLEST_REGION:
        return []
    side = palms.layout.side
    image = view.look(box, max(2, round(side * max(box.width, box.height) / (2 * reach * size))))
    zoom = image.shape[1] / box.width
    filled = np.zeros((side, side, 3), np.uint8)
    filled[: image.shape[0], : image.shape[1]] = image[:side, :side]
    shift = np.array([box.left, box.top]) + 0.5 / zoom - 0.5
    return [
        Detection(
            score=each.score,
            low=each.low / zoom + shift,
            high=each.high / zoom + shift,
            keypoints=each.keypoints / zoom + shift,
        )
        for each in palms.find(filled)
    ]


def region_of_palm(palm: Detection) -> Region:
    wrist, knuckle = palm.keypoints[0], palm.keypoints[2]
    side = float((palm.high - palm.low).max())
    return region_towards(knuckle - wrist, (palm.low + palm.high) / 2, side, FROM_PALM, ROUND_PALM)


def region_of_hand(points: np.ndarray) -> Region:
    fore, long, ring = points[KNUCKLES[:3]]
    along = ((fore + ring) / 2 + long) / 2 - points[WRIST]
    angle = turn_of(along)
    upright = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    turned = points[STEADY] @ upright.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    return region_towards(along, (low + high) / 2 @ upright, float((high - low).max()), FROM_HAND, ROUND_HAND)


def region_towards(along: np.ndarray, at: np.ndarray, side: float, share: float, room: float) -> Region:
    """Return the region round a square, moved a share of its side towards where the hand points."""
    angle = turn_of(along)
    x, y = at + share * side * np.array([math.sin(angle), -math.cos(angle)])
    return Region(x=float(x), y=float(y), side=side * room, angle=angle)


def turn_of(along: np.ndarray) -> float:
    """Return the angle by which a direction is turned from pointing up, clockwise as one sees it."""
    return math.atan2(along[0], -along[1])


def is_near(hand: np.ndarray, faces: Sequence[np.ndarray]) -> bool:
    """Return whether the hand's box is beside or before any of the faces."""
    low, high = hand.min(axis=0), hand.max(axis=0)
    for face in faces:
        room, points = NEAR * face_size(face), face[: topology.FACE_POINTS, :2]
        if (high > points.min(axis=0) - room).all() and (low < points.max(axis=0) + room).all():
            return True
    return False


def without_doubles(hands: list[Hand]) -> list[Hand]:
    """Return the hands, each once: the one that came first."""
    kept: list[Hand] = []
    for hand in hands:
        size = np.ptp(hand.points, axis=0).max()
        apart = [np.linalg.norm(hand.points.mean(axis=0) - other.points.mean(axis=0)) for other in kept]
        if all(distance > SAME * size for distance in apart):
            kept.append(hand)
    return kept


def middle(face: np.ndarray) -> np.ndarray:
    points = face[: topology.FACE_POINTS, :2]
    return (points.min(axis=0) + points.max(axis=0)) / 2
