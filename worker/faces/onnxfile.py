"""Read one constant out of an ONNX file, which ONNX Runtime runs but does not show.

Protocol Buffers: a message is a run of fields, each a number, a wire type and a value. The numbers here are
those of onnx.proto3. Values are passed over in the file, so that its size does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

GRAPH, INITIALIZER = 7, 5  # of ModelProto, of GraphProto
DIMS, DATA_TYPE, FLOAT_DATA, RAW_DATA = 1, 2, 4, 9  # of TensorProto
TYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 10: np.dtype("<f2")}
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5
FIXED = {FIXED_64: 8, FIXED_32: 4}

Span = tuple[int, int, int]  # a field's number, where its value begins, and its length


def last_initializer(path: Path) -> np.ndarray | None:
    """Return the last constant of the graph as float32; None if there is none, or it is not of floats."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        for number, start, length in spans(file, 0, end):
            if number == GRAPH:
                constants = [
                    (at, size)
                    for inner, at, size in spans(file, start, start + length)
                    if inner == INITIALIZER
                ]
                return tensor(file, *constants[-1]) if constants else None
    return None


def tensor(file: BinaryIO, start: int, length: int) -> np.ndarray | None:
    """Return the TensorProto that lies there."""
    shape, kind, content = [], 1, b""
    for number, at, size in spans(file, start, start + length):
        file.seek(at)
        value = file.read(size)
        if number == DIMS:
            shape += varints(value)
        elif number == DATA_TYPE:
            kind = varints(value)[0]
        elif number in (FLOAT_DATA, RAW_DATA):
            content += value
    if kind not in TYPES or len(content) != TYPES[kind].itemsize * int(np.prod(shape)):
        return None
    return np.frombuffer(content, TYPES[kind]).reshape(shape).astype(np.float32)


def spans(file: BinaryIO, start: int, end: int) -> Iterator[Span]:
    """Yield the fields of the message that lies there."""
    while start < end:
        file.seek(start)
        key, used = varint(file.read(10))
        number, wire = key >> 3, key & 7
        start += used
        if wire == BYTES:
            file.seek(start)
            length, used = varint(file.read(10))
            start += used
        elif wire == VARINT:
            file.seek(start)
            length = varint(file.read(10))[1]
        elif wire in FIXED:
            length = FIXED[wire]
        else:
            raise ValueError(f"Wire type {wire} is none of Protocol Buffers' own.")
        yield number, start, length
        start += length


def varints(content: bytes) -> list[int]:
    """Return the whole numbers of a value, one or packed several."""
    found = []
    while content:
        value, used = varint(content)
        found.append(value)
        content = content[used:]
    return found


def varint(content: bytes) -> tuple[int, int]:
    """Return the number that stands first, and how many bytes it takes."""
    value = 0
    for place, byte in enumerate(content):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, place + 1
    raise ValueError("A number does not end.")
