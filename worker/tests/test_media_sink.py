from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from worker.media.picture import HD
from worker.media.sink import Mp4Sink
from worker.media.sound import Sound
from worker.media.source import open_video
from worker.tests.clipmaking import RATE, tone, write_clip, write_voice
from worker.tests.corpus import CORPUS, write


def rewrite(source_path, path, sound=None, **how):
    """Pass a clip through source and sink; return how many pictures went."""
    with open_video(source_path) as source:
        sink = Mp4Sink(
            path,
            width=source.width,
            height=source.height,
            rate=source.rate,
            time_base=source.time_base,
            colour=source.colour,
            sound=sound,
            **how,
        )
        with sink:
            for picture in source:
                sink.write(picture)
    return sink.frames


def times_of(path):
    with av.open(str(path)) as container:
        return [round(frame.time * 1000) for frame in container.decode(video=0)]


def packets_of(path):
    with av.open(str(path)) as container:
        return [
            (packet.pts * packet.time_base, bytes(packet))
            for packet in container.demux(audio=0)
            if packet.size
        ]


def samples_of(path):
    """Return the first channel."""
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def loudness(samples):
    """Return the height of the tone in the middle half, where no encoder rings."""
    quarter = len(samples) // 4
    return np.sqrt(2 * np.mean(samples[quarter:-quarter] ** 2))


@pytest.mark.parametrize("times", [range(0, 1000, 40), [0, 40, 50, 200, 210, 420]], ids=["even", "variable"])
def test_every_picture_comes_back_at_its_time(tmp_path, times):
    clip = write_clip(tmp_path / "a.mkv", times=list(times))

    frames = rewrite(clip, tmp_path / "b.mp4")

    assert frames == len(times)
    assert times_of(tmp_path / "b.mp4") == list(times)


@pytest.mark.parametrize(("times", "seconds"), [(range(0, 1000, 40), 1.0), ([0, 40, 80, 120, 600], 0.64)])
def test_the_last_picture_is_shown_for_its_time_too(tmp_path, times, seconds):
    clip = write_clip(tmp_path / "a.mkv", times=times)

    rewrite(clip, tmp_path / "b.mp4")

    with open_video(tmp_path / "b.mp4") as result:
        assert result.duration == pytest.approx(seconds, abs=0.005)


def test_a_last_picture_that_claims_hours_is_shown_for_a_minute(tmp_path):
    clip = write(replace(CORPUS["screen recording"], last_ticks=3 * 3600 * 25), tmp_path / "a.mp4")
    with open_video(clip) as source:
        assert source.duration > 3 * 3600

    rewrite(clip, tmp_path / "b.mp4")

    with open_video(tmp_path / "b.mp4") as result:
        assert result.duration == pytest.approx(60 * 0.04 + 60, abs=0.005)


def test_it_tells_of_each_picture_and_goes_on_telling_while_sound_is_encoded(tmp_path):
    clip = write_clip(tmp_path / "a.mkv", times=range(0, 400, 40), sound=tone(3), sound_codec="flac")
    told = []

    rewrite(clip, tmp_path / "b.mp4", Sound(clip), tell=lambda *said: told.append(said))

    assert told[:10] == [(joined, 10) for joined in range(1, 11)]
    assert set(told[10:]) == {(10, 10)}
    assert len(told) - 10 > 2 * RATE / 1024, "more than two seconds of its packets were left"


def test_aac_is_copied_packet_for_packet(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", sound=tone(1))

    rewrite(clip, tmp_path / "b.mp4", Sound(clip))

    assert packets_of(tmp_path / "b.mp4") == packets_of(clip)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("codec", ["libopus", "flac"])
def test_other_sound_becomes_aac_of_the_same_length(tmp_path, codec, channels):
    clip = write_clip(tmp_path / "a.mkv", sound=tone(1), sound_codec=codec, channels=channels)

    rewrite(clip, tmp_path / "b.mp4", Sound(clip))

    with av.open(str(tmp_path / "b.mp4")) as result:
        context = result.streams.audio[0].codec_context
        assert (context.name, context.layout.nb_channels) == ("aac", channels)
    samples = samples_of(tmp_path / "b.mp4")
    assert len(samples) / RATE == pytest.approx(1, abs=0.04)
    assert loudness(samples) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("codec", "suffix"), [("aac", "mp4"), ("flac", "mkv")])
