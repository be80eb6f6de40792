"""photo_sing from file to file: the photo's person moves and sings for as long as the sound lasts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from time import perf_counter

import cv2

from worker.engines import Progress, Result, Task
from worker.engines.pipeline import Pipeline
from worker.engines.record import model_digests
from worker.engines.sing.canvas import Canvas, frame_portrait
from worker.engines.sing.paint import Painter
from worker.errors import Cancelled, NoFaceInSource
from worker.faces.track import landmarks_of_photo
from worker.media.framing import output_size, resize
from worker.media.photo import read_photo
from worker.media.picture import HD, Picture
from worker.media.sink import Mp4Sink
from worker.media.sound import Sound
from worker.memory import load, save

PLAN = "plan.npz"
FRAME_RATES = {"fast": 25, "balanced": 30, "max": 30}


def run(task: Task, progress: Progress) -> Result:
    # The steps are the threads; OpenCV's own would only stand in their way.
    cv2.setNumThreads(1)
    progress("preprocessing", 0, None)
    song = Song(task=task, progress=progress, rate=FRAME_RATES[task.quality])
    with Pipeline() as pipeline:
        plan = pipeline.ahead(song.plan_beside(pipeline), name="motion")
        with song.timed("portrait"):
            go_on = partial(progress, "preprocessing", 0, None)
            painter = Painter(framed_portrait(task), task.quality, go_on)
        next(plan)
        return song.write(painter)


def framed_portrait(task: Task) -> Canvas:
    photo = read_photo(task.source_image)
    landmarks = landmarks_of_photo(photo)
    if landmarks is None:
        height, width = photo.shape[:2]
        raise NoFaceInSource(f"No face was found in the source photo of {width}x{height} pixels.")
    return frame_portrait(photo, landmarks, aspect_ratio=task.aspect_ratio, quality=task.quality)


@dataclass(kw_only=True)
class Song:
    """One job: what every frame shows, then the frames. `seconds` is the time each step worked."""

    task: Task
    progress: Progress
    rate: int
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def plan_beside(self, pipeline: Pipeline) -> Iterator[None]:
        """Plan in a step of the pipeline, as long as somebody waits for it."""

        def progress(stage: str, done: int, total: int | None) -> None:
            if pipeline.stopped:
                raise Cancelled
            self.progress(stage, done, total)

        with self.timed("motion"):
            self.plan_once(progress)
        yield

    def plan_once(self, progress: Progress) -> None:
        """Plan, or take up what an earlier process planned: following a long reference takes minutes."""
        # Imported here, to be beside the portrait: the whole of SciPy comes with it.
        from worker.engines.sing.plan import planned, voice_of

        self.voice = voice_of(self.task)
        plan = partial(planned, self.task, self.voice, self.rate, progress)
        if self.task.parts is None:
            self.lips, self.head = plan()
        elif kept := load(self.task.parts / PLAN):
            self.lips, self.head = kept["lips"], kept["head"]
        else:
            self.lips, self.head = plan()
            save({"lips": self.lips, "head": self.head}, self.task.parts / PLAN)

    def write(self, painter: Painter) -> Result:
        still = painter.still
        size = output_size(still.width, still.height, enable_4k=self.task.enable_4k)
        total = len(self.lips)
        sink = Mp4Sink(
            self.task.output,
            width=size[0],
            height=size[1],
            rate=Fraction(self.rate),
            time_base=Fraction(1, self.rate),
            colour=HD,
            sound=Sound(self.voice.path, alone=True, span=self.voice.span) if self.voice else None,
            quality=self.task.quality,
            comment=self.task.mark,
            parts=self.task.parts,
            tell=partial(self.progress, "packaging"),
        )
        self.progress("generating", sink.frames, total)
        with sink, Pipeline() as pipeline:
            for picture in pipeline.ahead(self.pictures(painter, begin=sink.frames), name="paint"):
                with self.timed("encode"):
                    sink.write(resize(picture, *size, self.task.quality))
                self.progress("generating", sink.frames, total)
        return Result(
            frames=total,
            swapped=total,
            width=size[0],
            height=size[1],
            fps=float(self.rate),
            seconds=total / self.rate,
            stage_seconds=dict(self.seconds),
            told={"models": model_digests()},
        )

    def pictures(self, painter: Painter, *, begin: int) -> Iterator[Picture]:
        """Yield the frames from that one on. None depends on those before it."""
        for index in range(begin, len(self.lips)):
            with self.timed("paint"):
                picture = painter.paint(self.head.with_lips(self.lips, index), index)
            yield picture

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        begun = perf_counter()
        try:
            yield
        finally:
            self.seconds[step] += perf_counter() - begun
