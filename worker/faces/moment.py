"""What travels from step to step: one picture of a clip and who is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from worker.media.picture import Picture

Person = TypeVar("Person")


@dataclass(frozen=True, kw_only=True)
class Moment(Generic[Person]):
    """The clip's picture number `index`, from 0 on. `is_cut`: it begins another scene.

    `people`, by track: at first their (478, 3) landmarks, once smoothed their `Face`.
    `roles`, by track: the number of the role that each of them plays. `hands`: the (21, 2) points of each
    hand near them.
    """

    index: int
    picture: Picture
    is_cut: bool = False
    people: dict[int, Person] = field(default_factory=dict)
    roles: dict[int, int] = field(default_factory=dict)
    hands: Sequence[np.ndarray] = ()
