"""Measure how good the engines' pictures are: `python -m benchmarks.quality`.

The clips are made by code and kept, with the results, in the folder of `--cache`. The judge of likeness is
dlib (`pip install -r requirements-quality.txt`). What each figure means is said in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import cv2
import numpy as np

from benchmarks import clips, judges, props
from benchmarks.clips import SAMPLES, Clip, make_clip
from worker.engines import Task, make
from worker.engines.sing.plan import planned, voice_of
from worker.engines.swap import render
from worker.engines.swap.glasses import BothGlasses
from worker.engines.swap.outline import Outline
from worker.engines.swap.render import Renderer
from worker.engines.swap.shape import openness, with_shift
from worker.faces import topology
from worker.faces.pose import pose_of
from worker.faces.smooth import Face
from worker.faces.track import Tracker, landmarks_of_photo
from worker.faces.views import RgbView
from worker.media.audio import mono_chunks
from worker.media.photo import read_photo
from worker.media.picture import Picture, to_rgb
from worker.media.source import open_video

ASTRONAUT, HOPPER = "astronaut.png", "grace_hopper.jpg"
LIKENESS_EVERY = 2  # frames: with a quarter of them, changes that nobody sees moved the mean by 0.01
APART = 25  # pixels of half size: so far from the prop the face should be swapped


@dataclass(frozen=True, kw_only=True)
class Case:
    """One swap: `side_light` darkens one side of the photo first; without `glasses` none are looked for."""

    portrait: str
    photo: str
    prop: str = ""
    side_light: bool = False
    glasses: bool = True

    @property
    def name(self) -> str:
        light = ", lit from one side" if self.side_light else ""
        glasses = "" if self.glasses else ", glasses painted over"
        return f"{Path(self.portrait).stem} <- {Path(self.photo).stem}{light}{glasses}"


LIKE = (
    Case(portrait=HOPPER, photo=ASTRONAUT),
    Case(portrait=HOPPER, photo=ASTRONAUT, glasses=False),
    Case(portrait=ASTRONAUT, photo=HOPPER),
    Case(portrait=ASTRONAUT, photo=HOPPER, side_light=True),
)
COVERED = (
    Case(portrait=HOPPER, photo=ASTRONAUT, prop="hand"),
    Case(portrait=ASTRONAUT, photo=HOPPER, prop="hand"),
    Case(portrait=ASTRONAUT, photo=HOPPER, prop="hand at first"),
    Case(portrait=ASTRONAUT, photo=HOPPER, prop="microphone"),
    Case(portrait=HOPPER, photo=ASTRONAUT, prop="microphone"),
    Case(portrait=ASTRONAUT, photo=HOPPER, prop="strands"),
    Case(portrait=ASTRONAUT, photo=HOPPER, prop="glasses"),
    Case(portrait=ASTRONAUT, photo=ASTRONAUT, prop="glasses"),
)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where clips and results are kept, how long the clips are in seconds, and the quality measured."""

    cache: Path
    seconds: float
    quality: str

    def clip(self, case: Case) -> Path:
        """Return the case's clip, made anew only if what makes it has changed."""
        voice = SAMPLES / "speech.m4a"
        name = f"{Path(case.portrait).stem}-{case.prop or 'clean'}".replace(" ", "-")
        clip = Clip(
            name=f"{name}.mp4",
            portrait=case.portrait,
            voice=voice,
            width=576,
            longest=self.seconds,
            seed=5,
            prop=case.prop,
        )
        recipe = b"".join(Path(str(module.__file__)).read_bytes() for module in (clips, props))
        folder = self.cache / sha256(recipe + repr(clip).encode()).hexdigest()[:12]
        if not (folder / f"{clip.name}.npz").exists():
            folder.mkdir(parents=True, exist_ok=True)
            make_clip(clip, folder, with_truth=True)
        return folder / clip.name

    def photo(self, case: Case) -> Path:
        if not case.side_light:
            return SAMPLES / case.photo
        path = self.cache / f"{Path(case.photo).stem}-side.png"
        image = read_photo(SAMPLES / case.photo)
        face = known_landmarks(image)[: topology.FACE_POINTS, 0]
        across = (np.arange(image.shape[1]) - face.min()) / np.ptp(face)
        light = (0.35 + 0.8 * np.clip(across, 0, 1))[None, :, None]
        cv2.imwrite(str(path), np.rint(image * light).clip(0, 255).astype(np.uint8)[..., ::-1])
        return path

    def results(self, case: Case) -> tuple[Path, Path, Path]:
        """Return where the case's swap goes, the one in which nothing is in front, and the outline alone."""
        name = f"{case.prop or 'clean'} {case.name}".replace(" <- ", "-").replace(",", "").replace(" ", "-")
        return self.cache / f"{name}.mp4", self.cache / f"{name}-bare.mp4", self.cache / f"{name}-outline.mp4"

    def swap_thrice(self, case: Case) -> int:
        """Write all three results; return how many frames were swapped."""
        output, bare, outline = self.results(case)
        with nothing_in_front():
            self.swap(case, bare)
        with no_new_face():
            self.swap(case, outline)
        return self.swap(case, output)

    def swap(self, case: Case, output: Path) -> int:
        """Write the swap; return how many frames were swapped."""
        with nullcontext() if case.glasses else no_glasses():
            return make(
                self.task("video_swap", self.photo(case), output, video=self.clip(case)), quiet
            ).swapped

    def task(
        self, mode: str, photo: Path, output: Path, *, video: Path | None = None, sound: Path | None = None
    ) -> Task:
        return Task(
            mode=mode,
            quality=self.quality,
            enable_4k=False,
            aspect_ratio="original",
            reference_video=video,
            source_image=photo,
            driving_audio=sound,
            output=output,
        )


