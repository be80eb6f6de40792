"""The seam for networks, proved with tiny ones of the inswapper family's inputs, outputs and ranges."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from worker.engines import OWN_NETWORKS, digest, make
from worker.engines.swap.cutout import Cutout, box_round, cut
from worker.engines.swap.neural import RECOGNIZER, SWAPPER, NeuralEngine, code_of, engine_for
from worker.engines.swap.quality import QUALITIES
from worker.engines.swap.render import Renderer
from worker.engines.swap.texture import PhotoEngine
from worker.errors import BadEngine
from worker.faces.align import ARCFACE_128, aligned, five_points, similarity
from worker.faces.onnxfile import last_initializer
from worker.faces.smooth import Face
from worker.faces.track import landmarks_of_photo
from worker.media.picture import Picture, from_rgb
from worker.tests.clipmaking import write_clip
from worker.tests.faceclips import ASTRONAUT, FRAME_TIMES, HOPPER, SIZE, moving_face, portrait
from worker.tests.test_swap_job import quiet, task
from worker.tests.test_swap_render import TO_RGB, TO_YUV, face_in

EMAP = np.random.default_rng(4).normal(size=(512, 512)).astype(np.float32)


def tensor(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def save(path: Path, nodes: list, inputs: list, outputs: list, constants: dict[str, np.ndarray]) -> None:
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "stand-in", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


def save_recognizer(path: Path) -> None:
    """The face is recognized by the colours of a coarse grid, as 512 numbers."""
    nodes = [
        helper.make_node("AveragePool", ["data"], ["grid"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Reshape", ["grid", "flat"], ["long"]),
        helper.make_node("Slice", ["long", "from", "to", "axis"], ["embedding"]),
    ]
    constants = {
        "flat": np.array([1, 3 * 14 * 14], np.int64),
        "from": np.array([0], np.int64),
        "to": np.array([512], np.int64),
        "axis": np.array([1], np.int64),
    }
    save(path, nodes, [tensor("data", [1, 3, 112, 112])], [tensor("embedding", [1, 512])], constants)


def save_swapper(path: Path, *, target: str = "target", emap: np.ndarray | None = EMAP) -> None:
    """output = target with red and blue exchanged, plus twice the code's first number.

    The inputs are declared the other way round than the engine names them.
    """
    nodes = [
        helper.make_node("Gather", [target, "bgr"], ["turned"], axis=1),
        helper.make_node("Gather", ["source", "first"], ["number"], axis=1),
        helper.make_node("Mul", ["number", "twice"], ["trace"]),
        helper.make_node("Add", ["turned", "trace"], ["output"]),
    ]
    constants = {
        "bgr": np.array([2, 1, 0], np.int64),
        "first": np.array([0], np.int64),
        "twice": np.array(2.0, np.float32),
    }
    if emap is not None:
        constants["emap"] = emap
        nodes.insert(0, helper.make_node("Identity", ["emap"], ["unused"]))
    inputs = [tensor("source", [1, 512]), tensor(target, [1, 3, 128, 128])]
    save(path, nodes, inputs, [tensor("output", [1, 3, 128, 128])], constants)


@pytest.fixture(scope="module")
def networks(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    save_recognizer(folder / RECOGNIZER)
    save_swapper(folder / SWAPPER)
    return folder


@pytest.fixture(scope="module")
def engine(networks) -> NeuralEngine:
    return NeuralEngine(networks)


def prepared(engine: NeuralEngine, path: Path):
    photo = portrait(path)
    return engine.prepare(photo, landmarks_of_photo(photo), face_height=300, to_yuv=TO_YUV)


def test_the_last_constant_of_a_file_is_found(networks):
    assert np.array_equal(last_initializer(networks / SWAPPER), EMAP)


def test_half_floats_are_read_too(tmp_path):
    save_swapper(tmp_path / SWAPPER, emap=EMAP.astype(np.float16))

    assert np.array_equal(last_initializer(tmp_path / SWAPPER), EMAP.astype(np.float16).astype(np.float32))


def test_the_code_is_a_unit_vector_by_a_known_matrix():
    """Golden: the unit face times the matrix, made a unit vector once more."""
    found = np.zeros((1, 512), np.float32)
    found[0, :2] = 3, 4
    matrix = np.zeros((512, 512), np.float32)
    matrix[0, 5], matrix[1, 7] = 2, 1

    code = code_of(found, matrix)

    assert code.shape == (1, 512)
    assert code.dtype == np.float32
    assert code[0, [5, 7]] == pytest.approx(np.array([1.2, 0.8]) / np.hypot(1.2, 0.8))
    assert np.linalg.norm(code) == pytest.approx(1)


def test_two_people_have_two_codes(engine):
    assert np.abs(prepared(engine, ASTRONAUT).code - prepared(engine, HOPPER).code).max() > 0.01


def test_a_face_lies_in_the_square_where_the_template_says():
    image = portrait(ASTRONAUT)
    matrix = similarity(five_points(landmarks_of_photo(image)), ARCFACE_128 * 128)

    square = cv2.resize(aligned(image, matrix, 128), (384, 384), interpolation=cv2.INTER_CUBIC)

    found = (five_points(landmarks_of_photo(square)) + 0.5) / 3 - 0.5
    assert np.abs(found - ARCFACE_128 * 128).max() < 6


def test_a_similarity_finds_what_was_done():
    rng = np.random.default_rng(1)
    points, angle = rng.uniform(0, 100, (5, 2)), 0.3
    turn = 1.7 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    matrix = similarity(points, points @ turn.T + (5, -8))

    assert matrix == pytest.approx(np.column_stack([turn, (5, -8)]))


@pytest.mark.parametrize("zoom", [0.2, 0.5, 1.5])
def test_a_square_shows_the_same_place_however_large_the_picture_is(zoom):
    """A resize counts pixels from their corners, a matrix from their middles."""
    y, x = np.mgrid[0:600, 0:600]
    bump = (255 * np.exp(-((x - 300) ** 2 + (y - 240) ** 2) / (2 * (8 / zoom) ** 2))).astype(np.uint8)
    matrix = np.array([[zoom, 0, 64 - 300 * zoom], [0, zoom, 64 - 240 * zoom]])

    square = aligned(bump, matrix, 128).astype(float)

    rows, columns = np.mgrid[0:128, 0:128]
    middle = (columns * square).sum() / square.sum(), (rows * square).sum() / square.sum()
    assert middle == pytest.approx((64, 64), abs=0.15)


@pytest.fixture
def scene(engine):
    """The astronaut's picture, the face in it, and what the network is to make of it."""
    image = np.ascontiguousarray(portrait(ASTRONAUT)[:300, 60:380])
    return image, face_in(image), prepared(engine, HOPPER)


