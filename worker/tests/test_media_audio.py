from __future__ import annotations

import numpy as np
import pytest

from worker.errors import NoAudio
from worker.media.audio import has_sound, mono_chunks
from worker.tests.clipmaking import tone, write_clip, write_voice


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("pcm_s16le", "wav"), ("libmp3lame", "mp3"), ("aac", "m4a"), ("flac", "flac"), ("libopus", "ogg")],
)
def test_any_common_sound_file_reads_as_mono_of_its_length(tmp_path, codec, suffix):
    voice = write_voice(tmp_path / f"voice.{suffix}", tone(1.5), codec=codec, channels=2)

    samples = np.concatenate(list(mono_chunks(voice, 16_000)))

    assert samples.dtype == np.float32
    assert len(samples) / 16_000 == pytest.approx(1.5, abs=0.03)
    assert np.abs(samples).max() > 0.4


def test_chunks_stay_small_however_long_the_sound(tmp_path):
    voice = write_voice(tmp_path / "voice.wav", tone(20), codec="pcm_s16le")

    assert max(len(chunk) for chunk in mono_chunks(voice, 16_000)) < 16_000


def test_a_silent_clip_has_no_sound_to_read(tmp_path):
    clip = write_clip(tmp_path / "a.mp4")

    assert not has_sound(clip)
    with pytest.raises(NoAudio, match=r"a\.mp4 has no sound"):
        next(mono_chunks(clip))
