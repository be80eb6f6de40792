# What this imports is not installed where the project is checked.
# mypy: ignore-errors
"""Remakes the networks in this folder from MediaPipe's wheel: TFLite graphs become plain ONNX, opset 17.

Run it in an environment of its own, since nothing here is needed to use the networks:

    python -m venv /tmp/convert && . /tmp/convert/bin/activate
    pip install ai-edge-litert onnx numpy
    pip download mediapipe==0.10.21 --no-deps --dest /tmp/convert
    python worker/models/convert.py /tmp/convert/mediapipe-0.10.21-*.whl --into worker/models

TFLite keeps images as (N, H, W, C), ONNX computes on (N, C, H, W): every 4-D value is kept the second
way in between. The attention mesh's own three operators, which cut lips and eyes out of a feature
map along the first guess of the landmarks, become matrix products and GridSample; what they do was read
in MediaPipe's source (mediapipe/util/tflite/operations).
"""

from __future__ import annotations

import argparse
import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as tflite
from flatbuffers import flexbuffers
from onnx import TensorProto, helper, numpy_helper

NETWORKS = {
    "det_short": "mediapipe/modules/face_detection/face_detection_short_range.tflite",
    "det_full": "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite",
    "mesh_attention": "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite",
    "person": "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
    "palm": "mediapipe/modules/palm_detection/palm_detection_full.tflite",
    "hand": "mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
}
OPERATORS = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}
NUMBERS = {0: np.float32, 1: np.float16, 2: np.int32, 4: np.int64}  # tflite.TensorType -> dtype
PADDINGS = {0: "SAME_UPPER", 1: "NOTSET"}  # not VALID, which ONNX Runtime melts no Pad into
UPSAMPLES = "Convolution2DTransposeBias"
TO_NCHW, TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]
AXIS_IN_NCHW = {0: 0, 1: 2, 2: 3, 3: 1, -1: 1}


@dataclass
class Operator:
    """One step of the TFLite graph: its name, the numbers of its inputs and its output, its options."""

    name: str
    inputs: list[int]
    output: int
    options: object
    custom: dict = field(default_factory=dict)


