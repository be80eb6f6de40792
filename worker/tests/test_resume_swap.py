"""A video_swap that is killed in a later segment, and the rest of it made by another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from worker.engines import Result, Task, make
from worker.engines.swap.job import Swap
from worker.media import segments
from worker.memory import Remembers, Snapshots
from worker.tests.clipmaking import tone, write_clip
from worker.tests.faceclips import ASTRONAUT, FACE_AT, HOPPER, portrait

SECOND = 25  # frames: a segment
SIZE = (320, 200)
CUT, LEFT, BACK, FRAMES = 50, 74, 84, 115
ADMIRAL_AT = (267, 237)


class Killed(BaseException):
    pass


def placed(path: Path, at: tuple[int, int], to: tuple[float, float], size, zoom: float) -> np.ndarray:
    move = np.float32([[zoom, 0, to[0] - zoom * at[0]], [0, zoom, to[1] - zoom * at[1]]])
    return cv2.warpAffine(portrait(path), move, size, borderMode=cv2.BORDER_REPLICATE)


def eventful(index: int, width: int, height: int) -> np.ndarray:
    """Return a picture of a noisy clip in moving light: one person, a cut, two, nobody, and two again."""
    if index < CUT:
        to = (width / 2 + 60 * np.sin(index / 9), height / 2)
        scene = placed(ASTRONAUT, FACE_AT, to, (width, height), 0.8).astype(float)
    elif LEFT <= index < BACK:
        scene = np.full((height, width, 3), 120.0)
    else:
        left = placed(ASTRONAUT, FACE_AT, (width / 4 + 0.4 * (index - CUT), 100), (width // 2, height), 0.7)
        right = placed(HOPPER, ADMIRAL_AT, (width / 4, 110), (width - width // 2, height), 0.5)
        scene = np.concatenate([left, right], axis=1).astype(float)
    light = 0.75 + 0.25 * np.sin(index / 6 + np.linspace(0, 2, width))[None, :, None]
    noise = np.random.default_rng(index).normal(0, 10, (height, width, 1))
    return np.clip(scene * light + noise, 0, 255).astype(np.uint8)


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    monkeypatch.setattr(segments, "SECONDS", 1.0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "eventful.mp4"
    times = [40 * index + (index % 3 == 1) * 13 for index in range(FRAMES)]
    return write_clip(path, times=times, size=SIZE, draw=eventful, sound=tone(4.6))


def swap(clip: Path, output: Path, parts: Path | None = None, told: Callable = lambda *said: None) -> Result:
    task = Task(
        mode="video_swap", quality="balanced", enable_4k=False, aspect_ratio="9:16", reference_video=clip,
        source_image=HOPPER, driving_audio=None, output=output, parts=parts,
    )  # fmt: skip
    return make(task, told)


def kill_at(frame: int, clip: Path, folder: Path) -> Path:
    """Kill a swap at that frame and return its parts."""

    def told(stage: str, done: int, total: int | None) -> None:
        if (stage, done) == ("generating", frame):
            raise Killed

    (folder / "parts").mkdir()
    with pytest.raises(Killed):
        swap(clip, folder / "never.mp4", folder / "parts", told)
    return folder / "parts"


@pytest.fixture(scope="module")
def whole(clip, tmp_path_factory) -> tuple[Result, bytes]:
    output = tmp_path_factory.mktemp("whole") / "out.mp4"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(segments, "SECONDS", 1.0)
        return swap(clip, output), output.read_bytes()


def test_the_same_clip_is_made_the_same_again(clip, whole, tmp_path):
    swap(clip, tmp_path / "again.mp4")

    assert (tmp_path / "again.mp4").read_bytes() == whole[1]


@pytest.mark.parametrize(
    ("segment", "killed_at"),
    [(1, 40), (2, 51), (3, 99), (4, 110)],
    ids=["in a scene", "at a cut", "while nobody is there", "after they came back"],
)
def test_the_rest_is_made_and_the_result_is_the_same(clip, whole, tmp_path, segment, killed_at):
    parts, told = kill_at(killed_at, clip, tmp_path), []

    result = swap(clip, tmp_path / "out.mp4", parts, lambda stage, done, total: told.append((stage, done)))

    assert [done for stage, done in told if stage == "generating"] == [*range(SECOND * segment, FRAMES + 1)]
    assert (tmp_path / "out.mp4").read_bytes() == whole[1]
    assert (result.frames, result.swapped, result.seconds) == (
        whole[0].frames, whole[0].swapped, whole[0].seconds,
    )  # fmt: skip


@pytest.mark.slow
def test_it_may_be_killed_again_and_again(clip, whole, tmp_path):
    for frame in (30, 60, 90):
        (tmp_path / f"{frame}").mkdir()
    parts = kill_at(30, clip, tmp_path)
    for frame in (60, 90):
        with pytest.raises(Killed):
            swap(clip, tmp_path / "never.mp4", parts, killer(frame))

    swap(clip, tmp_path / "out.mp4", parts)

    assert (tmp_path / "out.mp4").read_bytes() == whole[1]


def killer(frame: int) -> Callable:
    def told(stage: str, done: int, total: int | None) -> None:
        if (stage, done) == ("generating", frame):
            raise Killed

    return told


def steps_in(thing: object) -> Iterator[Remembers]:
    """Yield all that remembers, however deep it lies."""
    for value in vars(thing).values():
        for each in value.values() if isinstance(value, dict) else [value]:
            if isinstance(each, Remembers):
                yield each
                yield from steps_in(each)


def test_whatever_changes_from_frame_to_frame_is_remembered(clip, tmp_path, monkeypatch):
    """Also what this clip does not exercise, as long as it changes by being assigned."""
    swaps, before, unsaid, kept = [], {}, set(), []
    set_up, take = Swap.__post_init__, Snapshots.take
    monkeypatch.setattr(Swap, "__post_init__", lambda self: swaps.append(self) or set_up(self))
    monkeypatch.setattr(Snapshots, "take", lambda *args: kept.append(take(*args)) or kept[-1])

    def told(stage: str, done: int, total: int | None) -> None:
        for step in list(steps_in(swaps[0])) if swaps and stage == "generating" else []:
            if type(step).put_aside is not Remembers.put_aside:
                continue
            now = dict(vars(step))
            last = before.get(step, now)
            changed = {n for n in now if isinstance(now[n], Remembers) or now[n] is not last.get(n)}
            unsaid.update(f"{type(step).__name__}.{name}" for name in changed - {*step.REMEMBERED})
            before[step] = now

    swap(clip, tmp_path / "out.mp4", told=told)

    assert not unsaid
    steps = {name for name, value in vars(swaps[0]).items() if isinstance(value, Remembers)}
    noted, taken_up = next(filter(None, kept)), set()
    assert steps <= set(noted)
    for name in steps:
        monkeypatch.setattr(getattr(swaps[0], name), "take_up", lambda _, name=name: taken_up.add(name))
    swaps[0].take_up(noted)
    assert taken_up == steps
