"""One renderer for each face that is swapped, since each has a light, a skin and a noise of its own."""

from __future__ import annotations

from collections.abc import Callable

from worker.engines.swap.render import Renderer
from worker.faces.moment import Moment
from worker.faces.smooth import Face
from worker.memory import Kept, Remembers


class Renderers(Remembers):
    """`make` returns a renderer for a role's number. One outlives its track's absence by `keep` frames."""

    def __init__(self, *, make: Callable[[int], Renderer], keep: int) -> None:
        self.make = make
        self.keep = keep
        self.by_track: dict[tuple[int, int], Renderer] = {}  # (track, role)
        self.last_used: dict[tuple[int, int], int] = {}  # likewise: the moment's number

    def put_aside(self) -> Kept:
        memories = {key: renderer.put_aside() for key, renderer in self.by_track.items()}
        return {"memories": memories, "last_used": dict(self.last_used)}

    def take_up(self, kept: Kept) -> None:
        self.last_used = kept["last_used"]
        for key, memory in kept["memories"].items():
            self.by_track[key] = self.make(key[1])
            self.by_track[key].take_up(memory)

    def render(self, moment: Moment[Face]) -> bool:
        """Swap everybody in the picture, the farthest first; return whether anybody was."""
        if moment.is_cut:
            self.drop_all_but(set())
        shown = [self.render_one(moment, track) for track in farthest_first(moment)]
        self.drop_all_but({key for key, last in self.last_used.items() if moment.index - last < self.keep})
        return any(shown)

    def render_one(self, moment: Moment[Face], track: int) -> bool:
        key = track, moment.roles[track]
        if key not in self.by_track:
            self.by_track[key] = self.make(moment.roles[track])
        self.last_used[key] = moment.index
        return self.by_track[key].render(moment.picture, moment.people[track], moment.hands)

    def drop_all_but(self, kept: set[tuple[int, int]]) -> None:
        self.by_track = {key: renderer for key, renderer in self.by_track.items() if key in kept}
        self.last_used = {key: last for key, last in self.last_used.items() if key in kept}


def farthest_first(moment: Moment[Face]) -> list[int]:
    """Return the tracks, small faces first: where two overlap, the nearer is in front."""
    return sorted(moment.people, key=lambda track: moment.people[track].pose.scale)
