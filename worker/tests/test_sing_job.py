from __future__ import annotations

import subprocess
import sys
from threading import current_thread, main_thread
from time import monotonic

import av
import cv2
import numpy as np
import pytest

from worker.engines import MARKS, Task, make
from worker.engines.sing import paint, plan
from worker.errors import BadPayload, NoAudio, NoFaceInSource, NoFaceInVideo
from worker.faces import topology
from worker.faces.pose import pose_of
from worker.faces.track import Tracker
from worker.faces.views import RgbView
from worker.media.audio import mono_chunks
from worker.media.picture import to_rgb
from worker.media.sink import Mp4Sink
from worker.media.source import open_video
from worker.tests.clipmaking import RATE, write_clip, write_voice
from worker.tests.samples import ASTRONAUT, TINY

FRAME = 1 / 25


@pytest.fixture
def sing(tmp_path):
    """Return a function that runs a photo_sing of the astronaut and returns (result, its path)."""

    def run(**given):
        output = tmp_path / "result.mp4"
        wanted = {
            "mode": "photo_sing",
            "quality": "fast",
            "enable_4k": False,
            "aspect_ratio": "1:1",
            "reference_video": None,
            "source_image": ASTRONAUT,
            "driving_audio": None,
            "output": output,
        }
        stages = given.pop("progress", lambda stage, done, total: None)
        return make(Task(**(wanted | given)), stages), output

    return run


def syllables(seconds, loud_from=0.0):
    """Return (n,) float32 with four syllables a second of a voice-like buzz, silent before `loud_from`."""
    times = np.arange(round(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * 140 * k * times) / k for k in range(1, 12))
    beat = np.clip(np.sin(2 * np.pi * 2 * times), 0, 1) ** 2
    return (0.3 * buzz * beat * (times >= loud_from)).astype(np.float32)


def faces_of(path):
    """Return the faces of a clip without their pose, (n, 478, 3), and the clip's source."""
    tracker = Tracker()
    with open_video(path) as source:
        found = [tracker.follow(RgbView(to_rgb(picture, source.colour))) for picture in source]
    return np.array([pose_of(face).undo(face.astype(float)) for face in found]), source


def lip_gaps(faces):
    return np.linalg.norm(faces[:, topology.UPPER_LIP] - faces[:, topology.LOWER_LIP], axis=1)


@pytest.mark.parametrize("seconds", [0.9, 1.33])
def test_the_result_lasts_as_long_as_its_sound(tmp_path, sing, seconds):
    voice = write_voice(tmp_path / "voice.wav", syllables(seconds), codec="pcm_s16le")

    result, path = sing(driving_audio=voice)

    with open_video(path) as video:
        assert video.duration == pytest.approx(seconds, abs=FRAME)
        assert video.has_audio
        assert len(list(video)) == result.frames == round(seconds / FRAME)
    sung = sum(len(chunk) for chunk in mono_chunks(path, RATE)) / RATE
    assert sung == pytest.approx(seconds, abs=0.05)
    with av.open(str(path)) as container:
        assert container.metadata["comment"] == MARKS["photo_sing"]


def test_silence_keeps_the_mouth_shut_and_a_voice_opens_it(tmp_path, sing):
    voice = write_voice(tmp_path / "voice.wav", syllables(2, loud_from=1), codec="pcm_s16le")

    _, path = sing(driving_audio=voice)

    gaps = lip_gaps(faces_of(path)[0])
    assert gaps[:22].max() < 0.08
    assert gaps[25:].max() > 0.14


def test_the_lips_move_with_the_sound_and_not_after_it(tmp_path, sing):
    sound = syllables(2)
    voice = write_voice(tmp_path / "voice.wav", sound, codec="pcm_s16le")

    _, path = sing(driving_audio=voice)

    gaps = lip_gaps(faces_of(path)[0])
    frames = np.abs(sound).reshape(len(gaps), -1).mean(axis=1)
    alike = {lag: np.corrcoef(np.roll(gaps, -lag)[3:-3], frames[3:-3])[0, 1] for lag in range(-3, 4)}
    assert abs(max(alike, key=alike.get)) <= 1
    assert alike[0] > 0.6


def test_the_head_follows_the_reference_to_and_fro(tmp_path, sing):
    voice = write_voice(tmp_path / "voice.wav", syllables(2.5), codec="pcm_s16le")

    result, path = sing(driving_audio=voice, reference_video=TINY)

    assert result.seconds == pytest.approx(2.5, abs=FRAME)
    times = np.arange(result.frames) * FRAME
    there = np.where(times < 1.5, times, 3 - times)  # the reference is 1.5 s long
    expected = np.interp(there, np.arange(45) / 30, yaws_of(TINY))
    assert np.corrcoef(yaws_of(path), expected)[0, 1] > 0.9


def yaws_of(path):
    tracker = Tracker()
    with open_video(path) as source:
        return [pose_of(tracker.follow(RgbView(to_rgb(p, source.colour)))).yaw for p in source]


def test_without_driving_audio_the_videos_own_sound_is_sung(sing):
    result, path = sing(reference_video=TINY)

    assert result.seconds == pytest.approx(1.5, abs=FRAME)
    with open_video(path) as video:
        assert video.has_audio


