"""What the steps of a stream remember from frame to frame, put aside as plain data and taken up again.

Plain data are None, bools, ints, floats, strings, NumPy's arrays and numbers, `storable` dataclasses, and
lists, tuples and dicts of these. A file of them gives back every value to the bit and of the same type. It
holds no code, so reading one is safe whoever wrote it.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar
from zipfile import BadZipFile

import numpy as np

logger = logging.getLogger(__name__)

Kept = dict[str, Any]
Dataclass = TypeVar("Dataclass", bound=type)

STORABLE: dict[str, type] = {}


def storable(cls: Dataclass) -> Dataclass:
    """Let the instances of a dataclass be plain data, made of its fields."""
    if STORABLE.setdefault(cls.__name__, cls).__module__ != cls.__module__:
        raise TypeError(f"There is a storable {cls.__name__} already.")
    return cls


class Remembers:
    """A step that earlier frames have a say in only through the attributes named in `REMEMBERED`.

    Each of them is plain data, or Remembers in turn and there from the beginning. What no list can say,
    a class says by overriding both methods.
    """

    REMEMBERED: ClassVar[tuple[str, ...]] = ()

    def put_aside(self) -> Kept:
        """Return a copy that the next frames do not change."""
        return {name: copied(getattr(self, name)) for name in self.REMEMBERED}

    def take_up(self, kept: Kept) -> None:
        """Go on as the one went on that was put aside."""
        for name in self.REMEMBERED:
            own = getattr(self, name)
            if isinstance(own, Remembers):
                own.take_up(kept[name])
            else:
                setattr(self, name, deepcopy(kept[name]))


def copied(value: Any) -> Any:
    return value.put_aside() if isinstance(value, Remembers) else deepcopy(value)


class Numbered(Protocol):
    @property
    def index(self) -> int: ...


Item = TypeVar("Item", bound=Numbered)


class Snapshots:
    """Gathers what the steps of a stream remember before every so manieth frame.

    Each step comes to that frame at another time and in another thread; together their memories are what
    a stream needs that is to begin with that frame.
    """

    def __init__(self, *, every: int) -> None:
        self.every = every
        self._gathered: dict[int, Kept] = {}

    def after(self, items: Iterable[Item], **steps: Any) -> Iterator[Item]:
        """Pass on what the last of `steps` yields, and note what they all remember after each."""
        for item in items:
            for name, step in steps.items():
                self.note(item.index + 1, name, step)
            yield item

    def is_due(self, index: int) -> bool:
        return index > 0 and index % self.every == 0

    def note(self, index: int, name: str, memory: Any) -> None:
        """Note plain data, or what a step remembers, as a part of what is known before that frame."""
        if self.is_due(index):
            self._gathered.setdefault(index, {})[name] = copied(memory)

    def take(self, index: int) -> Kept | None:
        """Return all that was noted before that frame, once; None if it is none of them."""
        return self._gathered.pop(index, None)


def save(kept: Kept, path: Path) -> None:
    """Write it so that a death at any moment, of the machine too, leaves the old file or the new one."""
    arrays: dict[str, np.ndarray] = {}
    outline = json.dumps(outlined(kept, arrays)).encode()
    draft = path.with_name(f"{path.name}.draft")
    with draft.open("wb") as file:
        np.savez(file, allow_pickle=False, outline=np.frombuffer(outline, np.uint8), **arrays)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def load(path: Path) -> Kept | None:
    """Return what `save` wrote; None if there is nothing, or nothing that can be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return restored(json.loads(file["outline"].tobytes()), file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as exc:
        logger.warning("%s is damaged (%s): what it kept is made anew.", path, exc)
        return None


def outlined(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return the value for JSON: arrays are put into `arrays`, and a dict names what JSON would change."""
    if isinstance(value, np.ndarray | np.generic):
        name = f"array{len(arrays)}"
        arrays[name] = np.asarray(value)
        return {"array" if isinstance(value, np.ndarray) else "number": name}
    if isinstance(value, list):
        return [outlined(each, arrays) for each in value]
    if isinstance(value, tuple):
        return {"tuple": [outlined(each, arrays) for each in value]}
    if isinstance(value, dict):
        return {"dict": [[outlined(k, arrays), outlined(v, arrays)] for k, v in value.items()]}
    if type(value).__name__ in STORABLE:
        content = {field.name: getattr(value, field.name) for field in fields(value)}
        return {"object": [type(value).__name__, outlined(content, arrays)]}
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"A {type(value).__name__} is no plain data.")


def restored(outline: Any, arrays: Any) -> Any:
    if isinstance(outline, list):
        return [restored(each, arrays) for each in outline]
    if not isinstance(outline, dict):
        return outline
    ((kind, content),) = outline.items()
    if kind == "array":
        return arrays[content]
    if kind == "number":
        return arrays[content][()]
    if kind == "tuple":
        return tuple(restored(each, arrays) for each in content)
    if kind == "object":
        name, told = content
        return STORABLE[name](**restored(told, arrays))
    return {restored(key, arrays): restored(value, arrays) for key, value in content}
