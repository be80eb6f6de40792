"""Makes the project's moving clips from still portraits: `python -m benchmarks.clips` remakes all of them.

The person speaks what espeak-ng says (it must be installed), turns, nods, blinks and moves about under
a wandering light, with camera noise. With `--truth` each clip gets a .npz beside it: `points` (n, 478, 3),
the true landmarks in pixels, and `opening`, `blink` (n,), what lips and lids were told. A clip with a prop
has also `covered` (n, H/2, W/2) uint8: how far the prop hides each pixel, 0..255.
"""

from __future__ import annotations

import argparse
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np

from benchmarks.props import PROPS, Scene
from worker.engines.sing.canvas import frame_portrait
from worker.engines.sing.ears import RATE, listen
from worker.engines.sing.motion import Head, blinks
from worker.engines.sing.paint import Painter
from worker.engines.sing.voice import lips_of
from worker.faces import topology
from worker.faces.track import landmarks_of_photo
from worker.media.audio import mono_chunks
from worker.media.framing import resize
from worker.media.photo import read_photo
from worker.media.picture import HD, Picture, from_rgb, to_rgb
from worker.media.sink import Mp4Sink
from worker.media.sound import Sound

SAMPLES = Path(__file__).parent.parent / "worker" / "samples"
FRAME_RATE = 30