def test_with_no_sound_at_all_the_lips_follow_the_video(tmp_path, sing):
    silent = tmp_path / "silent.mp4"
    copy_without_sound(TINY, silent)

    result, path = sing(reference_video=silent)

    assert result.seconds == pytest.approx(1.5, abs=FRAME)
    gaps, model = lip_gaps(faces_of(path)[0]), lip_gaps(faces_of(TINY)[0])
    with open_video(path) as video:
        assert not video.has_audio
    assert np.corrcoef(gaps, np.interp(np.arange(len(gaps)) / 25, np.arange(45) / 30, model))[0, 1] > 0.7


def copy_without_sound(path, to):
    with open_video(path) as source:
        size = {"width": source.width, "height": source.height}
        times = {"rate": source.rate, "time_base": source.time_base}
        with Mp4Sink(to, **size, **times, colour=source.colour) as sink:
            for picture in source:
                sink.write(picture)


@pytest.mark.parametrize(
    ("aspect", "size"),
    [("9:16", (540, 960)), ("1:1", (540, 540)), ("4:5", (540, 676)), ("original", (540, 540))],
)
def test_the_result_is_framed_as_asked(tmp_path, sing, aspect, size):
    voice = write_voice(tmp_path / "voice.wav", syllables(0.2), codec="pcm_s16le")

    result, path = sing(driving_audio=voice, aspect_ratio=aspect)

    assert (result.width, result.height) == size
    with open_video(path) as video:
        assert (video.width, video.height) == size
        assert Tracker().follow(RgbView(to_rgb(next(iter(video))))) is not None


def test_4k_makes_the_short_side_2160(tmp_path, sing):
    voice = write_voice(tmp_path / "voice.wav", syllables(0.08), codec="pcm_s16le")

    _, path = sing(driving_audio=voice, enable_4k=True)

    with open_video(path) as video:
        assert (video.width, video.height) == (2160, 2160)


def test_a_photo_without_a_face_is_refused(tmp_path, sing, plain_photo):
    voice = write_voice(tmp_path / "voice.wav", syllables(0.2), codec="pcm_s16le")

    with pytest.raises(NoFaceInSource, match="64x48"):
        sing(driving_audio=voice, source_image=plain_photo)


@pytest.fixture
def plain_photo(tmp_path):
    path = tmp_path / "plain.png"
    cv2.imwrite(str(path), np.full((48, 64, 3), 90, np.uint8))
    return path


def test_a_reference_without_a_face_is_refused(tmp_path, sing):
    with pytest.raises(NoFaceInVideo, match=r"1\.0 s"):
        sing(reference_video=write_clip(tmp_path / "a.mp4"))


def test_a_driving_audio_without_sound_is_refused(tmp_path, sing):
    with pytest.raises(NoAudio):
        sing(driving_audio=write_clip(tmp_path / "a.mp4"))


def test_nothing_to_sing_is_refused(sing):
    with pytest.raises(BadPayload, match="got neither"):
        sing()


class Stop(Exception):
    pass


@pytest.mark.parametrize("stage", ["preprocessing", "generating"])
def test_it_stops_between_two_frames_when_told_to(tmp_path, sing, stage):
    def stop(now, done, total):
        if now == stage and done == 3:
            raise Stop

    voice = write_voice(tmp_path / "voice.wav", syllables(1), codec="pcm_s16le")

    with pytest.raises(Stop):
        sing(driving_audio=voice, reference_video=TINY, progress=stop)


def test_it_stops_while_the_portrait_is_taken_apart(tmp_path, sing, monkeypatch):
    monkeypatch.setattr(paint, "layers_of", lambda *_, **__: pytest.fail("It went on."))
    said = []

    def stop(now, done, total):
        if current_thread() is main_thread():  # the sound is heard in another
            said.append(now)
            if len(said) == 2:
                raise Stop

    voice = write_voice(tmp_path / "voice.wav", syllables(0.2), codec="pcm_s16le")

    with pytest.raises(Stop):
        sing(driving_audio=voice, progress=stop)

    assert set(said) == {"preprocessing"}


def test_a_photo_of_no_use_ends_the_following_of_a_reference(sing, plain_photo, monkeypatch):
    followed = []

    def endless(task, voice, rate, progress):
        until = monotonic() + 10
        while monotonic() < until:
            progress("preprocessing", 0, None)
        followed.append("to the end")

    monkeypatch.setattr(plan, "planned", endless)

    with pytest.raises(NoFaceInSource):
        sing(reference_video=TINY, source_image=plain_photo)

    assert not followed


def test_scipy_is_imported_beside_the_portrait_not_before_it():
    code = "import sys, worker.engines.sing.job; sys.exit('scipy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_progress_counts_every_frame_in_order(tmp_path, sing):
    said = []
    voice = write_voice(tmp_path / "voice.wav", syllables(0.4), codec="pcm_s16le")

    sing(driving_audio=voice, progress=lambda *what: said.append(what))

    assert said[0] == ("preprocessing", 0, None)
    assert [done for stage, done, _ in said if stage == "generating"] == list(range(11))
    assert [done for stage, done, _ in said if stage == "packaging"][:10] == list(range(1, 11))
    assert said[-1] == ("packaging", 10, 10)