def test_sound_that_begins_late_stays_late(tmp_path, codec, suffix):
    clip = write_clip(tmp_path / f"a.{suffix}", sound=tone(0.5), sound_codec=codec, sound_delay=0.4)

    rewrite(clip, tmp_path / "b.mp4", Sound(clip))

    assert first_loud_second(tmp_path / "b.mp4") == pytest.approx(0.4, abs=0.04)


def test_a_file_that_counts_from_five_seconds_on_is_brought_to_zero(tmp_path):
    late = range(5000, 6000, 40)
    clip = write_clip(tmp_path / "a.mkv", times=late, sound=tone(1), sound_codec="flac", sound_delay=5)

    rewrite(clip, tmp_path / "b.mp4", Sound(clip))

    assert times_of(tmp_path / "b.mp4")[:2] == [0, 40]
    assert first_loud_second(tmp_path / "b.mp4") == pytest.approx(0, abs=0.04)


def test_pictures_that_begin_late_stay_late(tmp_path):
    clip = write_clip(tmp_path / "a.mkv", times=range(500, 1000, 40), sound=tone(1), sound_codec="flac")

    rewrite(clip, tmp_path / "b.mp4", Sound(clip))

    assert times_of(tmp_path / "b.mp4")[:2] == [500, 540]
    assert first_loud_second(tmp_path / "b.mp4") == pytest.approx(0, abs=0.04)


def first_loud_second(path):
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.1)
            if len(loud):
                return frame.time + loud[0] / RATE
    return None


def test_sound_longer_than_the_pictures_is_kept(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", times=range(0, 400, 40), sound=tone(1.5))

    rewrite(clip, tmp_path / "b.mp4", Sound(clip))

    assert len(packets_of(tmp_path / "b.mp4")) == len(packets_of(clip))


def test_another_files_sound_can_take_the_place_of_the_clips(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", sound=tone(1, loudness=0.1))
    voice = write_voice(tmp_path / "voice.wav", tone(1, loudness=0.8), codec="pcm_s16le")

    rewrite(clip, tmp_path / "b.mp4", Sound(voice, alone=True))

    assert loudness(samples_of(tmp_path / "b.mp4")) == pytest.approx(0.8, abs=0.02)


def test_colour_tags_reach_the_result(tmp_path):
    tags = {"colorspace": 1, "color_primaries": 1, "color_trc": 1}
    clip = write_clip(tmp_path / "a.mp4", colour=tags)

    rewrite(clip, tmp_path / "b.mp4")

    with open_video(tmp_path / "b.mp4") as result:
        assert result.colour == HD


def test_pictures_and_sound_lie_close_together_in_the_file(tmp_path):
    clip = write_clip(tmp_path / "a.mkv", times=range(0, 30_000, 100), sound=tone(30), sound_codec="flac")

    rewrite(clip, tmp_path / "b.mp4", Sound(clip))

    with av.open(str(tmp_path / "b.mp4")) as container:
        seconds = [
            (packet.stream.type, float(packet.dts * packet.time_base))
            for packet in sorted((p for p in container.demux() if p.size), key=lambda p: p.pos)
        ]
    latest = {"audio": 0.0, "video": 0.0}
    for kind, second in seconds:
        latest[kind] = second
        assert abs(latest["audio"] - latest["video"]) < 8, (
            "else players seek back and forth, and the muxer keeps what waits in memory"
        )


def test_the_index_comes_first(tmp_path):
    rewrite(write_clip(tmp_path / "a.mkv"), tmp_path / "b.mp4")

    content = (tmp_path / "b.mp4").read_bytes()

    assert content.index(b"moov") < content.index(b"mdat")


def test_an_odd_size_is_refused(tmp_path):
    with pytest.raises(ValueError, match="161x120"):
        Mp4Sink(
            tmp_path / "b.mp4",
            width=161,
            height=120,
            rate=Fraction(25),
            time_base=Fraction(1, 25),
            colour=HD,
        )
