"""An operator's own networks as an engine: of the inswapper family, by their inputs and outputs.

Two ONNX files in the folder that `SWAP_MODELS` names, which are never shipped: their licences are between
the operator and whoever made them.

recognizer.onnx  its one input (1, 3, 112, 112) RGB, -1..1, to its one output (1, 512)
swapper.onnx     `target` (1, 3, S, S) RGB, 0..1, and `source` (1, 512) to `output` (1, 3, S, S) RGB, 0..1

The swapper's last constant, (512, 512), brings a recognized face into its own terms. As InsightFace does it
(model_zoo/inswapper.py), the unit vector times that matrix is made a unit vector again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from worker.engines import OWN_NETWORKS
from worker.engines.swap.bend import Layer, stretched
from worker.engines.swap.cutout import Cutout
from worker.engines.swap.shape import edge_weights
from worker.engines.swap.texture import Engine, PhotoEngine
from worker.errors import BadEngine
from worker.faces import topology
from worker.faces.align import ARCFACE_112, ARCFACE_128, aligned, five_points, similarity
from worker.faces.onnxfile import last_initializer
from worker.faces.raster import rasterize

RECOGNIZER, SWAPPER = "recognizer.onnx", "swapper.onnx"
FACE_SIDE, CODE = 112, 512
HALF = np.array([[2.0, 0.0, 0.5], [0.0, 2.0, 0.5]])  # from pixels of a half-size plane to those of the whole


def engine_for(environ: Mapping[str, str]) -> Engine:
    """Return the engine that the operator has chosen: his own networks if he names a folder, else ours."""
    folder = environ.get(OWN_NETWORKS)
    return NeuralEngine(Path(folder)) if folder else PhotoEngine()


class NeuralEngine:
    def __init__(self, folder: Path) -> None:
        self.recognizer = opened(folder / RECOGNIZER)
        self.swapper = opened(folder / SWAPPER)
        self.side = square_side(self.swapper, folder / SWAPPER)
        self.matrix = last_initializer(folder / SWAPPER)
        if self.matrix is None or self.matrix.shape != (CODE, CODE):
            shape = None if self.matrix is None else self.matrix.shape
            raise BadEngine(f"The last constant of {folder / SWAPPER} must be (512, 512) and is {shape}.")

    def prepare(
        self, photo: np.ndarray, landmarks: np.ndarray, *, face_height: float, to_yuv: np.ndarray
    ) -> NeuralFace:
        square = aligned(photo, similarity(five_points(landmarks), ARCFACE_112), FACE_SIDE)
        batch = planes_of(square.astype(np.float32) / 127.5 - 1)
        name = self.recognizer.get_inputs()[0].name
        (found,) = self.recognizer.run(None, {name: batch})
        assert self.matrix is not None  # the constructor has seen it
        return NeuralFace(self.swapper, code_of(found, self.matrix), to_yuv, self.side)

    def close(self) -> None:
        del self.recognizer, self.swapper


class NeuralFace:
    """What the swapper makes of the video's own face, under the source's code."""

    has_expression = True

    def __init__(
        self, swapper: onnxruntime.InferenceSession, code: np.ndarray, to_yuv: np.ndarray, side: int
    ) -> None:
        self.swapper = swapper
        self.code = code
        self.side = side
        self.to_yuv = to_yuv
        self.to_rgb = inverse(to_yuv)
        self.values = np.zeros((topology.POINTS, 3), np.float32)
        self.values[:, 2] = edge_weights()

    def shift_from(self, neutral: np.ndarray) -> np.ndarray:
        return np.zeros((topology.FACE_POINTS, 3))  # The network keeps the video's geometry.

    def lay(self, cutout: Cutout, scale: float, step: int) -> Layer:
        matrix = similarity(five_points(cutout.own), ARCFACE_128 * self.side)
        luma, chroma = self.swapped(cutout, matrix)
        size, half = (cutout.width, cutout.height), chained(matrix, HALF)
        return Layer(
            luma=placed(luma, matrix, size),
            chroma=placed(chroma, half, cutout.half_size),
            cover=self.cover(cutout, step),
        )

    def swapped(self, cutout: Cutout, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the new face in the network's square, as luma (S, S) and chroma (S, S, 2) uint8."""
        luma = aligned(cutout.luma, matrix, self.side)
        chroma = aligned(cutout.chroma, chained(matrix, HALF), self.side)
        rgb = cv2.transform(cv2.merge([luma, *cv2.split(chroma)]).astype(np.float32), self.to_rgb)
        target = planes_of(np.clip(rgb / 255, 0, 1))
        (made,) = self.swapper.run(["output"], {"target": target, "source": self.code})
        image = np.clip(np.nan_to_num(made[0]), 0, 1).transpose(1, 2, 0).astype(np.float32) * 255
        yuv = np.rint(np.clip(cv2.transform(image, self.to_yuv), 0, 255)).astype(np.uint8)
        return np.ascontiguousarray(yuv[..., 0]), np.ascontiguousarray(yuv[..., 1:])

    def cover(self, cutout: Cutout, step: int) -> np.ndarray:
        """Return (h/2, w/2) float32, 1 well inside the face, 0 at its oval."""
        points = cutout.new.copy()
        points[:, :2] = (points[:, :2] + 0.5) / step - 0.5
        points[:, 2] /= step
        size = {"width": -(-cutout.width // step), "height": -(-cutout.height // step)}
        drawn = rasterize(points, topology.FACE_TRIANGLES, self.values, **size)
        return np.clip(stretched(drawn[..., 2], step / 2, cutout.half_size), 0, 1)


def placed(square: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring the square back to where the matrix took it from; `size` as (width, height)."""
    how = cv2.WARP_INVERSE_MAP | cv2.INTER_CUBIC
    return cv2.warpAffine(square, matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE)


def code_of(found: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return the swapper's (1, 512) code of a recognizer's answer."""
    face = found.reshape(1, CODE) / np.linalg.norm(found)
    code = face @ matrix
    return (code / np.linalg.norm(code)).astype(np.float32)


def planes_of(image: np.ndarray) -> np.ndarray:
    """Return an (H, W, 3) image as a network takes it: (1, 3, H, W)."""
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)


def chained(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return the (2, 3) matrix that does the first, then the second."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


def inverse(to_yuv: np.ndarray) -> np.ndarray:
    """Return the (3, 4) matrix back to RGB."""
    back = np.linalg.inv(to_yuv[:, :3].astype(np.float64))
    return np.hstack([back, -back @ to_yuv[:, 3:]]).astype(np.float32)


def opened(path: Path) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise BadEngine(f"{OWN_NETWORKS} says that networks are to be used, but there is no {path}.")
    try:
        return onnxruntime.InferenceSession(path, providers=onnxruntime.get_available_providers())
    except Exception as exc:  # ONNX Runtime's own errors have no common class.
        raise BadEngine(f"{path} cannot be opened as a network: {str(exc)[:200]}") from exc


def square_side(swapper: onnxruntime.InferenceSession, path: Path) -> int:
    """Return S, the side that the swapper works in, or raise BadEngine if it is of another family."""
    inputs = {each.name: each.shape for each in swapper.get_inputs()}
    outputs = {each.name: each.shape for each in swapper.get_outputs()}
    match (inputs.get("target"), inputs.get("source")):
        case ([_, 3, int(side), int(other)], [_, 512]) if side == other and "output" in outputs:
            return side
    raise BadEngine(
        f"{path} must take target (1, 3, S, S) and source (1, 512) and give output; "
        f"it takes {inputs} and gives {outputs}."
    )
