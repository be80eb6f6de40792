"""A part of a clip is, bit for bit, what the whole shows there, with its sound."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from worker.errors import DecodeError
from worker.media.audio import mono_chunks
from worker.media.resume import pictures_from, place_of
from worker.media.sound import Sound
from worker.media.source import open_video
from worker.media.span import Span
from worker.tests.clipmaking import RATE, write_clip
from worker.tests.corpus import CORPUS, write

CLIPS = [
    "plain",
    "variable rate",
    "film rate",
    "VP9",
    "interlaced",
    "sound begins first",
    "edit list",
    "open GOP",
    "fragments",
    "recorded by a browser",
    "counts from five seconds",
]


def pictures_of(path, span=None):
    with open_video(path, span) as source:
        return list(source), source


def assert_same_pictures(some, others):
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        for plane, same in zip(one.planes, other.planes, strict=True):
            assert np.array_equal(plane, same)


@pytest.mark.parametrize("name", CLIPS)
def test_a_span_holds_the_pictures_of_its_time(name, tmp_path):
    clip = CORPUS[name]
    path = write(clip, tmp_path / f"clip.{clip.suffix}")
    whole, source = pictures_of(path)
    times = [picture.pts * source.time_base for picture in whole]

    for first, after in [(0, 4), (1, 3), (3, 5), (len(whole) - 2, None)]:
        end = None if after is None else times[after]
        part, cut = pictures_of(path, Span(begin=times[first], end=end))

        assert_same_pictures(part, whole[first:after])
        assert [each.pts for each in part] == [each.pts - whole[first].pts for each in whole[first:after]]
        assert (cut.frames, cut.span.begin) == (len(part), times[first])


def test_a_time_between_two_pictures_belongs_to_the_first_of_them(tmp_path):
    path = write_clip(tmp_path / "clip.mp4")
    whole, _ = pictures_of(path)

    part, source = pictures_of(path, Span.of(0.21, 0.41))

    assert_same_pictures(part, whole[6:11])
    assert (source.span.begin, source.span.end) == (Fraction("0.24"), Fraction("0.44"))


def test_numbers_mean_what_is_written(tmp_path):
    """As floats, 33 / 30 is less than 1.1: taken so, the picture at 1.1 s would be left out."""
    path = write_clip(tmp_path / "clip.mkv", times=[index * 100 for index in range(15)])

    part, _ = pictures_of(path, Span.of(1.1, 1.3))

    assert len(part) == 2


def test_a_still_that_goes_on_is_shown_from_where_the_span_begins(tmp_path):
    path = write_clip(tmp_path / "clip.mkv", times=[0, 1000, 3000, 3040])
    whole, _ = pictures_of(path)

    part, source = pictures_of(path, Span.of(2, 3.02))
    inside, alone = pictures_of(path, Span.of(1.5, 2.5))

    assert_same_pictures(part, whole[1:3])
    assert [each.pts * source.time_base for each in part] == [0, 1]
    assert_same_pictures(inside, whole[1:2])
    assert (alone.frames, alone.span) == (1, Span.of(1.5, 2.5))
    assert inside[0].duration * alone.time_base == 1


def test_a_still_at_the_end_is_shown_until_there(tmp_path):
    """On average, its pictures are shown for longer than this one."""
    path = write_clip(tmp_path / "clip.mp4", times=[0, 40, 80, 120, 800, 1600, 2400])

    part, source = pictures_of(path, Span.of(0.1, 0.2))

    assert [picture.duration * source.time_base for picture in part] == [Fraction("0.08")]
    assert source.span == Span.of(0.12, 0.2)


def test_a_picture_of_a_span_is_found_again(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", options={"g": "6"})
    span = Span.of(0.24, 0.8)
    part, _ = pictures_of(path, span)

    with open_video(path, span) as source:
        again = list(pictures_from(source, place_of(part[5], 5)))

    assert_same_pictures(again, part[5:])
    assert [each.pts for each in again] == [each.pts for each in part[5:]]


def test_a_span_after_the_end_is_an_error(tmp_path):
    path = write_clip(tmp_path / "clip.mp4")

    with pytest.raises(DecodeError, match="no picture at 7 s"):
        open_video(path, Span.of(7, 8))


def test_what_lies_before_a_span_is_not_decoded(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "clip.mp4", times=range(0, 8000, 40), options={"g": "25"})
    counted = []

    with open_video(path, Span.of(6, 7)) as source:
        frames = source._frames
        monkeypatch.setattr(source, "_frames", lambda: (counted.append(1) or each for each in frames()))
        list(source)

    assert len(counted) < 60


# Half a second of each pitch.
STEPS = np.concatenate(
    [np.sin(2 * np.pi * pitch * np.arange(RATE // 2) / RATE) for pitch in (500, 900, 1400)]
)


def cut_sound(path, out, span):
    with av.open(str(out), "w") as output:
        sound = Sound(path, span=span)
        sound.attach(output)
        output.start_encoding()
        sound.finish()
        sound.close()
    return np.concatenate(list(mono_chunks(out, RATE)))


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp4", "aac"), ("mkv", "libopus"), ("mkv", "pcm_s16le"), ("mkv", "aac")]
)
@pytest.mark.parametrize(("begin", "end"), [("0.3", "1.2"), ("0.513", "0.99"), ("0", "0.7"), ("0.9", None)])
def test_sound_is_cut_to_the_sample(tmp_path, suffix, codec, begin, end):
    sound = (0.5 * STEPS).astype(np.float32)
    path = write_clip(tmp_path / f"clip.{suffix}", times=range(0, 1500, 40), sound=sound, sound_codec=codec)
    whole = np.concatenate(list(mono_chunks(path, RATE)))
    span = Span(begin=Fraction(begin), end=end and Fraction(end))

    cut = cut_sound(path, tmp_path / "out.mp4", span)

    wanted = whole[round(span.begin * RATE) : end and round(span.end * RATE)]
    assert len(cut) == pytest.approx(len(wanted), abs=1100)
    compared = slice(2000, min(len(cut), len(wanted)) - 2000)
    lags = {
        lag: float(np.corrcoef(np.roll(cut, lag)[compared], wanted[compared])[0, 1]) for lag in range(-60, 61)
    }
    best = max(lags, key=lags.get)
    assert abs(best) <= (1 if suffix == "mp4" else 48)  # Matroska counts milliseconds
    assert lags[best] > 0.99


def test_copied_sound_is_whole_from_its_first_sample_and_as_long_as_the_span(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", sound=(0.5 * STEPS).astype(np.float32), times=range(0, 1500, 40))
    whole = np.concatenate(list(mono_chunks(path, RATE)))

    cut = cut_sound(path, tmp_path / "out.mp4", Span.of(0.3, 0.91))

    assert np.allclose(cut[:2000], whole[round(0.3 * RATE) :][:2000], atol=1e-4)
    with av.open(str(tmp_path / "out.mp4")) as container:
        track = container.streams.audio[0]
        assert float(track.duration * track.time_base) == pytest.approx(0.61, abs=0.002)