def test_what_the_network_makes_comes_to_lie_where_it_was_taken_from(scene):
    """Unlit: what the light makes of it is the same for every engine."""
    image, face, texture = scene
    cutout = cutout_of(from_rgb(image), face)

    layer = texture.lay(cutout, face.pose.scale, 2)

    made, own = rgb(layer.luma, layer.chroma) - trace(texture), rgb(cutout.luma, cutout.chroma)
    for point in (50, 280, 4, 152):  # both cheeks, nose, chin
        x, y = cutout.own[point, :2].astype(int)
        here = slice(y - 3, y + 4), slice(x - 3, x + 4)
        assert made[here].mean(axis=(0, 1)) == pytest.approx(own[here].mean(axis=(0, 1))[::-1], abs=8)
    assert layer.cover[tuple((cutout.own[4, 1::-1] / 2).astype(int))] == pytest.approx(1)
    assert layer.cover[0, 0] == 0


def test_colour_lies_where_light_does(scene):
    """On a picture whose colour runs from side to side, a shift of a pixel or two would show."""
    image, face, texture = scene
    ramp = np.tile(np.linspace(70, 190, image.shape[1]), (image.shape[0], 1))
    picture = from_rgb(np.dstack([np.full_like(ramp, 128), np.full_like(ramp, 128), ramp]).astype(np.uint8))
    cutout = cutout_of(picture, face)

    layer = texture.lay(cutout, face.pose.scale, 2)

    made, own = rgb(layer.luma, layer.chroma), rgb(cutout.luma, cutout.chroma)
    inside = cv2.resize(layer.cover, made.shape[1::-1]) > 0.99
    off = (made - trace(texture) - own[..., ::-1])[inside]
    assert np.abs(off.mean(axis=0)).max() < 1.5