def quiet(stage: str, done: int, total: int | None) -> None:
    pass


def images(path: Path) -> Iterator[np.ndarray]:
    with open_video(path) as source:
        for picture in source:
            yield to_rgb(picture, source.colour)


def known_landmarks(photo: np.ndarray) -> np.ndarray:
    landmarks = landmarks_of_photo(photo)
    assert landmarks is not None, "The samples show faces."
    return landmarks


@contextmanager
def nothing_in_front() -> Iterator[None]:
    """Let the engine paint over all that covers the face, lit as it found it with that in front.

    Were what is in front forgotten in the light, too, the new face would take its colour and look like it.
    """
    match_light, add_own = Renderer.match_light, render.add_own

    def match_light_alone(self: Renderer, *seen: Any) -> np.ndarray:
        return np.zeros_like(match_light(self, *seen))

    Renderer.match_light = match_light_alone  # type: ignore[assignment, method-assign]
    render.add_own = lambda *seen: None
    try:
        yield
    finally:
        Renderer.match_light, render.add_own = match_light, add_own  # type: ignore[method-assign]


@contextmanager
def no_new_face() -> Iterator[None]:
    """Let the engine move the outline and mix no new face in: that is what the video's own pixels become."""
    mix = render.mix
    render.mix = lambda *seen: None
    try:
        yield
    finally:
        render.mix = mix


@contextmanager
def no_glasses() -> Iterator[None]:
    """Let the engine find no glasses on the video's face."""
    look = BothGlasses.look
    BothGlasses.look = lambda *seen: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        BothGlasses.look = look  # type: ignore[method-assign]


@contextmanager
def outlines() -> Iterator[list[Outline]]:
    """Note the outline of each face that is swapped meanwhile."""
    seen, reshaped = [], Outline.reshaped

    def noted(self: Outline, picture: Picture, face: Face, shown: np.ndarray) -> Face:
        seen.append(self)
        return reshaped(self, picture, face, shown)

    Outline.reshaped = noted  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        Outline.reshaped = reshaped  # type: ignore[method-assign]


def reshaped(points: np.ndarray, outline: Outline) -> np.ndarray:
    """Return where the (478, 3) true points of the video are once its outline has moved."""
    pose = pose_of(points)
    return pose.apply(with_shift(pose.undo(points.astype(np.float64)), outline.moves))


def likeness_row(bench: Bench, case: Case, judge: judges.Likeness) -> str:
    clip, (output, bare, outline) = bench.clip(case), bench.results(case)
    points = np.load(f"{clip}.npz")["points"]
    with outlines() as seen:
        swapped = bench.swap_thrice(case)
    photo = read_photo(SAMPLES / case.photo)
    wanted = judge.embedding(photo, known_landmarks(photo))
    before, to_source, to_target, cheeks, alarms = [], [], [], [], []
    files = (clip, output, bare, outline)
    for index, (old, new, painted, bent) in enumerate(zip(*map(images, files), strict=True)):
        if index % LIKENESS_EVERY:
            continue
        was, became = (judge.embedding(image, points[index]) for image in (old, new))
        before.append(np.linalg.norm(was - wanted))
        to_source.append(np.linalg.norm(became - wanted))
        to_target.append(np.linalg.norm(became - was))
        cheeks.append(judges.cheek_difference(old, new, points[index]))
        own, told = judges.kept(bent, new, painted)
        face = judges.inner_face(points[index], own.shape) & told
        alarms.append(own[face].mean())
    made = [reshaped(each, seen[-1]) for each in points]
    tremble = [
        judges.trembling(map(judges.texture, images(path), where))
        for path, where in ((output, made), (output, points), (clip, points))
    ]
    cells = [
        case.name,
        f"{np.mean(to_source):.3f} ({np.mean(before):.3f})",
        f"{np.mean(np.array(to_source) < judges.SAME_PERSON):.0%}",
        f"{np.mean(to_target):.3f}",
        f"{tremble[0] / tremble[2]:.2f}",
        f"{tremble[1] / tremble[2]:.2f}",
        f"{np.mean(cheeks):.1f}",
        f"{swapped / len(points):.0%}",
        f"{np.mean(alarms):.1%}",
    ]
    return f"| {' | '.join(cells)} |"