class Converter:
    """Builds an ONNX graph alongside a TFLite one. `values`: tensor number -> ONNX name."""

    def __init__(self, model: tflite.ModelT) -> None:
        self.model = model
        self.graph = model.subgraphs[0]
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.known = dict(map(self.stored, range(len(self.graph.tensors))))
        self.values: dict[int, str] = {}

    # reading TFLite

    def shape(self, number: int) -> list[int]:
        return [int(side) for side in self.graph.tensors[number].shape]

    def stored(self, number: int) -> tuple[int, np.ndarray | None]:
        """Return a tensor's constant content, None if it is computed."""
        tensor = self.graph.tensors[number]
        content = self.model.buffers[tensor.buffer].data
        if content is None or not len(content):
            return number, None
        values = np.frombuffer(bytes(bytearray(content)), NUMBERS[tensor.type])
        if tensor.sparsity is not None:
            return number, dense(values, self.shape(number), tensor.sparsity)
        return number, values.reshape(self.shape(number))

    def operators(self) -> list[Operator]:
        return [self.read(step) for step in self.graph.operators]

    def read(self, step: tflite.OperatorT) -> Operator:
        code = self.model.operatorCodes[step.opcodeIndex]
        name = OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
        custom = {}
        if name == "CUSTOM":
            name = code.customCode.decode()
            if name == UPSAMPLES:  # a C struct: padding, stride across, stride down
                custom = {"strides": np.frombuffer(bytes(step.customOptions), np.int32)[[2, 1]].tolist()}
            elif step.customOptions is not None and len(step.customOptions):
                custom = flexbuffers.Loads(bytes(step.customOptions))
        inputs = [int(number) for number in step.inputs]
        return Operator(name, inputs, int(step.outputs[0]), step.builtinOptions, custom)

    # writing ONNX

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: object, dtype: type = np.float32) -> str:
        name = f"constant_{len(self.constants)}"
        array = np.ascontiguousarray(values, dtype).reshape(np.shape(values))
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def shapes(self, values: object) -> str:
        """Return a constant of whole numbers, as ONNX wants shapes, axes and indices."""
        return self.constant(values, np.int64)

    def slice(self, name: str, start: int, stop: int, axis: int) -> str:
        return self.add("Slice", name, self.shapes([start]), self.shapes([stop]), self.shapes([axis]))

    def as_stored(self, number: int) -> str:
        """Return the value in TFLite's own order of axes."""
        name = self.values[number]
        return self.add("Transpose", name, perm=TO_NHWC) if len(self.shape(number)) == 4 else name

    def as_kept(self, name: str, shape: list[int]) -> str:
        return self.add("Transpose", name, perm=TO_NCHW) if len(shape) == 4 else name

    def activated(self, name: str, activation: int) -> str:
        if activation == tflite.ActivationFunctionType.NONE:
            return name
        if activation == tflite.ActivationFunctionType.RELU:
            return self.add("Relu", name)
        if activation == tflite.ActivationFunctionType.RELU6:
            return self.add("Clip", name, self.constant(0.0), self.constant(6.0))
        raise NotImplementedError(f"Activation {activation} is not known here.")

    def broadcast(self, number: int, rank: int) -> str:
        """Return an operand: a value, or a constant laid out to combine with kept ones."""
        if self.known[number] is None:
            return self.values[number]
        values = self.known[number].astype(np.float32)
        if values.ndim == 4:
            values = values.transpose(TO_NCHW)
        elif rank == 4 and values.ndim == 1 and values.size > 1:
            values = values.reshape(-1, 1, 1)
        return self.constant(values)

    def convert(self) -> onnx.ModelProto:
        given = int(self.graph.inputs[0])
        entry = helper.make_tensor_value_info("input", TensorProto.FLOAT, self.shape(given))
        self.values[given] = self.as_kept("input", self.shape(given))
        for step in self.operators():
            made = CONVERSIONS[step.name](self, step)
            if made is not None:
                self.values[step.output] = made
        ends = [self.end(int(number)) for number in self.graph.outputs]
        graph = helper.make_graph(self.nodes, "network", [entry], ends, list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        return model

    def end(self, number: int) -> onnx.ValueInfoProto:
        name = self.graph.tensors[number].name.decode()
        self.nodes.append(helper.make_node("Identity", [self.as_stored(number)], [name]))
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shape(number))


def dense(values: np.ndarray, shape: list[int], sparsity: tflite.SparsityParametersT) -> np.ndarray:
    """Unpack TFLite's sparse form: a tree with a level for each axis, and one for each axis of a block."""
    places = np.zeros((1, 0), int)
    blocks = {}
    for level, axis in enumerate(sparsity.traversalOrder):
        layout = sparsity.dimMetadata[level]
        if layout.format == tflite.DimensionType.DENSE:
            counts = np.full(len(places), layout.denseSize)
            indices = np.tile(np.arange(layout.denseSize), len(places))
        else:
            counts = np.diff(layout.arraySegments.values)
            indices = np.asarray(layout.arrayIndices.values)
        places = np.column_stack([np.repeat(places, counts, axis=0), indices])
        if axis >= len(shape):
            blocks[int(sparsity.blockMap[axis - len(shape)])] = (level, layout.denseSize)
    coordinates = []
    for axis in range(len(shape)):
        outer = places[:, list(sparsity.traversalOrder).index(axis)]
        level, size = blocks.get(axis, (None, 1))
        coordinates.append(outer if level is None else outer * size + places[:, level])
    whole = np.zeros(shape, values.dtype)
    whole[tuple(coordinates)] = values
    return whole


# Each turns one operator into ONNX and returns the name of its result; None if that is a constant.


