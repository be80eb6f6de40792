from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from worker.memory import Remembers, Snapshots, load, save, storable

REPOSITORY = Path(__file__).parents[2]


@storable
@dataclass(frozen=True, kw_only=True)
class Seen:
    place: np.ndarray
    since: int


class Inner(Remembers):
    REMEMBERED = ("level",)

    def __init__(self) -> None:
        self.level: np.ndarray | None = None


class Step(Remembers):
    REMEMBERED = ("frames", "inner", "seen")

    def __init__(self) -> None:
        self.frames = 0
        self.inner = Inner()
        self.seen: list[Seen] = []
        self.picture = np.zeros(3)  # the same in every process


def same(one, other) -> bool:
    """Whether both are equal to the bit and of the same types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray | np.generic):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if isinstance(one, Seen):
        return same(vars(one), vars(other))
    return one == other


@pytest.mark.parametrize(
    "value",
    [
        None, True, 7, 0.1, "a word", np.float32(0.1), np.float64(0.1), np.int16(3), np.array(2.5),
        np.arange(6.0).reshape(2, 3), np.float32([np.pi, np.nan]), [1, [2.0, None]], (1, (2, "three")),
        {3: (4, 0), "five": [6]}, {(1, 0): np.zeros(2, np.uint8)}, {}, [], Seen(place=np.ones(2), since=3),
        np.random.default_rng(4).bit_generator.state,
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_comes_back_to_the_bit_and_of_its_type(tmp_path, value):
    save({"value": value}, tmp_path / "state.npz")

    assert same(load(tmp_path / "state.npz"), {"value": value})


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, np.array([object()], object), Path("a")],
    ids=["an object", "a set", "an array of objects", "a path"],
)
def test_what_is_no_plain_data_is_refused(tmp_path, value):
    with pytest.raises((TypeError, ValueError)):
        save({"value": value}, tmp_path / "state.npz")


def test_no_file_can_make_it_run_code(tmp_path, capsys):
    class Trap:
        def __reduce__(self):
            return (print, ("caught",))

    np.savez(tmp_path / "array.npz", outline=np.array([Trap()], object))
    (tmp_path / "whole.npz").write_bytes(pickle.dumps(Trap()))

    assert load(tmp_path / "array.npz") is load(tmp_path / "whole.npz") is None
    assert not capsys.readouterr().out


def test_what_is_not_there_or_damaged_is_nothing(tmp_path):
    save({"level": np.arange(1000)}, tmp_path / "state.npz")
    content = bytearray((tmp_path / "state.npz").read_bytes())
    content[3000] ^= 1
    (tmp_path / "turned.npz").write_bytes(content)
    (tmp_path / "torn.npz").write_bytes(content[:2000])

    for name in ("none.npz", "turned.npz", "torn.npz"):
        assert load(tmp_path / name) is None


def test_a_death_while_writing_leaves_what_was_there(tmp_path):
    save({"frames": 250}, tmp_path / "state.npz")
    code = f"""if True:
        import os
        from pathlib import Path
        from worker import memory
        memory.os.fsync = lambda file: os._exit(9)
        memory.save({{"frames": 500}}, Path({str(tmp_path / "state.npz")!r}))"""

    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False)

    assert load(tmp_path / "state.npz") == {"frames": 250}


def test_a_step_goes_on_as_the_one_that_was_put_aside(tmp_path):
    step, other = Step(), Step()
    step.frames, step.inner.level, step.seen = 3, np.ones(2), [Seen(place=np.ones(2), since=1)]

    save(step.put_aside(), tmp_path / "state.npz")
    other.take_up(load(tmp_path / "state.npz"))

    assert same(other.put_aside(), step.put_aside())


def test_what_is_put_aside_does_not_change_with_the_step():
    step = Step()
    step.inner.level = np.ones(2)

    kept = step.put_aside()
    step.inner.level += 1

    assert kept["inner"]["level"].tolist() == [1, 1]


@dataclass
class Frame:
    index: int


def test_a_snapshot_has_what_each_step_remembered_before_that_frame():
    snapshots, ahead, behind = Snapshots(every=4), Inner(), Inner()

    def stepped(frames, step: Inner):
        for frame in frames:
            step.level = frame.index
            yield frame

    first = list(snapshots.after(stepped(map(Frame, range(9)), ahead), first=ahead))
    for frame in snapshots.after(stepped(first, behind), second=behind):
        if frame.index == 3:
            taken = snapshots.take(4)

    assert taken == {"first": {"level": 3}, "second": {"level": 3}}
    assert snapshots.take(5) is None
    assert snapshots.take(8) == {"first": {"level": 7}, "second": {"level": 7}}
    assert snapshots.take(8) is None, "nothing gathers up over a long video"
