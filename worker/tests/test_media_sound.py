from __future__ import annotations

from fractions import Fraction

import av
import pytest

from worker.errors import DecodeError
from worker.media.containers import open_safely, origin_of
from worker.media.sound import Sound
from worker.media.source import open_video
from worker.tests.corpus import Clip, Voice, write


def result_of(clip, path):
    """Return a file of that clip's sound alone."""
    with av.open(str(path), "w") as output:
        sound = Sound(clip)
        sound.attach(output)
        output.start_encoding()
        sound.advance(Fraction(1, 4))
        sound.finish()
        sound.close()
    return path


def languages(path):
    with av.open(str(path)) as container:
        return [stream.language for stream in container.streams.audio]


def without_decoder(path, language):
    """Make one track's format one that is not known here, as the newest phones write beside AAC."""
    content = path.read_bytes()
    at = -1
    while (at := content.find(b"trak", at + 1)) >= 0:
        end = at + int.from_bytes(content[at - 4 : at], "big")
        track = content[at:end]
        if packed(language) in track and b"mp4a" in track:
            hidden = track.replace(b"mp4a", b"apac").replace(b"esds", b"dapa")
            content = content[:at] + hidden + content[end:]
    path.write_bytes(content)
    return path


def packed(language):
    """Return the three letters in 15 bits, as ISO/IEC 14496-12, 8.4.2 has them, and two zero bytes."""
    code = sum((ord(letter) - 0x60) << shift for letter, shift in zip(language, (10, 5, 0), strict=True))
    return code.to_bytes(2, "big") + b"\0\0"


@pytest.fixture
def two_tracks(tmp_path):
    voices = (Voice(language="deu", title="Deutsch"), Voice(language="fra", pitch=2000, default=False))
    return write(Clip(voices=voices), tmp_path / "two.mp4")


def test_all_tracks_come_in_their_order_with_their_titles(two_tracks, tmp_path):
    out = result_of(two_tracks, tmp_path / "out.mp4")

    assert languages(out) == ["deu", "fra"]
    with av.open(str(out)) as container:
        assert container.streams.audio[0].metadata["name"] == "Deutsch"


@pytest.mark.parametrize(("hidden", "kept"), [("deu", "fra"), ("fra", "deu")])
def test_a_track_that_nothing_here_reads_is_left_out(two_tracks, tmp_path, hidden, kept):
    clip = without_decoder(two_tracks, hidden)

    assert languages(result_of(clip, tmp_path / "out.mp4")) == [kept]


@pytest.mark.parametrize(
    ("codec", "header", "damaged"),
    [
        ("aac", b"A_AAC", b"A_DTS"),  # no try at decoding tells a sample format
        ("libopus", b"OpusHead\x01\x01", b"OpusHead\x01\x00"),  # no channels
    ],
)
def test_a_track_whose_header_does_not_say_enough_is_left_out(tmp_path, codec, header, damaged):
    voices = (Voice(language="deu"), Voice(language="fra", codec=codec))
    clip = write(Clip(suffix="mkv", voices=voices), tmp_path / "a.mkv")
    before, _, after = clip.read_bytes().rpartition(header)
    clip.write_bytes(before + damaged + after)

    assert languages(result_of(clip, tmp_path / "out.mp4")) == ["deu"]


def test_a_clip_is_not_made_silent_without_a_word(two_tracks):
    clip = without_decoder(without_decoder(two_tracks, "deu"), "fra")

    with open_video(clip) as source:
        assert source.has_audio
    with pytest.raises(DecodeError, match=r"two\.mp4 is in a format"):
        Sound(clip)


def test_the_earliest_track_is_the_origin(tmp_path):
    voices = (Voice(begin=0.3, end=1.0), Voice(begin=0.1, end=1.0))
    clip = write(
        Clip(suffix="mkv", tick=Fraction(1, 1000), times=range(400, 1040, 40), voices=voices),
        tmp_path / "late.mkv",
    )

    with open_safely(clip) as container:
        assert float(origin_of(container)) == pytest.approx(0.1, abs=0.03)


def test_a_track_without_any_sound_in_it_does_no_harm(tmp_path):
    clip = write(Clip(suffix="mkv", voices=(Voice(codec="libopus", begin=0, end=0),)), tmp_path / "empty.mkv")

    assert languages(result_of(clip, tmp_path / "out.mp4")) in ([], ["und"])