def covered_row(bench: Bench, case: Case) -> str:
    clip, (output, bare, outline) = bench.clip(case), bench.results(case)
    truth = np.load(f"{clip}.npz")
    points, hidden = truth["points"], truth["covered"]
    bench.swap_thrice(case)
    held, lost = [], []
    for index, frames in enumerate(zip(*map(images, (outline, output, bare)), strict=True)):
        own, told = judges.kept(*frames)
        face = judges.inner_face(points[index], own.shape) & told
        prop = cv2.resize(hidden[index], own.shape[::-1]) > 200
        near = cv2.dilate(hidden[index], np.ones((APART, APART), np.uint8))
        free = face & (cv2.resize(near, own.shape[::-1]) == 0)
        if (face & prop).sum() > 100:
            held.append(own[face & prop].mean())
        lost.append(own[free].mean() if free.any() else 0.0)
    cells = [
        f"{case.prop}: {case.name}",
        f"{np.mean(held):.0%}",
        f"{np.percentile(held, 10):.0%}",
        f"{np.mean(lost):.1%}",
    ]
    return f"| {' | '.join(cells)} |"


def song_row(bench: Bench, portrait: str) -> str:
    sound, output = SAMPLES / "speech.m4a", bench.cache / "song.mp4"
    task = bench.task("photo_sing", SAMPLES / portrait, output, sound=sound)
    result = make(task, quiet)
    lips, head = planned(task, voice_of(task), round(result.fps), quiet)
    tracker, gaps, lids = Tracker(), [], []
    for image in images(output):
        points = tracker.follow(RgbView(image))
        assert points is not None, "The face of the song was lost."
        unit = np.linalg.norm(points[topology.LEFT_EYE_CORNER] - points[topology.RIGHT_EYE_CORNER])
        gaps.append(np.linalg.norm(points[topology.UPPER_LIP] - points[topology.LOWER_LIP]) / unit)
        lids.append(np.mean([openness(points, each) for each in (topology.LEFT_LIDS, topology.RIGHT_LIDS)]))
    samples = np.concatenate(list(mono_chunks(sound)))
    loud = [np.sqrt(np.mean(part**2)) for part in np.array_split(samples, len(gaps))]
    told, heard = (judges.best_lag(np.array(gaps), np.array(each)) for each in (lips.opening, loud))
    asked = int((np.diff((head.blink > 0.5).astype(int), prepend=0) == 1).sum())
    cells = [
        Path(portrait).stem,
        *(f"{r:.2f} at {lag:+d}" for r, lag in (told, heard)),
        f"{judges.dips(np.array(lids))} of {asked}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=Path(gettempdir()) / "quality-clips")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each clip")
    parser.add_argument("--quality", default="balanced", choices=["fast", "balanced", "max"])
    parser.add_argument(
        "--only", nargs="+", default=["likeness", "cover", "song"], choices=["likeness", "cover", "song"]
    )
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    bench = Bench(cache=given.cache, seconds=given.seconds, quality=given.quality)
    if "likeness" in given.only:
        seen = "swap | to source (before) | < 0.6 | to target | flicker | by the clip's outline"
        table(f"{seen} | cheek ΔE | swapped | false cover")
        judge = judges.Likeness()
        for case in LIKE:
            print(likeness_row(bench, case, judge), flush=True)
    if "cover" in given.only:
        table("in front | stays | worst tenth | face lost")
        for case in COVERED:
            print(covered_row(bench, case), flush=True)
    if "song" in given.only:
        table("song | lips and order | lips and sound | blinks")
        for portrait in (ASTRONAUT, HOPPER):
            print(song_row(bench, portrait), flush=True)


def table(columns: str) -> None:
    print(f"\n| {columns} |\n{'|---' * (columns.count('|') + 1)}|")


if __name__ == "__main__":
    main()
