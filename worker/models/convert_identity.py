# What this imports is not installed where the project is checked.
# mypy: ignore-errors
"""Remakes identity.onnx, which tells faces apart, from dlib's network: its format becomes ONNX, opset 17.

Run it in an environment of its own, since nothing here is needed to use the network:

    python -m venv /tmp/convert && . /tmp/convert/bin/activate
    pip install onnx numpy
    pip download face_recognition_models==0.3.0 --no-deps --no-binary :all: --dest /tmp/convert
    python worker/models/convert_identity.py /tmp/convert/face_recognition_models-* --into worker/models

The file holds the layers in the order in which they compute, each a name, its numbers and its options. The
numbers alone are read; how the layers hang together is said in dlib's examples/dnn_face_recognition_ex.cpp,
and what they do in dlib/dnn/layers.h and dlib/cuda/cpu_dlib.cpp.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MEMBER = "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"
SIDE = 150  # pixels
MEAN_RGB = (122.782, 117.001, 104.298)  # dlib's input_rgb_image_sized
RANGE = 256
# Filters, and whether the block halves the picture, from the first block to the last.
BLOCKS = (
    *[(32, False)] * 3,
    *[(64, True), *[(64, False)] * 3],
    *[(128, True), *[(128, False)] * 2],
    *[(256, True), *[(256, False)] * 2],
    (256, True),
)
EMBEDDING = 128
# Where a layer's tensor begins: after its name, which follows its length, and that the length of the length;
# the last layer's own two sides come before.
LAYER = re.compile(rb"\x01(?:\x05con_4|\x07affine_|\x04fc_2\x01\x80\x02\x00\x01)")


# reading dlib


def whole_number(content: bytes, at: int) -> tuple[int, int]:
    """Return the number at that place, and where it ends: a byte that says its size, then itself."""
    size = content[at] & 0x0F
    value = int.from_bytes(content[at + 1 : at + 1 + size], "little")
    return (-value if content[at] & 0x80 else value), at + 1 + size


def tensor(content: bytes, at: int) -> np.ndarray:
    """Return the flat tensor at that place: a version, four sides, float32."""
    version, at = whole_number(content, at)
    assert version == 2, version
    count = 1
    for _ in range(4):
        side, at = whole_number(content, at)
        count *= side
    return np.frombuffer(content, "<f4", count, at)


def tensors(content: bytes) -> Iterator[np.ndarray]:
    """Yield the numbers of each layer that has some, first to last."""
    found = [tensor(content, layer.end()) for layer in LAYER.finditer(content)]
    assert len(found) == 2 * (1 + 2 * len(BLOCKS)) + 1, len(found)  # a con and an affine each, and the last
    return iter(found)


# writing ONNX


class Converter:
    """Builds the graph from the numbers, which it takes in turn."""

    def __init__(self, numbers: Iterator[np.ndarray]) -> None:
        self.numbers = numbers
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: object, dtype: type = np.float32) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def weights(self, values: np.ndarray) -> str:
        """Return a constant kept in 16 bits, which halves the file, and computed with in 32."""
        return self.add("Cast", self.constant(values, np.float16), to=TensorProto.FLOAT)

    def convolution(self, name: str, channels: int, filters: int, side: int, stride: int) -> str:
        """Add a convolution with the affine layer after it; dlib pads only where it takes every pixel."""
        kernel, bias = np.split(next(self.numbers), [filters * channels * side * side])
        gamma, beta = np.split(next(self.numbers), 2)
        kernel = kernel.reshape(filters, channels, side, side) * gamma[:, None, None, None]
        pad = side // 2 if stride == 1 else 0
        return self.add(
            "Conv",
            name,
            self.weights(kernel),
            self.constant(bias * gamma + beta),
            strides=[stride] * 2,
            pads=[pad] * 4,
        )

    def grown(self, name: str, channels: int, side: int) -> str:
        """Add zeros after the last channel, row and column, as dlib does to add what differs in size."""
        if not channels and not side:
            return name
        return self.add("Pad", name, self.constant([0, 0, 0, 0, 0, channels, side, side], np.int64))

    def block(self, name: str, channels: int, filters: int, side: int, halves: bool) -> tuple[str, int]:
        """Add one residual block to a picture of that side; return its result and its side."""
        stride = 2 if halves else 1
        inner = self.add("Relu", self.convolution(name, channels, filters, 3, stride))
        inner = self.convolution(inner, filters, filters, 3, 1)
        if halves:
            pooled = side // 2
            name = self.add("AveragePool", name, kernel_shape=[2, 2], strides=[2, 2])
            name = self.grown(name, filters - channels, 0)
            inner = self.grown(inner, 0, pooled - (side - 1) // 2)
            side = pooled
        return self.add("Relu", self.add("Add", inner, name)), side

    def convert(self) -> onnx.ModelProto:
        pixels = self.add("Sub", self.add("Transpose", "input", perm=[0, 3, 1, 2]), self.mean())
        pixels = self.add("Div", pixels, self.constant(RANGE))
        made = self.add("Relu", self.convolution(pixels, 3, 32, 7, 2))
        made = self.add("MaxPool", made, kernel_shape=[3, 3], strides=[2, 2])
        channels, side = 32, 35
        for filters, halves in BLOCKS:
            made, side = self.block(made, channels, filters, side, halves)
            channels = filters
        flat = self.add("Flatten", self.add("GlobalAveragePool", made))
        last = next(self.numbers).reshape(channels, EMBEDDING)
        self.nodes.append(helper.make_node("MatMul", [flat, self.weights(last)], ["embedding"]))
        return self.model()

    def mean(self) -> str:
        return self.constant(np.reshape(MEAN_RGB, (1, 3, 1, 1)))

    def model(self) -> onnx.ModelProto:
        entry = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, SIDE, SIDE, 3])
        end = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, EMBEDDING])
        graph = helper.make_graph(self.nodes, "network", [entry], [end], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


def main() -> None:
    parser = argparse.ArgumentParser(description="Convert dlib's face recognition network to ONNX.")
    parser.add_argument("package", type=Path, help="face_recognition_models-0.3.0.tar.gz")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    with tarfile.open(options.package) as package:
        member = next(name for name in package.getnames() if name.endswith(MEMBER))
        content = package.extractfile(member).read()
    network = Converter(tensors(content)).convert().SerializeToString(deterministic=True)
    (options.into / "identity.onnx").write_bytes(network)
    print(f"{hashlib.sha256(network).hexdigest()}  identity.onnx")


if __name__ == "__main__":
    main()
