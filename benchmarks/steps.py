"""The picture in docs/engine.md, one frame step by step: `python -m benchmarks.steps`."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import cv2
import numpy as np

from worker.engines.swap.bend import Layer
from worker.engines.swap.cutout import box_round, cut
from worker.engines.swap.quality import QUALITIES
from worker.engines.swap.render import Renderer
from worker.engines.swap.texture import PhotoEngine
from worker.faces.smooth import Face, Sighting
from worker.faces.topology import FACE_POINTS, FACE_TRIANGLES
from worker.faces.track import face_size, landmarks_of_photo
from worker.faces.views import rgb_of_yuv, yuv_of_rgb
from worker.media.photo import read_photo
from worker.media.picture import Picture, to_rgb
from worker.media.source import open_video

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "worker" / "samples"
PICTURE = ROOT / "docs" / "pictures" / "engine.jpg"
FRAME = 40
HEIGHT = 300  # pixels of a cell


def main() -> None:
    with open_video(SAMPLES / "hopper.mp4") as source:
        pictures = iter(source)
        picture = next(each for number, each in enumerate(pictures) if number == FRAME)
    seen = Sighting.of(face_in(to_rgb(picture)))
    face = Face(landmarks=seen.landmarks, pose=seen.pose, shape=seen.shape, presence=1.0, is_new=True)
    cells = list(steps(picture, face))
    cv2.imwrite(str(PICTURE), np.hstack(cells)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(PICTURE)


def steps(picture: Picture, face: Face) -> Iterator[np.ndarray]:
    """Yield what is there after each step, as RGB cells of one height."""
    photo = read_photo(SAMPLES / "astronaut.png")
    to_yuv, back = yuv_of_rgb("bt709", False), rgb_of_yuv("bt709", False)
    texture = PhotoEngine().prepare(
        photo, face_in(photo), face_height=face_size(face.landmarks), to_yuv=to_yuv
    )
    renderer = Renderer(texture, face.shape, back, QUALITIES["balanced"])
    box = box_round(picture, face.landmarks)
    assert box is not None
    everywhere = np.ones(FACE_POINTS)
    new = renderer.new_landmarks(face, everywhere)
    bent = deepcopy(picture)
    reshaped = renderer.outline.reshaped(bent, face, everywhere)
    cutout = cut(bent, box, reshaped.landmarks, new)
    own = Layer(luma=cutout.luma, chroma=cutout.chroma, cover=np.ones(cutout.half_size[::-1]))
    yield cell(box.of(to_rgb(picture)))
    yield cell(with_mesh(rgb_of(own, back), cutout.own))
    layer = texture.lay(cutout, face.pose.scale, 1)
    yield cell(rgb_of(layer, back))
    occluded = renderer.match_light(layer, cutout, face.pose)
    yield cell(rgb_of(layer, back))
    shown = layer.cover * (1 - cv2.resize(occluded, cutout.half_size))
    yield cell(np.dstack([shown * 255] * 3))
    result = deepcopy(picture)
    renderer.forget()
    renderer.render(result, face)
    yield cell(cutout.box.of(to_rgb(result)))


def face_in(image: np.ndarray) -> np.ndarray:
    landmarks = landmarks_of_photo(image)
    assert landmarks is not None  # the samples show one
    return landmarks


def rgb_of(layer: Layer, back: np.ndarray) -> np.ndarray:
    chroma = cv2.resize(layer.chroma.astype(np.float32), layer.luma.shape[::-1])
    planes = np.dstack([layer.luma.astype(np.float32), chroma])
    return cv2.transform(planes, back)


def with_mesh(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    drawn = np.clip(image, 0, 255).astype(np.uint8)
    for triangle in points[FACE_TRIANGLES, :2]:
        cv2.polylines(drawn, [np.rint(triangle).astype(np.int32)], True, (80, 220, 190), 1, cv2.LINE_AA)
    return drawn


def cell(image: np.ndarray) -> np.ndarray:
    width = round(image.shape[1] * HEIGHT / image.shape[0])
    sized = cv2.resize(np.clip(image, 0, 255).astype(np.uint8), (width, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.pad(sized, ((0, 0), (0, 4), (0, 0)), constant_values=255)


if __name__ == "__main__":
    main()
