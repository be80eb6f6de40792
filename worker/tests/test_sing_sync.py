"""Lips and sound meet in the same frame: whatever the file, and as late as one likes."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from worker.engines import Task, make
from worker.engines.sing.ears import RATE as EAR_RATE
from worker.engines.sing.ears import listen
from worker.engines.sing.plan import planned, voice_of
from worker.engines.sing.voice import lips_of
from worker.faces import topology
from worker.faces.pose import pose_of
from worker.faces.track import Tracker
from worker.faces.views import RgbView
from worker.media.audio import stereo_chunks
from worker.media.picture import to_rgb
from worker.media.source import open_video
from worker.tests.clipmaking import RATE as CLIP_RATE
from worker.tests.clipmaking import write_clip
from worker.tests.faceclips import moving_face
from worker.tests.samples import ASTRONAUT

FRAME_RATE = 30
SPOKEN = 0.3  # seconds that each word lasts


def voice(seconds, words, rate):
    """Return (n,) float32 of a buzz with vibrato that sounds from each of `words`, in seconds, for SPOKEN."""
    times = np.arange(round(seconds * rate)) / rate
    pitch = 140 * (1 + 0.02 * np.sin(2 * np.pi * 5.5 * times))
    buzz = sum(np.sin(k * 2 * np.pi * np.cumsum(pitch) / rate) / k for k in range(1, 15))
    sounds = np.any([(times >= word) & (times < word + SPOKEN) for word in words], axis=0)
    return (0.3 * buzz * sounds).astype(np.float32)


def write_sound(path, sound, rate, codec, delay=0.0):
    """Write (n,) float32 as a file of sound, which begins `delay` seconds late."""
    with av.open(str(path), "w") as output:
        track = output.add_stream(codec, rate=rate, layout="mono")
        for start in range(0, len(sound), 1000):
            chunk = np.ascontiguousarray(sound[None, start : start + 1000])
            frame = av.AudioFrame.from_ndarray(chunk, format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = start + round(delay * rate)
            output.mux(track.encode(frame))
        output.mux(track.encode(None))
    return path


def task_of(tmp_path, **given):
    wanted = {
        "mode": "photo_sing",
        "quality": "fast",
        "enable_4k": False,
        "aspect_ratio": "1:1",
        "reference_video": None,
        "source_image": ASTRONAUT,
        "driving_audio": None,
        "output": tmp_path / "result.mp4",
    }
    return Task(**(wanted | given))


def starts_of(track, rate, threshold):
    """Return seconds at which the track goes up through the threshold."""
    return (np.flatnonzero((track[1:] >= threshold) & (track[:-1] < threshold)) + 1) / rate


def middles_of_words(track, rate, threshold):
    """Return seconds, the middles of what lies above the threshold."""
    rises, falls = starts_of(track, rate, threshold), starts_of(-track, rate, -threshold)
    return (rises + falls[-len(rises) :]) / 2


FILES = [
    ("pcm_s16le", "wav", 44_100),
    ("pcm_s16le", "wav", 22_050),
    ("pcm_s16le", "wav", 48_000),
    ("pcm_s16le", "wav", 11_025),
    ("libmp3lame", "mp3", 44_100),
    ("libmp3lame", "mp3", 22_050),
    ("aac", "m4a", 44_100),
    ("aac", "aac", 48_000),
    ("libopus", "ogg", 48_000),
    ("flac", "flac", 44_100),
]


@pytest.mark.parametrize(("codec", "suffix", "rate"), FILES)
def test_lips_open_in_the_frame_of_the_sound_whatever_the_file(tmp_path, codec, suffix, rate):
    words = np.arange(0.5, 6, 1.37)
    path = write_sound(tmp_path / f"voice.{suffix}", voice(6.5, words, rate), rate, codec)

    opening = lips_of(listen(stereo_chunks(path)), FRAME_RATE).opening

    heard = starts_of(np.abs(np.concatenate(list(stereo_chunks(path)))[:, 0]), EAR_RATE, 0.05)
    heard = heard[np.diff(heard, prepend=-1) > 0.5]  # the first of each word
    late = (starts_of(opening, FRAME_RATE, 0.25) - heard) * FRAME_RATE
    assert len(late) == len(words)
    assert np.abs(late).max() <= 1
    priming = 0.06 if suffix == "aac" else 0.015  # a bare AAC stream does not say how much of it is priming
    assert np.abs(heard - words).max() < priming


@pytest.mark.parametrize(
    ("codec", "suffix", "rate", "delay"),
    [("libmp3lame", "mp3", 44_100, 0), ("aac", "m4a", 44_100, 0), ("pcm_s16le", "wav", 22_050, 0),
     ("aac", "mkv", 48_000, 0.7)],
    ids=["mp3", "m4a", "wav", "late"],
)  # fmt: skip
def test_painted_lips_meet_the_sound_of_the_result(tmp_path, codec, suffix, rate, delay):
    words = np.array([0.31, 1.04, 1.62])
    path = write_sound(tmp_path / f"voice.{suffix}", voice(2.1, words, rate), rate, codec, delay)

    make(task_of(tmp_path, driving_audio=path), lambda *told: None)

    sound, sound_rate = played(tmp_path / "result.mp4")
    level = np.sqrt(np.convolve(sound**2, np.ones(sound_rate // 50) / (sound_rate // 50), "same"))
    gaps = lip_gaps(tmp_path / "result.mp4")
    heard, seen = middles_of_words(level, sound_rate, 0.08), middles_of_words(gaps, 25, 0.1)
    assert heard == pytest.approx(words + SPOKEN / 2, abs=0.03)
    assert seen + 0.5 / 25 == pytest.approx(heard, abs=1.2 / 25)


def played(path):
    """Return (n,) what is heard from the first picture on, and its rate."""
    with av.open(str(path)) as container:
        begin = container.streams.video[0].start_time * container.streams.video[0].time_base
        frames = list(container.decode(audio=0))
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    silent = round(float(frames[0].pts * frames[0].time_base - begin) * frames[0].sample_rate)
    return np.pad(samples, (max(silent, 0), 0))[max(-silent, 0) :], frames[0].sample_rate


def lip_gaps(path):
    tracker = Tracker()
    with open_video(path) as source:
        faces = [tracker.follow(RgbView(to_rgb(picture, source.colour))) for picture in source]
    faces = np.array([pose_of(face).undo(face.astype(float)) for face in faces])
    return np.linalg.norm(faces[:, topology.UPPER_LIP] - faces[:, topology.LOWER_LIP], axis=1)


def swaying_face(index: int, width: int, height: int) -> np.ndarray:
    """Return the astronaut, who goes left and right and is back after 0.8 s."""
    way = 6 * np.sin(2 * np.pi * index / 20)
    return cv2.warpAffine(
        moving_face(0, width, height), np.float32([[1, 0, way], [0, 1, 0]]), (width, height)
    )


def test_a_head_waits_for_the_sound_of_its_video(tmp_path):
    sound = voice(0.9, [0.1], CLIP_RATE)
    clip = {"draw": swaying_face, "size": (240, 200), "times": range(0, 2000, 40), "sound": sound}
    paths = [write_clip(tmp_path / f"{late}.mp4", sound_delay=late, **clip) for late in (0, 0.4)]

    tasks = [task_of(tmp_path, reference_video=path) for path in paths]
    on_time, waits = (planned(task, voice_of(task), 25, lambda *told: None)[1].shift[:, 0] for task in tasks)

    # 0.4 s on it is as far as it is 10 frames later, on the other side.
    assert np.corrcoef(waits[:12], on_time[10:22])[0, 1] > 0.95
    assert np.corrcoef(waits[:12], on_time[:12])[0, 1] < -0.5


class Stop(Exception):
    pass


def test_a_long_sound_is_not_heard_through_once_nobody_waits(tmp_path):
    path = write_sound(tmp_path / "voice.wav", voice(20, [1], 16_000), 16_000, "pcm_s16le")
    told = []

    def stop(*what):
        told.append(what)
        if len(told) == 3:
            raise Stop

    task = task_of(tmp_path, driving_audio=path)
    with pytest.raises(Stop):
        planned(task, voice_of(task), 25, stop)


@pytest.mark.slow
def test_the_last_word_of_fifteen_minutes_is_as_much_in_time_as_the_first(tmp_path):
    minutes, rate, every = 15, 22_050, 1.7
    period = voice(every, [0.5], rate)
    path = write_sound(
        tmp_path / "voice.wav", np.resize(period, minutes * 60 * rate), rate, codec="pcm_s16le"
    )

    tracemalloc.start()
    lips = lips_of(listen(stereo_chunks(path)), FRAME_RATE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    words = np.arange(0.5, minutes * 60, every)[:-1]
    late = (starts_of(lips.opening, FRAME_RATE, 0.25)[: len(words)] - words) * FRAME_RATE
    assert len(lips) == minutes * 60 * FRAME_RATE
    assert np.abs(late).max() <= 1.001
    assert late[-20:].mean() == pytest.approx(late[:20].mean(), abs=0.3)
    assert peak < 60 * 2**20  # bytes: the samples alone would be 115 MB
