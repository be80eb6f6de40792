from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from worker.media import encode, segments
from worker.media.picture import HD, Picture
from worker.media.segments import STATE, Segments
from worker.media.sink import Mp4Sink
from worker.media.sound import Sound
from worker.tests.clipmaking import tone, write_clip

RATE, TICK = Fraction(25), Fraction(1, 1000)
SECOND = 25  # frames
EVEN = range(0, 3300, 40)
UNEVEN = np.cumsum(np.random.default_rng(5).choice([5, 33, 40, 41, 300], 80)).tolist()
LATE = range(700, 4000, 40)
STUCK = [*range(0, 1000, 40), 960, 961, *range(1040, 3300, 40)]


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    monkeypatch.setattr(segments, "SECONDS", 1.0)


def pictures(times) -> list[Picture]:
    """Return noise that drifts, so that an encoder has something to predict, in any order."""
    noise = np.random.default_rng(6).integers(30, 220, (96, 600), np.uint8)
    grey = np.full((48, 64), 128, np.uint8)
    return [
        Picture(noise[:, 3 * i : 3 * i + 128], grey, np.roll(grey, i), pts) for i, pts in enumerate(times)
    ]


def sink(path: Path, parts: Path | None = None, sound: Sound | None = None) -> Mp4Sink:
    return Mp4Sink(path, width=128, height=96, rate=RATE, time_base=TICK, colour=HD, parts=parts, sound=sound)


def write(path: Path, times, parts: Path | None = None, sound: Sound | None = None) -> Path:
    """Write what is not yet written of the pictures; what is remembered is the number of the next."""
    with sink(path, parts, sound) as output:
        for index, picture in islice(enumerate(pictures(times)), output.frames, None):
            output.write(picture, {"next": index})
    return path


class Killed(BaseException):
    pass


def kill_after(frames: int, parts: Path, times) -> None:
    with suppress(Killed), sink(parts / "never.mp4", parts) as output:
        for index, picture in enumerate(pictures(times)):
            if index == frames:
                raise Killed
            output.write(picture, {"next": index})


def decoded(path: Path) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        return [(f.pts * f.time_base, f.to_ndarray().tobytes()) for f in container.decode(video=0)]


def packets(path: Path, kind: str) -> list[av.Packet]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(**{kind: 0}) if packet.size]


@pytest.fixture
def encoded(monkeypatch) -> list[int]:
    """Return the pts of each picture that is encoded from now on."""
    seen, real = [], encode.Encoder.write
    monkeypatch.setattr(
        encode.Encoder, "write", lambda self, picture, pts: seen.append(pts) or real(self, picture, pts)
    )
    return seen


@pytest.mark.parametrize("times", [EVEN, UNEVEN, LATE], ids=["even", "variable", "late"])
def test_segments_make_one_unbroken_track(tmp_path, times):
    path = write(tmp_path / "a.mp4", times)

    shown = decoded(path)
    assert [time for time, _ in shown] == [pts * TICK for pts in times]
    track = packets(path, "video")
    assert len(track) == len(times)
    assert all(before.dts < after.dts for before, after in pairwise(track))
    assert all(packet.dts <= packet.pts for packet in track)
    content = path.read_bytes()
    assert (content.count(b"avc1"), content.count(b"avcC")) == (2, 1), "the brand, and one description"


def test_each_second_begins_with_a_picture_that_needs_no_other(tmp_path):
    track = packets(write(tmp_path / "a.mp4", EVEN), "video")

    keys = [packet.pts * packet.time_base for packet in track if packet.is_keyframe]

    assert {Fraction(0), Fraction(1), Fraction(2), Fraction(3)} <= set(keys)


@pytest.mark.parametrize("times", [EVEN, UNEVEN], ids=["even", "variable"])
def test_seeking_finds_every_picture(tmp_path, times):
    path = write(tmp_path / "a.mp4", times)
    whole = dict(decoded(path))

    with av.open(str(path)) as container:
        track = container.streams.video[0]
        for pts in list(times)[::9]:
            container.seek(round(pts * TICK / track.time_base), stream=track)
            found = next(f for f in container.decode(track) if f.pts * f.time_base >= pts * TICK)
            assert found.to_ndarray().tobytes() == whole[pts * TICK]


