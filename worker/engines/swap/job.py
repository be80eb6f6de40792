"""The swap from file to file: one stream from decoding to encoding, each step in a thread of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

import cv2
import numpy as np

from worker.engines import MARKS, Progress, Result, Task
from worker.engines.pipeline import Pipeline
from worker.engines.swap.cuts import CutWatch
from worker.engines.swap.portrait import prepare
from worker.engines.swap.quality import QUALITIES, Quality
from worker.engines.swap.render import Renderer
from worker.engines.swap.scout import Findings, scout
from worker.errors import NoFaceInSource, NoFaceInVideo
from worker.faces import topology
from worker.faces.smooth import Face, Smoother
from worker.faces.track import Tracker, face_size, landmarks_of_photo
from worker.faces.views import PlanesView, rgb_of_yuv, yuv_of_rgb
from worker.media.framing import Follower, crop, output_size, resize
from worker.media.photo import read_photo
from worker.media.picture import Picture
from worker.media.sink import Mp4Sink
from worker.media.sound import Sound
from worker.media.source import VideoSource, open_video

SMALLEST_TEXTURE = 300  # pixels: the photo's face is kept at least this high, however small the clip's is
MATRICES = {1: "bt709", 5: "bt601", 6: "bt601"}  # by the number of ISO/IEC 23091-2
HD_LINES = 720  # an unsaid matrix is BT.709 from here up

Box = tuple[float, float, float, float]


def run(task: Task, progress: Progress) -> Result:
    # The steps are the threads; OpenCV's own would only stand in their way.
    cv2.setNumThreads(1)
    progress("preprocessing", 0, None)
    photo = read_photo(task.source_image)
    landmarks = landmarks_of_photo(photo)
    if landmarks is None:
        height, width = photo.shape[:2]
        raise NoFaceInSource(f"No face was found in the source photo of {width}x{height} pixels.")
    assert task.reference_video is not None  # a swap without one is refused as a bad payload
    with open_video(task.reference_video) as source:
        swap = Swap(source=source, photo=photo, landmarks=landmarks, quality=QUALITIES[task.quality])
        with swap.timed("scout"):
            swap.findings = scout(source.path, swap.to_rgb)
        progress("generating", 0, source.frames)
        return write(task, swap, progress)


def write(task: Task, swap: Swap, progress: Progress) -> Result:
    """Run the stream into the output file."""
    source = swap.source
    camera = Follower(source.width, source.height, task.aspect_ratio, float(source.rate))
    width, height = output_size(camera.width, camera.height, enable_4k=task.enable_4k)
    sound = Sound(source.path) if source.has_audio else None
    sink = Mp4Sink(
        task.output,
        width=width,
        height=height,
        rate=source.rate,
        time_base=source.time_base,
        colour=source.colour,
        sound=sound,
        quality=task.quality,
        comment=MARKS[task.mode],
    )
    first = last = 0
    with sink, Pipeline() as pipeline:
        for picture, box in swap.pictures(pipeline):
            with swap.timed("encode"):
                framed = crop(picture, camera.follow(box), camera.width, camera.height)
                sink.write(resize(framed, width, height))
            first, last = first if sink.frames > 1 else picture.pts, picture.pts
            progress("generating", sink.frames, source.frames)
        if not swap.swapped:
            raise NoFaceInVideo(f"No face was found in any of the {sink.frames} pictures of the video.")
        progress("packaging", sink.frames, sink.frames)
    return Result(
        frames=sink.frames,
        swapped=swap.swapped,
        width=width,
        height=height,
        fps=float(source.rate),
        seconds=float((last - first) * source.time_base + 1 / source.rate),
        stage_seconds=dict(swap.seconds),
    )


@dataclass(kw_only=True)
class Swap:
    """One clip's stream of pictures, from decoded to swapped. `seconds` is the time each step worked."""

    source: VideoSource
    photo: np.ndarray
    landmarks: np.ndarray
    quality: Quality
    findings: Findings | None = None
    swapped: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        by_size = "bt709" if self.source.height >= HD_LINES else "bt601"
        matrix = MATRICES.get(self.source.colour.space, by_size)
        self.to_rgb = rgb_of_yuv(matrix, full_range=False)
        self.to_yuv = yuv_of_rgb(matrix, full_range=False)

    def pictures(self, pipeline: Pipeline) -> Iterator[tuple[Picture, Box | None]]:
        """Return each picture, swapped, with the box of its face."""
        decoded = pipeline.ahead(self.decode(), name="decode")
        seen = pipeline.ahead(Smoother().run(self.track(decoded)), name="track")
        return pipeline.ahead(self.render(seen), name="render")

    def decode(self) -> Iterator[Picture]:
        pictures = iter(self.source)
        while True:
            with self.timed("decode"):
                picture = next(pictures, None)
            if picture is None:
                return
            yield picture

    def track(self, pictures: Iterable[Picture]) -> Iterator[tuple[Picture, np.ndarray | None, bool]]:
        tracker, cuts = Tracker(scales=self.quality.look_scales), CutWatch()
        for picture in pictures:
            with self.timed("track"):
                is_cut = cuts.sees(picture.y)
                if is_cut:
                    tracker.forget()
                landmarks = tracker.follow(PlanesView(*picture.planes, self.to_rgb))
            yield picture, landmarks, is_cut

    def render(self, seen: Iterable[tuple[Picture, Face | None]]) -> Iterator[tuple[Picture, Box | None]]:
        renderer = self.renderer(self.findings) if self.findings else None
        for picture, face in seen:
            with self.timed("render"):
                if face is not None:
                    renderer = renderer or self.renderer(findings_in(face))
                    self.swapped += renderer.render(picture, face)
            yield picture, box_of(face) if face else None

    def renderer(self, findings: Findings) -> Renderer:
        size = np.clip(findings.size, SMALLEST_TEXTURE, self.quality.texture_face)
        portrait = prepare(self.photo, self.landmarks, float(size), self.to_yuv)
        return Renderer(portrait, findings.neutral, self.to_rgb, self.quality)

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


def box_of(face: Face) -> Box:
    points = face.landmarks[: topology.FACE_POINTS, :2]
    return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
