"""The swap from file to file: one stream from decoding to encoding, each step in a thread of its own."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from time import perf_counter

import cv2
import numpy as np

from worker.engines import MARKS, Progress, Result, Task
from worker.engines.pipeline import Pipeline
from worker.engines.swap.cuts import CutWatch
from worker.engines.swap.neural import engine_for
from worker.engines.swap.quality import QUALITIES, Quality
from worker.engines.swap.render import Renderer
from worker.engines.swap.renderers import Renderers
from worker.engines.swap.scout import Findings, scout
from worker.engines.swap.texture import Engine, Texture
from worker.errors import BadPayload, NoFaceInSource, NoFaceInVideo
from worker.faces import topology
from worker.faces.crowd import RETURN, Crowd
from worker.faces.moment import Moment
from worker.faces.smooth import Face, Smoother
from worker.faces.track import face_size, landmarks_of_photo
from worker.faces.views import PlanesView, rgb_of_yuv, yuv_of_rgb
from worker.media.camera import Box, Camera
from worker.media.framing import crop, crop_size, output_size, resize
from worker.media.photo import read_photo
from worker.media.resume import Place, pictures_from, place_of
from worker.media.sink import Mp4Sink
from worker.media.sound import Sound
from worker.media.source import VideoSource, open_video
from worker.memory import Kept, Remembers, Snapshots

SMALLEST_TEXTURE = 300  # pixels: the photo's face is kept at least this high, however small the clip's is
MATRICES = {1: "bt709", 5: "bt601", 6: "bt601"}  # by the number of ISO/IEC 23091-2
HD_LINES = 720  # an unsaid matrix is BT.709 from here up


def run(task: Task, progress: Progress) -> Result:
    # The steps are the threads; OpenCV's own would only stand in their way.
    cv2.setNumThreads(1)
    progress("preprocessing", 0, None)
    if task.faces:
        # Better no video than one in which somebody is swapped who was to be left alone.
        raise BadPayload(f"This worker cannot tell people apart yet; {len(task.faces)} faces were named.")
    photo = read_photo(task.source_image)
    landmarks = landmarks_of_photo(photo)
    if landmarks is None:
        height, width = photo.shape[:2]
        raise NoFaceInSource(f"No face was found in the source photo of {width}x{height} pixels.")
    assert task.reference_video is not None  # a swap without one is refused as a bad payload
    with closing(engine_for(os.environ)) as engine, open_video(task.reference_video) as source:
        size = (source.width, source.height)
        camera = Camera(size=size, crop=crop_size(*size, task.aspect_ratio), rate=float(source.rate))
        sink = sink_for(task, source, output_size(*camera.crop, enable_4k=task.enable_4k))
        swap = Swap(
            source=source,
            photo=photo,
            landmarks=landmarks,
            engine=engine,
            quality=QUALITIES[task.quality],
            camera=camera,
            snapshots=Snapshots(every=sink.segment_frames),
        )
        with sink:
            if sink.remembered is not None:
                swap.take_up(sink.remembered)
            else:
                with swap.timed("scout"):
                    swap.findings = scout(source.path, swap.to_rgb)
            progress("generating", sink.frames, source.frames)
            write(swap, sink, task.quality, progress)
    return Result(
        frames=sink.frames,
        swapped=swap.swapped,
        width=sink.width,
        height=sink.height,
        fps=float(source.rate),
        seconds=sink.seconds,
        stage_seconds=dict(swap.seconds),
    )


def sink_for(task: Task, source: VideoSource, size: tuple[int, int]) -> Mp4Sink:
    return Mp4Sink(
        task.output,
        width=size[0],
        height=size[1],
        rate=source.rate,
        time_base=source.time_base,
        colour=source.colour,
        sound=Sound(source.path) if source.has_audio else None,
        quality=task.quality,
        comment=MARKS[task.mode],
        parts=task.parts,
    )


def write(swap: Swap, sink: Mp4Sink, quality: str, progress: Progress) -> None:
    """Run the stream into the file."""
    camera = swap.camera
    with Pipeline() as pipeline:
        seen = ((moment, boxes_of(moment), moment.is_cut) for moment in swap.moments(pipeline))
        for moment, place in camera.run(seen):
            memory = swap.snapshots.take(moment.index)
            with swap.timed("encode"):
                framed = crop(moment.picture, place, *camera.crop)
                sink.write(resize(framed, sink.width, sink.height, quality), memory)
            swap.snapshots.note(moment.index + 1, "camera", camera)
            progress("generating", sink.frames, swap.source.frames)
    if not swap.swapped:
        raise NoFaceInVideo(f"No face was found in any of the {sink.frames} pictures of the video.")
    progress("packaging", sink.frames, sink.frames)


@dataclass(kw_only=True)
class Swap:
    """One clip's stream of pictures, from decoded to swapped. `seconds` is the time each step worked."""

    source: VideoSource
    photo: np.ndarray
    landmarks: np.ndarray
    engine: Engine
    quality: Quality
    camera: Camera
    snapshots: Snapshots
    place: Place | None = None
    findings: Findings | None = None
    texture: Texture | None = None
    swapped: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        by_size = "bt709" if self.source.height >= HD_LINES else "bt601"
        matrix = MATRICES.get(self.source.colour.space, by_size)
        self.to_rgb = rgb_of_yuv(matrix, full_range=False)
        self.to_yuv = yuv_of_rgb(matrix, full_range=False)
        self.cuts, self.lead, self.smoother = CutWatch(), Lead(), Smoother()
        self.crowd = Crowd(rate=float(self.source.rate), scales=self.quality.look_scales)
        self.renderers = Renderers(make=self.renderer, keep=round(RETURN * self.source.rate))

    def take_up(self, kept: Kept) -> None:
        """Go on from the frame before which all this was remembered."""
        self.place, self.findings, self.swapped = kept["place"], kept["findings"], kept["swapped"]
        for name in ("cuts", "crowd", "lead", "smoother", "renderers", "camera"):
            getattr(self, name).take_up(kept[name])

    def moments(self, pipeline: Pipeline) -> Iterator[Moment[Face]]:
        """Return each moment with its picture swapped."""
        after = self.snapshots.after
        decoded = pipeline.ahead(self.decode(), name="decode")
        scenes = after(self.cuts.run(decoded), cuts=self.cuts)
        tracked = after(self.track(scenes), crowd=self.crowd, lead=self.lead)
        seen = pipeline.ahead(after(self.smoother.run(tracked), smoother=self.smoother), name="track")
        return pipeline.ahead(after(self.render(seen), renderers=self.renderers), name="render")

    def decode(self) -> Iterator[Moment[np.ndarray]]:
        pictures = pictures_from(self.source, self.place) if self.place else iter(self.source)
        for index in count(self.place.index if self.place else 0):
            with self.timed("decode"):
                picture = next(pictures, None)
            if picture is None:
                return
            if self.snapshots.is_due(index):
                self.snapshots.note(index, "place", place_of(picture, index))
            yield Moment(index=index, picture=picture)

    def track(self, moments: Iterable[Moment[np.ndarray]]) -> Iterator[Moment[np.ndarray]]:
        for moment in moments:
            with self.timed("track"):
                if moment.is_cut:
                    self.crowd.forget()
                people = self.crowd.follow(PlanesView(*moment.picture.planes, self.to_rgb))
                sources = self.lead.cast(people)
            yield replace(moment, people={track: people[track] for track in sources}, sources=sources)

    def render(self, moments: Iterable[Moment[Face]]) -> Iterator[Moment[Face]]:
        for moment in moments:
            with self.timed("render"):
                self.swapped += self.renderers.render(moment)
            self.snapshots.note(moment.index + 1, "swapped", self.swapped)
            self.snapshots.note(moment.index + 1, "findings", self.findings)
            yield moment

    def renderer(self, source: int, face: Face | None) -> Renderer:
        """Return a new renderer; `face` is the first that was met, if nobody was found before."""
        if self.findings is None:
            assert face is not None  # nothing is gone on with that had found nobody
            self.findings = findings_in(face)
        findings = self.findings
        if self.texture is None:
            size = np.clip(findings.size, SMALLEST_TEXTURE, self.quality.texture_face)
            self.texture = self.engine.prepare(
                self.photo, self.landmarks, face_height=float(size), to_yuv=self.to_yuv
            )
        return Renderer(self.texture, findings.neutral, self.to_rgb, self.quality)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        begun = perf_counter()
        try:
            yield
        finally:
            self.seconds[step] += perf_counter() - begun


def findings_in(face: Face) -> Findings:
    """Take the first face for the clip's when the scout met none."""
    return Findings(size=face_size(face.landmarks), neutral=face.shape)


def boxes_of(moment: Moment[Face]) -> list[Box]:
    """Return the boxes of all whose face is replaced; the one that came first is the main one."""
    points = [moment.people[track].landmarks[: topology.FACE_POINTS, :2] for track in sorted(moment.people)]
    return [(*each.min(axis=0).tolist(), *each.max(axis=0).tolist()) for each in points]


class Lead(Remembers):
    """Gives the source to one face at a time: the one that has it, else the largest."""

    REMEMBERED = ("track",)

    def __init__(self) -> None:
        self.track: int | None = None

    def cast(self, people: dict[int, np.ndarray]) -> dict[int, int]:
        if self.track not in people:
            self.track = max(people, key=lambda track: face_size(people[track]), default=None)
        return {} if self.track is None else {self.track: 0}
