"""What every frame of a song will show, from its sound and its reference video: a few numbers a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from worker.engines import Progress, Task
from worker.engines.sing.ears import RATE, listen
from worker.engines.sing.motion import Head, Lips, sway, with_breaths
from worker.engines.sing.reference import follow_reference
from worker.engines.sing.rhythm import rhythm_of
from worker.engines.sing.voice import lips_of
from worker.errors import BadPayload, NoAudio
from worker.media.audio import delay_of_sound, has_sound, stereo_chunks
from worker.media.source import open_video
from worker.media.span import Span

# Looks at the reference's face where its lips are not asked for. Half as many take half the time and keep the
# turns, but see a blink in two or three steps.
LOOKS_PER_SECOND = {"fast": 15.0, "balanced": 30.0, "max": 30.0}


@dataclass(frozen=True, kw_only=True)
class Voice:
    """The file whose sound is sung; of a `span`, in seconds from its first sample, only that.

    The reference video's pictures begin `delay` seconds before it, where the sound is the video's own.
    """

    path: Path
    span: Span | None = None
    delay: float = 0.0


def voice_of(task: Task) -> Voice | None:
    """Return what is sung: the driving audio, else the video's own sound; None if all is silent."""
    if task.driving_audio is not None:
        return Voice(path=task.driving_audio, span=task.span)
    if task.reference_video is None or not has_sound(task.reference_video):
        return None
    delay = delay_of_sound(task.reference_video)
    if task.span is None:
        return Voice(path=task.reference_video, delay=delay)
    with open_video(task.reference_video, task.span) as source:
        span = source.sound_span
        assert span is not None
    begun = max(0.0, delay - float(span.begin))
    return Voice(path=task.reference_video, span=span.after(Fraction(delay)), delay=begun)


def planned(task: Task, voice: Voice | None, rate: int, progress: Progress) -> tuple[Lips, Head]:
    """Return the lips and the head for every frame; the same for the same files."""
    if voice is not None:
        return sung(task, voice, rate, progress)
    if task.reference_video is None:
        raise BadPayload("photo_sing needs a driving audio or a reference video, and got neither.")
    reference = follow_reference(task.reference_video, told(progress), span=task.span)
    times = frame_times(max(1, round(reference.seconds * rate)), rate)
    return reference.lips_at(times), reference.head_at(times)


def sung(task: Task, voice: Voice, rate: int, progress: Progress) -> tuple[Lips, Head]:
    heard = listen(stoppable(stereo_chunks(voice.path, RATE, voice.span), progress))
    if task.trim is not None and not heard.samples:
        raise NoAudio(f"The file {voice.path.name} has no sound within the part from {task.trim.start:g} s.")
    lips = lips_of(heard, rate)
    rhythm = rhythm_of(heard, lips.stress, rate)
    lips = with_breaths(lips, rhythm.phrases, rate)
    if task.reference_video is None:
        return lips, sway(rhythm, rate)
    reference = follow_reference(
        task.reference_video,
        told(progress),
        until=voice.delay + heard.seconds,
        looks_per_second=LOOKS_PER_SECOND[task.quality],
        span=None if task.driving_audio else task.span,
    )
    return lips, reference.head_at(np.maximum(frame_times(len(lips), rate) + voice.delay, 0))


def told(progress: Progress) -> Callable[[int, int | None], None]:
    return lambda done, total: progress("preprocessing", done, total)


def stoppable(chunks: Iterator[np.ndarray], progress: Progress) -> Iterator[np.ndarray]:
    """Pass the chunks on; a job that is cancelled ends here too."""
    for chunk in chunks:
        progress("preprocessing", 0, None)
        yield chunk


def frame_times(frames: int, rate: int) -> np.ndarray:
    return np.arange(frames) / rate