def same_constant(c: Converter, step: Operator) -> None:
    c.known[step.output] = c.known[step.inputs[0]].astype(np.float32)


def convolution(c: Converter, step: Operator) -> str:
    weights = c.known[step.inputs[1]].astype(np.float32)
    depthwise = step.name == "DEPTHWISE_CONV_2D"
    weights = weights.transpose([3, 0, 1, 2] if depthwise else TO_NCHW)
    bias = [c.constant(c.known[number]) for number in step.inputs[2:] if number >= 0]
    made = c.add(
        "Conv",
        c.values[step.inputs[0]],
        c.constant(weights),
        *bias,
        strides=[step.options.strideH, step.options.strideW],
        dilations=[step.options.dilationHFactor, step.options.dilationWFactor],
        group=weights.shape[0] if depthwise else 1,
        auto_pad=PADDINGS[step.options.padding],
        kernel_shape=list(weights.shape[2:]),
    )
    return c.activated(made, step.options.fusedActivationFunction)


def max_pool(c: Converter, step: Operator) -> str:
    return c.add(
        "MaxPool",
        c.values[step.inputs[0]],
        kernel_shape=[step.options.filterHeight, step.options.filterWidth],
        strides=[step.options.strideH, step.options.strideW],
        auto_pad=PADDINGS[step.options.padding],
    )


def average_pool(c: Converter, step: Operator) -> str:
    """Return the mean of the whole map: no network here asks for less."""
    assert c.shape(step.output)[1:3] == [1, 1]
    return c.add("GlobalAveragePool", c.values[step.inputs[0]])


def mean(c: Converter, step: Operator) -> str:
    """Return the mean of the whole map, as (1, channels): no network here asks for another."""
    assert sorted(c.known[step.inputs[1]].ravel()) == [1, 2]
    assert not step.options.keepDims
    return c.add("ReduceMean", c.values[step.inputs[0]], axes=[2, 3], keepdims=0)


def fully_connected(c: Converter, step: Operator) -> str:
    weights, bias = (c.known[number].astype(np.float32) for number in step.inputs[1:])
    made = c.add("Gemm", c.values[step.inputs[0]], c.constant(weights), c.constant(bias), transB=1)
    return c.activated(made, step.options.fusedActivationFunction)


def transposed_convolution(c: Converter, step: Operator) -> str:
    weights = c.known[step.inputs[1]].astype(np.float32).transpose([3, 0, 1, 2])
    bias = c.constant(c.known[step.inputs[2]])
    assert step.custom["strides"] == list(weights.shape[2:])  # so that padding says nothing
    return c.add("ConvTranspose", c.values[step.inputs[0]], c.constant(weights), bias, **step.custom)


def hard_swish(c: Converter, step: Operator) -> str:
    return c.add("HardSwish", c.values[step.inputs[0]])


def logistic(c: Converter, step: Operator) -> str:
    return c.add("Sigmoid", c.values[step.inputs[0]])


def prelu(c: Converter, step: Operator) -> str:
    """Return slope * x + (1 - slope) * max(x, 0), as 1x1 convolutions of each channel by itself.

    ONNX Runtime's own PRelu takes more time than all of the mesh's other steps: it is slow, and wants the
    channels in another order than the convolutions before and after it.
    """
    slope = c.known[step.inputs[1]].astype(np.float32).reshape(-1, 1, 1, 1)
    whole = c.values[step.inputs[0]]
    parts = ((whole, slope), (c.add("Relu", whole), 1 - slope))
    shares = [c.add("Conv", part, c.constant(share), group=len(slope)) for part, share in parts]
    return c.add("Add", *shares)


def relu(c: Converter, step: Operator) -> str:
    return c.add("Relu", c.values[step.inputs[0]])


def add(c: Converter, step: Operator) -> str:
    rank = len(c.shape(step.output))
    made = c.add("Add", *(c.broadcast(number, rank) for number in step.inputs))
    return c.activated(made, step.options.fusedActivationFunction)