# How far, in radians, eye distances or shares, and how often, in seconds a swing.
SWINGS = {
    "pitch": (np.radians(7), 3.7),
    "yaw": (np.radians(17), 5.0),
    "roll": (np.radians(6), 6.1),
    "x": (0.10, 7.0),
    "y": (0.04, 2.9),
    "zoom": (0.05, 8.3),
}
LIGHT_SWING, LIGHT_SLANT = 0.07, 0.22  # of the brightness: as a whole, and from side to side


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What to make. `width` sets the size; the height follows from the aspect. The voice is a file or a text
    to speak; `prop` is one of PROPS."""

    name: str
    portrait: str
    width: int
    text: str = ""
    voice: Path | None = None
    prop: str = ""
    aspect_ratio: str = "4:5"
    longest: float = 60.0
    noise: float = 1.2  # grey levels, standard deviation
    seed: int = 1


CLIPS = (
    Clip(
        name="hopper.mp4",
        portrait="grace_hopper.jpg",
        text="Hello. If it is a good idea, go ahead and do it. It is much easier to apologise than to ask.",
        width=720,
        longest=6.0,
    ),
    Clip(
        name="tiny.mp4",
        portrait="grace_hopper.jpg",
        text="Hello, and welcome.",
        width=240,
        longest=1.5,
        seed=2,
    ),
)
SONG = (
    "speech.m4a",
    "One small voice can fill a room. Open your mouth, and let it bloom. Sing it low.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, default=SAMPLES, help="folder to write to")
    parser.add_argument("--truth", action="store_true", help="write the true landmarks beside each clip")
    options = parser.parse_args()
    for clip in CLIPS:
        frames = make_clip(clip, options.into, with_truth=options.truth)
        print(f"{clip.name}: {frames} frames")
    name, text = SONG
    with TemporaryDirectory() as folder:
        encode_voice(speak(text, Path(folder)), options.into / name)
    print(name)


def make_clip(clip: Clip, into: Path, *, with_truth: bool) -> int:
    """Write the clip; return how many frames it has."""
    photo = read_photo(SAMPLES / clip.portrait)
    landmarks = landmarks_of_photo(photo)
    if landmarks is None:
        raise SystemExit(f"No face was found in {clip.portrait}.")
    canvas = frame_portrait(photo, landmarks, aspect_ratio=clip.aspect_ratio, quality="max")
    height = round(canvas.image.shape[0] * clip.width / canvas.image.shape[1] / 2) * 2
    with TemporaryDirectory() as folder:
        voice = shortened(clip.voice or speak(clip.text, Path(folder)), clip.longest, Path(folder))
        lips = lips_of(listen(mono_chunks(voice, RATE)), FRAME_RATE)
        head = swinging(len(lips), np.random.default_rng(clip.seed))
        sink = Mp4Sink(
            into / clip.name,
            width=clip.width,
            height=height,
            rate=Fraction(FRAME_RATE),
            time_base=Fraction(1, FRAME_RATE),
            colour=HD,
            sound=Sound(voice, alone=True),
            quality="fast",
        )
        painter, camera, stage = Painter(canvas, "max"), Camera(clip), Stage(clip, photo, landmarks)
        truth, covered = [], []
        with sink:
            for index in range(len(lips)):
                wish = head.with_lips(lips, index)
                picture = resize(painter.paint(wish, index), clip.width, height)
                points = painter.rig.points(wish)[:478] * clip.width / canvas.image.shape[1]
                picture, hidden = stage.dressed(picture, points)
                sink.write(camera.shot(picture))
                truth.append(points)
                covered.append(hidden)
    if with_truth:
        path = into / f"{clip.name}.npz"
        known = {"points": np.array(truth, np.float32), "opening": lips.opening, "blink": head.blink}
        masks = {"covered": np.array(covered)} if clip.prop else {}
        np.savez_compressed(path, allow_pickle=False, **known, **masks)
    return len(lips)


class Stage:
    """Puts the clip's prop, if it has one, in front of the face."""

    def __init__(self, clip: Clip, photo: np.ndarray, landmarks: np.ndarray) -> None:
        self.prop = PROPS.get(clip.prop)
        x, y = landmarks[50, :2].astype(int)  # a cheek
        self.skin = photo[y - 4 : y + 5, x - 4 : x + 5].reshape(-1, 3).mean(axis=0)
        self.first: np.ndarray | None = None

    def dressed(self, picture: Picture, points: np.ndarray) -> tuple[Picture, np.ndarray | None]:
        """Return the picture with the prop, and how far that hides each pixel of half the size, 0..255."""
        if self.prop is None:
            return picture, None
        self.first = points if self.first is None else self.first
        eyes = self.first[[topology.LEFT_EYE_CORNER, topology.RIGHT_EYE_CORNER], :2]
        scene = Scene(
            index=picture.pts,
            size=picture.y.shape,
            points=points,
            home=self.first[: topology.FACE_POINTS, :2].mean(axis=0),
            unit=float(np.linalg.norm(eyes[1] - eyes[0])),
            skin=self.skin,
        )
        layer = self.prop(scene)
        alpha = layer[..., 3:]
        mixed = to_rgb(picture) * (1 - alpha) + layer[..., :3] * alpha
        half = cv2.resize(layer[..., 3], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        seen = from_rgb(np.rint(mixed.clip(0, 255)).astype(np.uint8), picture.pts)
        return seen, np.rint(half * 255).astype(np.uint8)


def swinging(frames: int, rng: np.random.Generator) -> Head:
    """Return a head that begins at rest and swings in every way there is."""
    times = np.arange(frames) / FRAME_RATE
    begun = np.clip(times, 0, 1)
    swing = {
        name: far * begun * np.sin(2 * np.pi * times / often + 0.4 * index)
        for index, (name, (far, often)) in enumerate(SWINGS.items())
    }
    return Head(
        turn=np.stack([swing["pitch"], swing["yaw"], swing["roll"]], axis=1),
        shift=np.stack([swing["x"], swing["y"]], axis=1),
        zoom=1 + swing["zoom"],
        blink=blinks(rng, frames, FRAME_RATE),
        brows=np.clip(np.sin(2 * np.pi * times / 2.3), 0, 1) * 0.8,
    )


class Camera:
    """Adds what a still photo has not: a light that wanders, and noise."""

    def __init__(self, clip: Clip) -> None:
        self.noise = clip.noise
        self.rng = np.random.default_rng(clip.seed)

    def shot(self, picture: Picture) -> Picture:
        seconds = picture.pts / FRAME_RATE
        across = np.linspace(-0.5, 0.5, picture.width)
        light = 1 + LIGHT_SWING * np.sin(2 * np.pi * seconds / 9)
        light = light + LIGHT_SLANT * across * np.sin(2 * np.pi * seconds / 6)
        grain = self.rng.normal(0, self.noise, picture.y.shape)
        lit = 16 + (picture.y - 16.0) * light + grain
        return Picture(np.rint(np.clip(lit, 16, 235)).astype(np.uint8), picture.u, picture.v, picture.pts)


def speak(text: str, folder: Path) -> Path:
    voice = folder / "voice.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "-w", str(voice), text], check=True)
    return voice


def shortened(voice: Path, seconds: float, folder: Path) -> Path:
    """Write the voice, cut to the length without a click, into the folder."""
    samples = np.concatenate(list(mono_chunks(voice, RATE)))[: round(seconds * RATE)]
    fade = min(len(samples), RATE // 20)
    samples[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    short = folder / "short.wav"
    with av.open(str(short), "w") as output:
        track = output.add_stream("pcm_s16le", rate=RATE, layout="mono")
        whole = np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        output.mux(track.encode(frame))
        output.mux(track.encode(None))
    return short


def encode_voice(voice: Path, path: Path) -> None:
    """Write the voice as AAC in an m4a file."""
    sound = Sound(voice, alone=True)
    with av.open(str(path), "w", format="ipod", options={"movflags": "+faststart"}) as output:
        sound.attach(output)
        sound.finish()
    sound.close()


if __name__ == "__main__":
    main()
