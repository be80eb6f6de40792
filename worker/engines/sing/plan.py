"""What every frame of a song will show, from its sound and its reference video: a few numbers a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from worker.engines import Progress, Task
from worker.engines.sing.ears import RATE, listen
from worker.engines.sing.motion import Head, Lips, sway, with_breaths
from worker.engines.sing.reference import follow_reference
from worker.engines.sing.rhythm import rhythm_of
from worker.engines.sing.voice import lips_of
from worker.errors import BadPayload
from worker.media.audio import delay_of_sound, has_sound, stereo_chunks

# Looks at the reference's face where its lips are not asked for. Half as many take half the time and keep the
# turns, but see a blink in two or three steps.
LOOKS_PER_SECOND = {"fast": 15.0, "balanced": 30.0, "max": 30.0}


def voice_of(task: Task) -> Path | None:
    """Return the file whose sound is sung: the driving audio, else the video's own; None if all is silent."""
    if task.driving_audio is not None:
        return task.driving_audio
    if task.reference_video is not None and has_sound(task.reference_video):
        return task.reference_video
    return None


def planned(task: Task, voice: Path | None, rate: int, progress: Progress) -> tuple[Lips, Head]:
    """Return the lips and the head for every frame; the same for the same files."""
    if voice is not None:
        return sung(task, voice, rate, progress)
    if task.reference_video is None:
        raise BadPayload("photo_sing needs a driving audio or a reference video, and got neither.")
    reference = follow_reference(task.reference_video, told(progress))
    times = frame_times(max(1, round(reference.seconds * rate)), rate)
    return reference.lips_at(times), reference.head_at(times)


def sung(task: Task, voice: Path, rate: int, progress: Progress) -> tuple[Lips, Head]:
    heard = listen(stoppable(stereo_chunks(voice, RATE), progress))
    lips = lips_of(heard, rate)
    rhythm = rhythm_of(heard, lips.stress, rate)
    lips = with_breaths(lips, rhythm.phrases, rate)
    if task.reference_video is None:
        return lips, sway(rhythm, rate)
    # The video's own sound may begin later than its pictures; the head waits for it.
    begin = delay_of_sound(voice) if voice == task.reference_video else 0.0
    reference = follow_reference(
        task.reference_video,
        told(progress),
        until=begin + heard.seconds,
        looks_per_second=LOOKS_PER_SECOND[task.quality],
    )
    return lips, reference.head_at(np.maximum(frame_times(len(lips), rate) + begin, 0))


def told(progress: Progress) -> Callable[[int, int | None], None]:
    return lambda done, total: progress("preprocessing", done, total)


def stoppable(chunks: Iterator[np.ndarray], progress: Progress) -> Iterator[np.ndarray]:
    """Pass the chunks on; a job that is cancelled ends here too."""
    for chunk in chunks:
        progress("preprocessing", 0, None)
        yield chunk


def frame_times(frames: int, rate: int) -> np.ndarray:
    return np.arange(frames) / rate