def multiply(c: Converter, step: Operator) -> str:
    """Multiply; a transform, here (1, 2, 3), by a constant that is meant for a (1, 4, 4) one."""
    shape = c.shape(step.output)
    if shape != [1, 4, 4]:
        return c.add("Mul", *(c.broadcast(number, len(shape)) for number in step.inputs))
    factors = c.known[step.inputs[1]].astype(np.float32)[:, :2][:, :, [0, 1, 3]]
    return c.add("Mul", c.values[step.inputs[0]], c.constant(factors))


def pad(c: Converter, step: Operator) -> str:
    before, after = c.known[step.inputs[1]][TO_NCHW].T
    return c.add("Pad", c.values[step.inputs[0]], c.shapes([*before, *after]))


def reshape(c: Converter, step: Operator) -> str:
    shape = c.shape(step.output)
    return c.as_kept(c.add("Reshape", c.as_stored(step.inputs[0]), c.shapes(shape)), shape)


def concatenate(c: Converter, step: Operator) -> str:
    axis = step.options.axis
    axis = AXIS_IN_NCHW[axis] if len(c.shape(step.output)) == 4 else axis
    return c.add("Concat", *(c.values[number] for number in step.inputs), axis=axis)


def resize(c: Converter, step: Operator) -> str:
    rules = {(True, False): "align_corners", (False, True): "half_pixel", (False, False): "asymmetric"}
    rule = rules[bool(step.options.alignCorners), bool(step.options.halfPixelCenters)]
    _, height, width, channels = c.shape(step.output)
    size = c.shapes([1, channels, height, width])
    return c.add(
        "Resize", c.values[step.inputs[0]], "", "", size, mode="linear", coordinate_transformation_mode=rule
    )


def depth_to_space(c: Converter, step: Operator) -> str:
    return c.add("DepthToSpace", c.values[step.inputs[0]], blocksize=step.options.blockSize, mode="DCR")


def strided_slice(c: Converter, step: Operator) -> str:
    start, stop, stride = (c.known[number] for number in step.inputs[1:])
    axes = c.shapes(np.arange(len(start)))
    cut = c.add("Slice", c.as_stored(step.inputs[0]), c.shapes(start), c.shapes(stop), axes, c.shapes(stride))
    return c.as_kept(cut, c.shape(step.output))


def transform_matrix(c: Converter, step: Operator) -> str:
    """Return the (1, 2, 3) map from a small upright image's pixels to the face region it is cut from.

    The region is the upright box of the landmarks `subset_idxs`, seen along the line from the left
    to the right eye, times a scale; the small image is `output_width` by `output_height`.
    """
    options = step.custom
    flat = c.slice(c.values[step.inputs[0]], 0, 2, 2)  # (1, 468, 2)
    left, right = (
        c.add("Gather", flat, c.shapes([options[f"{side}_rotation_idx"]]), axis=1)
        for side in ("left", "right")
    )
    along = c.add("Sub", right, left)
    length = c.add("ReduceSum", c.add("Mul", along, along), c.shapes([2]), keepdims=1)
    along = c.add("Div", along, c.add("Sqrt", length))
    cos, sin = c.slice(along, 0, 1, 2), c.slice(along, 1, 2, 2)
    minus_sin = c.add("Neg", sin)
    # Points are rows, so `points @ turn` turns them upright.
    turn = c.add("Concat", c.add("Concat", cos, minus_sin, axis=2), c.add("Concat", sin, cos, axis=2), axis=1)
    back = c.add("Transpose", turn, perm=[0, 2, 1])
    upright = c.add("MatMul", c.add("Gather", flat, c.shapes(options["subset_idxs"]), axis=1), turn)
    low = c.add("ReduceMin", upright, axes=[1], keepdims=1)
    high = c.add("ReduceMax", upright, axes=[1], keepdims=1)
    centre = c.add("MatMul", c.add("Mul", c.add("Add", low, high), c.constant(0.5)), back)
    width, height = options["output_width"], options["output_height"]
    per_pixel = c.constant([[[options["scale_x"] / width, options["scale_y"] / height]]])
    step_size = c.add("Transpose", c.add("Mul", c.add("Sub", high, low), per_pixel), perm=[0, 2, 1])
    linear = c.add("Mul", step_size, back)  # (1, 2, 2): a pixel's (x, y) as a row, times this
    middle = c.constant([[[width / 2, height / 2]]])
    shift = c.add("Sub", centre, c.add("MatMul", middle, linear))
    return c.add("Transpose", c.add("Concat", linear, shift, axis=1), perm=[0, 2, 1])


