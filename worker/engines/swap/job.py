"""The swap from file to file: one stream from decoding to encoding, each step in a thread of its own."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from time import perf_counter

import cv2
import numpy as np

from worker.engines import Progress, Result, Task
from worker.engines.pipeline import Pipeline
from worker.engines.record import Record, textures
from worker.engines.swap.cast import Cast
from worker.engines.swap.cuts import CutWatch
from worker.engines.swap.neural import engine_for
from worker.engines.swap.photos import Photo, photos_for
from worker.engines.swap.quality import QUALITIES, Quality
from worker.engines.swap.render import Renderer
from worker.engines.swap.renderers import Renderers
from worker.engines.swap.roles import roles_of
from worker.engines.swap.texture import Engine, Texture
from worker.errors import NoFaceInVideo
from worker.faces import topology
from worker.faces.crowd import RETURN, Crowd
from worker.faces.hands import Hands
from worker.faces.identity import Identifier, distance
from worker.faces.moment import Moment
from worker.faces.smooth import Face, Smoother
from worker.faces.views import PlanesView, RgbView, rgb_of_yuv, yuv_of_rgb
from worker.media.camera import Box, Camera
from worker.media.framing import crop, crop_size, output_size, resize
from worker.media.resume import Place, pictures_from, place_of
from worker.media.sink import Mp4Sink
from worker.media.sound import Sound
from worker.media.source import VideoSource, open_video
from worker.memory import Kept, Snapshots
from worker.wire import Casting

SMALLEST_TEXTURE = 300  # pixels: the photo's face is kept at least this high, however small the clip's is
MATRICES = {1: "bt709", 5: "bt601", 6: "bt601"}  # by the number of ISO/IEC 23091-2


def run(task: Task, progress: Progress) -> Result:
    # The steps are the threads; OpenCV's own would only stand in their way.
    cv2.setNumThreads(1)
    progress("preprocessing", 0, None)
    photos = photos_for(task.source_images, task.faces)
    assert task.reference_video is not None  # a swap without one is refused as a bad payload
    with closing(engine_for(os.environ)) as engine, open_video(task.reference_video, task.span) as source:
        size = (source.width, source.height)
        camera = Camera(size=size, crop=crop_size(*size, task.aspect_ratio), rate=float(source.rate))
        sink = sink_for(task, source, output_size(*camera.crop, enable_4k=task.enable_4k), progress)
        swap = Swap(
            source=source,
            photos=photos,
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
                    swap.meet(task.faces, tell=lambda: progress("preprocessing", 0, None))
            progress("generating", sink.frames, source.frames)
            write(swap, sink, task.quality, progress)
    return Result(
        frames=sink.frames,
        swapped=swap.record.swapped,
        width=sink.width,
        height=sink.height,
        fps=float(source.rate),
        seconds=sink.seconds,
        stage_seconds=dict(swap.seconds),
        told=swap.record.told(),
    )


def sink_for(task: Task, source: VideoSource, size: tuple[int, int], progress: Progress) -> Mp4Sink:
    return Mp4Sink(
        task.output,
        width=size[0],
        height=size[1],
        rate=source.rate,
        time_base=source.time_base,
        colour=source.colour,
        sound=Sound(source.path, span=source.sound_span) if source.has_audio else None,
        quality=task.quality,
        comment=task.mark,
        parts=task.parts,
        tell=partial(progress, "packaging"),
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
    if not swap.record.swapped:
        raise NoFaceInVideo(
            f"No face to replace was found in any of the {sink.frames} pictures of the video."
        )


@dataclass(kw_only=True)
class Swap:
    """One clip's stream of pictures, from decoded to swapped. `seconds` is the time each step worked."""

    source: VideoSource
    photos: dict[int, Photo]  # by their numbers in the task
    engine: Engine
    quality: Quality
    camera: Camera
    snapshots: Snapshots
    place: Place | None = None
    textures: dict[int, Texture] = field(default_factory=dict)  # by the photo's number
    embeddings: dict[int, np.ndarray] = field(default_factory=dict)  # likewise
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        matrix = MATRICES[self.source.colour.space]
        self.to_rgb = rgb_of_yuv(matrix, full_range=False)
        self.to_yuv = yuv_of_rgb(matrix, full_range=False)
        rate = float(self.source.rate)
        keep = round(RETURN * rate)
        self.cuts, self.smoother = CutWatch(), Smoother()
        self.crowd = Crowd(rate=rate, scales=self.quality.look_scales)
        self.hands = Hands(rate=rate)
        self.identifier = Identifier()
        self.cast = Cast(identifier=self.identifier, rate=rate, keep=keep, source=min(self.photos))
        self.renderers = Renderers(make=self.renderer, keep=keep)
        self.record = Record(rate=rate)

    def meet(self, faces: Sequence[Casting], *, tell: Callable[[], None]) -> None:
        """Look through the clip for the people that are named, or for the main one."""
        self.cast.set_roles(
            roles_of(
                self.source.path,
                self.to_rgb,
                self.identifier,
                faces=faces,
                source=min(self.photos),
                tell=tell,
                span=self.source.span,
            )
        )

    def take_up(self, kept: Kept) -> None:
        """Go on from the frame before which all this was remembered."""
        self.place = kept["place"]
        for name in ("cuts", "crowd", "hands", "cast", "smoother", "renderers", "record", "camera"):
            getattr(self, name).take_up(kept[name])

    def moments(self, pipeline: Pipeline) -> Iterator[Moment[Face]]:
        """Return each moment with its picture swapped."""
        after = self.snapshots.after
        decoded = pipeline.ahead(self.decode(), name="decode")
        scenes = after(self.cuts.run(decoded), cuts=self.cuts)
        tracked = after(self.track(scenes), crowd=self.crowd, hands=self.hands, cast=self.cast)
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
                    self.hands.forget()
                    self.cast.forget()
                view = PlanesView(*moment.picture.planes, self.to_rgb)
                people = self.crowd.follow(view, resting=self.cast.left_alone())
                roles = self.cast.cast(view, people, moment.index)
                people = {track: people[track] for track in roles}
                hands = self.hands.follow(view, [*people.values()]) if self.quality.sees_hands else []
            yield replace(moment, people=people, roles=roles, hands=hands)

    def render(self, moments: Iterable[Moment[Face]]) -> Iterator[Moment[Face]]:
        for moment in moments:
            with self.timed("render"):
                own = textures(moment)
                is_swapped = self.renderers.render(moment)
                at = float(moment.picture.pts * self.source.time_base)
                self.record.note(moment, own, at=at, is_swapped=is_swapped)
                if is_swapped and self.record.looks.is_due(at):
                    self.record.looks.add(at, self.unlikeness(moment))
            self.snapshots.note(moment.index + 1, "record", self.record)
            yield moment

    def unlikeness(self, moment: Moment[Face]) -> float:
        """Return how far the largest made face is from its source's, as `worker.faces.identity` counts."""
        track = max(moment.people, key=lambda each: moment.people[each].pose.scale)
        source = self.cast.state.roles[moment.roles[track]].source
        assert source is not None  # nobody else is in a moment
        view = PlanesView(*moment.picture.planes, self.to_rgb)
        made = self.identifier.embedding(view, moment.people[track].landmarks)
        return distance(made, self.embedding(source))

    def embedding(self, source: int) -> np.ndarray:
        photo = self.photos[source]
        if source not in self.embeddings:
            self.embeddings[source] = self.identifier.embedding(RgbView(photo.image), photo.landmarks)
        return self.embeddings[source]

    def renderer(self, number: int) -> Renderer:
        role = self.cast.state.roles[number]
        assert role.source is not None  # nobody else is rendered
        if role.source not in self.textures:
            self.textures[role.source] = self.texture(role.source)
        return Renderer(self.textures[role.source], role.findings.neutral, self.to_rgb, self.quality)

    def texture(self, source: int) -> Texture:
        """Prepare a photo, as fine as the largest face that it is for."""
        photo = self.photos[source]
        size = max(role.findings.size for role in self.cast.state.roles if role.source == source)
        size = float(np.clip(size, SMALLEST_TEXTURE, self.quality.texture_face))
        return self.engine.prepare(photo.image, photo.landmarks, face_height=size, to_yuv=self.to_yuv)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        begun = perf_counter()
        try:
            yield
        finally:
            self.seconds[step] += perf_counter() - begun


def boxes_of(moment: Moment[Face]) -> list[Box]:
    """Return the boxes of all whose face is replaced; the one that came first is the main one."""
    points = [moment.people[track].landmarks[: topology.FACE_POINTS, :2] for track in sorted(moment.people)]
    return [(*each.min(axis=0).tolist(), *each.max(axis=0).tolist()) for each in points]