@pytest.mark.parametrize("times", [EVEN, UNEVEN, LATE, STUCK], ids=["even", "variable", "late", "stuck"])
@pytest.mark.parametrize("killed_at", [SECOND + 1, 2 * SECOND + 20])
def test_the_rest_is_written_and_the_result_is_the_same(tmp_path, times, killed_at, encoded):
    whole = write(tmp_path / "whole.mp4", times)
    kill_after(killed_at, tmp_path / "parts", times)
    del encoded[:]

    resumed = write(tmp_path / "resumed.mp4", times, tmp_path / "parts")

    assert len(encoded) == len(times) - killed_at // SECOND * SECOND
    assert resumed.read_bytes() == whole.read_bytes()


def test_the_sound_is_the_same_too(tmp_path):
    clip = write_clip(tmp_path / "sound.mkv", sound=tone(3.4), sound_codec="flac")
    whole = write(tmp_path / "whole.mp4", EVEN, sound=Sound(clip))
    kill_after(2 * SECOND + 3, tmp_path / "parts", EVEN)

    resumed = write(tmp_path / "resumed.mp4", EVEN, tmp_path / "parts", Sound(clip))

    assert resumed.read_bytes() == whole.read_bytes()
    sound = packets(whole, "audio")
    assert float(sum(packet.duration * packet.time_base for packet in sound)) == pytest.approx(3.4, abs=0.05)


def test_what_was_remembered_is_there(tmp_path):
    kill_after(2 * SECOND + 3, tmp_path, EVEN)

    output = sink(tmp_path / "a.mp4", tmp_path)

    assert (output.frames, output.remembered) == (2 * SECOND, {"next": 2 * SECOND})


def test_nothing_is_left_if_nobody_asked_for_it(tmp_path):
    write(tmp_path / "a.mp4", EVEN)

    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("step", range(8))
def test_a_death_at_any_step_leaves_what_can_be_gone_on_with(tmp_path, monkeypatch, step):
    """Steps are what the disk sees of two segments: settle, rename; draft the state, settle, rename."""
    whole, steps = write(tmp_path / "whole.mp4", EVEN), iter(range(99))

    def dying(real):
        def act(*args):
            if next(steps) == step:
                raise Killed
            return real(*args)

        return act

    with monkeypatch.context() as mortal:
        mortal.setattr(os, "fsync", dying(os.fsync))
        mortal.setattr(Path, "replace", dying(Path.replace))
        with pytest.raises(Killed):
            write(tmp_path / "never.mp4", EVEN, tmp_path / "parts")

    begun = Segments(tmp_path / "parts")
    assert begun.frames == step // 4 * SECOND
    assert (begun.remembered or {"next": 0})["next"] == begun.frames
    resumed = write(tmp_path / "resumed.mp4", EVEN, tmp_path / "parts")
    assert resumed.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("what", [STATE, "segment-00001.mp4"])
@pytest.mark.parametrize("change", ["cut", "removed"])
def test_what_is_damaged_is_begun_anew(tmp_path, what, change, encoded):
    whole = write(tmp_path / "whole.mp4", EVEN)
    kill_after(2 * SECOND + 3, tmp_path / "parts", EVEN)
    file = tmp_path / "parts" / what
    if change == "cut":
        os.truncate(file, file.stat().st_size // 2)
    else:
        file.unlink()
    del encoded[:]

    resumed = write(tmp_path / "resumed.mp4", EVEN, tmp_path / "parts")

    assert len(encoded) == len(EVEN)
    assert resumed.read_bytes() == whole.read_bytes()


def test_a_last_segment_of_one_picture_is_fine(tmp_path):
    times = range(0, (2 * SECOND + 1) * 40, 40)

    shown = decoded(write(tmp_path / "a.mp4", times))

    assert [time for time, _ in shown] == [pts * TICK for pts in times]


def test_a_pts_that_does_not_grow_is_moved_on_across_a_seam(tmp_path):
    shown = decoded(write(tmp_path / "a.mp4", STUCK))

    assert [round(1000 * time) for time, _ in shown][24:28] == [960, 961, 962, 1040]
