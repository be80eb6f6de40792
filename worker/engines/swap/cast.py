"""Say of everybody in a picture which role he or she has, so that each keeps the same face across cuts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from worker.engines.swap.scout import Findings, Identifies
from worker.faces.identity import SAME, distance
from worker.faces.smooth import Sighting
from worker.faces.track import face_size
from worker.faces.views import View
from worker.memory import Remembers, storable

LOOK_AGAIN = 1.0  # seconds between two looks at one track, where it could be mistaken
LOOK_BACK = 0.25  # seconds, likewise, for a track that was lost meanwhile, or came as a stranger just now
KEPT = 0.5  # of what a track looked like until now, when it is looked at again


@storable
@dataclass(frozen=True, kw_only=True)
class Role:
    """A person of the clip. `source`: the number of the photo that he or she gets; None: is left alone."""

    findings: Findings
    embedding: np.ndarray
    source: int | None


@storable
@dataclass(kw_only=True)
class Known:
    """What is known of one track. Frames are numbers of pictures; `role` is None for a stranger."""

    embedding: np.ndarray
    came: int
    looked: int
    seen: int
    role: int | None = None
    away: float = np.inf  # distance from the role's embedding


@storable
@dataclass(kw_only=True)
class CastState:
    roles: list[Role] = field(default_factory=list)
    known: dict[int, Known] = field(default_factory=dict)


class Cast(Remembers):
    """Gives each track its role by a look at its birth, and again where more than one face is in view.

    `rate` in pictures a second; a track that is away for `keep` frames is forgotten. Of two tracks in one
    picture at most one has a role: the one that is more like it. With no roles given, the largest face
    of the first picture that has any gets photo number `source`.
    """

    REMEMBERED = ("state",)

    def __init__(self, *, identifier: Identifies, rate: float, keep: int, source: int = 0) -> None:
        self.identifier = identifier
        self.look_again, self.look_back = round(LOOK_AGAIN * rate), round(LOOK_BACK * rate)
        self.keep = keep
        self.source = source
        self.state = CastState()

    def set_roles(self, roles: Iterable[Role]) -> None:
        self.state.roles = list(roles)

    def forget(self) -> None:
        """Nobody's track goes on, as after a cut."""
        self.state.known = {}

    def left_alone(self) -> set[int]:
        """Return the tracks whose faces stay as they are."""
        return {track for track, known in self.state.known.items() if self.source_of(known) is None}

    def cast(self, view: View, people: dict[int, np.ndarray], index: int) -> dict[int, int]:
        """Return the role of each track whose face is replaced in picture number `index`."""
        if people and not self.state.roles:
            self.take_the_largest(view, people)
        for track in people:
            if self.is_due(track, index, crowded=len(people) > 1):
                self.look(view, track, people, index)
            self.state.known[track].seen = index
        self.state.known = {n: each for n, each in self.state.known.items() if index - each.seen < self.keep}
        known = {track: self.state.known[track] for track in people}
        return {
            track: each.role
            for track, each in known.items()
            if each.role is not None and self.source_of(each) is not None
        }

    def source_of(self, known: Known) -> int | None:
        return None if known.role is None else self.state.roles[known.role].source

    def take_the_largest(self, view: View, people: dict[int, np.ndarray]) -> None:
        landmarks = max(people.values(), key=face_size)
        findings = Findings(size=face_size(landmarks), neutral=Sighting.of(landmarks).shape)
        embedding = self.identifier.embedding(view, landmarks)
        self.state.roles = [Role(findings=findings, embedding=embedding, source=self.source)]

    def is_due(self, track: int, index: int, *, crowded: bool) -> bool:
        known = self.state.known.get(track)
        if known is None:
            return True
        since = index - known.looked
        is_lost = known.seen < index - 1
        is_new = index - known.came <= self.look_again  # and may have come half hidden, or turned away
        if is_lost or (is_new and known.role is None):
            return since >= self.look_back
        return since >= self.look_again and (crowded or known.role is None)

    def look(self, view: View, track: int, people: dict[int, np.ndarray], index: int) -> None:
        """Learn who the track is; what it looked like before counts too if it was held since."""
        embedding = self.identifier.embedding(view, people[track])
        before = self.state.known.get(track)
        if before is not None and before.seen == index - 1:
            embedding = KEPT * before.embedding + (1 - KEPT) * embedding
        came = index if before is None else before.came
        known = Known(embedding=embedding, came=came, looked=index, seen=index)
        self.state.known[track] = known
        others = [self.state.known[n] for n in people if n != track and n in self.state.known]
        self.choose(known, others)

    def choose(self, known: Known, others: list[Known]) -> None:
        """Take the likest role that nobody else in the picture is liker; whoever had it is a stranger."""
        distances = [distance(known.embedding, role.embedding) for role in self.state.roles]
        for role in sorted(range(len(distances)), key=distances.__getitem__):
            if distances[role] >= SAME:
                return
            holders = [other for other in others if other.role == role]
            if any(holder.away <= distances[role] for holder in holders):
                continue
            for holder in holders:
                holder.role, holder.away = None, np.inf
            known.role, known.away = role, distances[role]
            return