def transformed(c: Converter, points: str, matrix: str) -> str:
    """Return (1, n, 2) points mapped by a (1, 2, 3) transform."""
    rows = c.add("Transpose", matrix, perm=[0, 2, 1])
    return c.add("Add", c.add("MatMul", points, c.slice(rows, 0, 2, 1)), c.slice(rows, 2, 3, 1))


def transform_landmarks(c: Converter, step: Operator) -> str:
    points, matrix = (c.values[number] for number in step.inputs)
    return transformed(c, points, matrix)


def transform_tensor(c: Converter, step: Operator) -> str:
    """Cut the region that the transform says out of a feature map, bilinearly, zero outside."""
    _, height, width, _ = c.shape(step.output)
    _, map_height, map_width, _ = c.shape(step.inputs[0])
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x + 0.5, y + 0.5], axis=-1).reshape(1, -1, 2)
    places = c.add("Sub", transformed(c, c.constant(pixels), c.values[step.inputs[1]]), c.constant(0.5))
    unit = c.add("Mul", places, c.constant([2 / (map_width - 1), 2 / (map_height - 1)]))
    grid = c.add("Reshape", c.add("Sub", unit, c.constant(1.0)), c.shapes([1, height, width, 2]))
    return c.add(
        "GridSample",
        c.values[step.inputs[0]],
        grid,
        mode="bilinear",
        padding_mode="zeros",
        align_corners=1,
    )


CONVERSIONS: dict[str, Callable[[Converter, Operator], str | None]] = {
    "DEQUANTIZE": same_constant,
    "DENSIFY": same_constant,  # `Converter.stored` has unpacked it
    "CONV_2D": convolution,
    "DEPTHWISE_CONV_2D": convolution,
    "MAX_POOL_2D": max_pool,
    "AVERAGE_POOL_2D": average_pool,
    "MEAN": mean,
    "FULLY_CONNECTED": fully_connected,
    "HARD_SWISH": hard_swish,
    "LOGISTIC": logistic,
    UPSAMPLES: transposed_convolution,
    "PRELU": prelu,
    "RELU": relu,
    "ADD": add,
    "MUL": multiply,
    "PAD": pad,
    "RESHAPE": reshape,
    "CONCATENATION": concatenate,
    "RESIZE_BILINEAR": resize,
    "DEPTH_TO_SPACE": depth_to_space,
    "STRIDED_SLICE": strided_slice,
    "Landmarks2TransformMatrix": transform_matrix,
    "TransformLandmarks": transform_landmarks,
    "TransformTensorBilinear": transform_tensor,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Convert MediaPipe's networks to ONNX.")
    parser.add_argument("wheel", type=Path, help="mediapipe-0.10.21-*.whl")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    with zipfile.ZipFile(options.wheel) as wheel:
        for name, member in NETWORKS.items():
            model = tflite.ModelT.InitFromObj(tflite.Model.GetRootAsModel(wheel.read(member), 0))
            content = Converter(model).convert().SerializeToString(deterministic=True)
            (options.into / f"{name}.onnx").write_bytes(content)
            print(f"{hashlib.sha256(content).hexdigest()}  {name}.onnx")


if __name__ == "__main__":
    main()