def test_the_source_has_a_say(engine, scene):
    image, face, texture = scene
    cutout = cutout_of(from_rgb(image), face)
    other = prepared(engine, ASTRONAUT)

    made = [each.lay(cutout, face.pose.scale, 2).luma.astype(float).mean() for each in (texture, other)]

    asked = 219 * 2 * (texture.code[0, 0] - other.code[0, 0])
    assert abs(asked) > 3
    assert made[0] - made[1] == pytest.approx(asked, abs=0.5)


def cutout_of(picture: Picture, face: Face) -> Cutout:
    box = box_round(picture, face.landmarks)
    assert box is not None
    return cut(picture, box, face.landmarks, face.landmarks)


def trace(texture) -> float:
    """Return how much brighter the stand-in makes its square, of 255."""
    return 255 * 2 * float(texture.code[0, 0])


def rgb(luma: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    planes = cv2.merge([luma, *cv2.split(cv2.resize(chroma, luma.shape[::-1]))])
    return cv2.transform(planes.astype(np.float32), TO_RGB)


def test_the_network_changes_nothing_beyond_the_face(scene):
    image, face, texture = scene
    picture, before = from_rgb(image), from_rgb(image)

    assert Renderer(texture, face.shape, TO_RGB, QUALITIES["balanced"]).render(picture, face)

    low, high = (find(face.landmarks[:468, :2], axis=0).astype(int) for find in (np.min, np.max))
    beyond = np.ones(picture.y.shape, bool)
    beyond[low[1] - 6 : high[1] + 6, low[0] - 6 : high[0] + 6] = False
    assert np.array_equal(picture.y[beyond], before.y[beyond])
    assert np.abs(picture.y.astype(int) - before.y).max() > 10


def test_a_whole_job_runs_through_the_networks(networks, tmp_path, monkeypatch):
    monkeypatch.setenv(OWN_NETWORKS, str(networks))
    clip = write_clip(tmp_path / "clip.mp4", times=list(FRAME_TIMES)[:8], size=SIZE, draw=moving_face)

    result = make(task(clip, tmp_path / "out.mp4", source_image=HOPPER), quiet)

    assert result.swapped == 8


def test_with_other_networks_a_killed_job_begins_anew(networks, monkeypatch):
    monkeypatch.setenv(OWN_NETWORKS, str(networks))

    assert digest.engine.__wrapped__() != bare_engine(monkeypatch)


def bare_engine(monkeypatch) -> list[str]:
    monkeypatch.delenv(OWN_NETWORKS)
    return digest.engine.__wrapped__()


def test_without_the_setting_the_photo_is_bent():
    assert isinstance(engine_for({}), PhotoEngine)


def missing(folder: Path) -> None:
    (folder / SWAPPER).unlink()


def no_network(folder: Path) -> None:
    (folder / SWAPPER).write_bytes(b"these are no weights")


def other_names(folder: Path) -> None:
    save_swapper(folder / SWAPPER, target="image")


def no_matrix(folder: Path) -> None:
    save_swapper(folder / SWAPPER, emap=np.zeros((3, 3), np.float32))


@pytest.mark.parametrize("harm", [missing, no_network, other_names, no_matrix])
def test_networks_that_do_not_fit_are_refused_in_a_sentence(tmp_path, harm):
    save_recognizer(tmp_path / RECOGNIZER)
    save_swapper(tmp_path / SWAPPER)
    harm(tmp_path)

    with pytest.raises(BadEngine, match=r"swapper\.onnx.*\.$"):
        engine_for({OWN_NETWORKS: str(tmp_path)})
