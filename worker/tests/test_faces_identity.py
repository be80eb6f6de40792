"""Who is who. `dlib_embeddings.npy` holds what dlib 20.0.1 itself makes of the astronaut and the admiral.

Two rows of the squares that we cut, then two of those that dlib cuts with its own detector and five points.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from worker.faces.crowd import Crowd
from worker.faces.identity import SAME, SIDE, Identifier, chip, distance
from worker.faces.track import landmarks_of_photo
from worker.faces.views import PlanesView, RgbView, rgb_of_yuv
from worker.media.picture import from_rgb
from worker.tests.faceclips import ASTRONAUT, HOPPER, portrait

DLIB = np.load(Path(__file__).parent / "dlib_embeddings.npy")


@pytest.fixture(scope="module")
def identifier() -> Identifier:
    return Identifier()


def embedding(identifier: Identifier, image: np.ndarray) -> np.ndarray:
    image = np.ascontiguousarray(image)
    return identifier.embedding(RgbView(image), landmarks_of_photo(image))


@pytest.mark.parametrize(("number", "path"), [(0, ASTRONAUT), (1, HOPPER)])
def test_the_network_answers_as_dlibs_own(identifier, number, path):
    assert distance(embedding(identifier, portrait(path)), DLIB[number]) < 0.01


@pytest.mark.parametrize(("number", "path"), [(2, ASTRONAUT), (3, HOPPER)])
def test_a_square_cut_by_the_mesh_is_near_enough_to_dlibs(identifier, number, path):
    assert distance(embedding(identifier, portrait(path)), DLIB[number]) < SAME / 3


def mirrored(image: np.ndarray) -> np.ndarray:
    return image[:, ::-1]


def small(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def dark(image: np.ndarray) -> np.ndarray:
    return (image * 0.5).astype(np.uint8)


def turned(image: np.ndarray) -> np.ndarray:
    middle = image.shape[1] / 2, image.shape[0] / 2
    return cv2.warpAffine(image, cv2.getRotationMatrix2D(middle, 20, 1), image.shape[1::-1])


@pytest.mark.parametrize("change", [mirrored, small, dark, turned])
@pytest.mark.parametrize("path", [ASTRONAUT, HOPPER])
def test_a_person_stays_the_same(identifier, path, change):
    one, other = (embedding(identifier, image) for image in (portrait(path), change(portrait(path))))

    assert distance(one, other) < SAME


def test_two_people_are_two(identifier):
    one, other = (embedding(identifier, portrait(path)) for path in (ASTRONAUT, HOPPER))

    assert distance(one, other) > SAME


def test_planes_tell_the_same_as_rgb(identifier):
    image = np.ascontiguousarray(portrait(ASTRONAUT)[:512, :512])
    planes = PlanesView(*from_rgb(image).planes, rgb_of_yuv("bt709", full_range=False))

    seen = identifier.embedding(planes, landmarks_of_photo(image))

    assert distance(seen, embedding(identifier, image)) < 0.15


@pytest.mark.parametrize(("moved", "shown"), [(-225, True), (-400, False)])
def test_what_lies_beyond_the_picture_is_black(moved, shown):
    image = portrait(ASTRONAUT)

    cut = chip(RgbView(image), landmarks_of_photo(image) + np.float32([moved, 0, 0]))

    assert cut.shape == (SIDE, SIDE, 3)
    assert not cut[:, : SIDE // 4].any()
    assert cut[:, -SIDE // 4 :].any() == shown


def test_the_same_face_twice_is_the_same_embedding(identifier):
    image = portrait(ASTRONAUT)
    points = landmarks_of_photo(image)

    once, again = (each.embedding(RgbView(image), points) for each in (identifier, Identifier()))

    assert (once == again).all()
    assert (once == identifier.embedding(RgbView(image), points)).all()


def two_people(identifier: Identifier, *paths: Path) -> dict[Path, np.ndarray]:
    """Return both embeddings out of one picture, in which they stand from left to right as given."""
    side_by_side = np.concatenate([portrait(path)[:512] for path in paths], axis=1)
    view = RgbView(side_by_side)
    found = sorted(Crowd(rate=30).follow(view).values(), key=lambda points: points[:, 0].mean())
    return {path: identifier.embedding(view, points) for path, points in zip(paths, found, strict=True)}


def test_who_stands_left_does_not_matter(identifier):
    one, other = two_people(identifier, ASTRONAUT, HOPPER), two_people(identifier, HOPPER, ASTRONAUT)

    assert {path: distance(one[path], other[path]) < 0.1 for path in one} == {ASTRONAUT: True, HOPPER: True}
    assert distance(one[ASTRONAUT], other[HOPPER]) > SAME


OPENED = """
from pathlib import Path
from worker.faces import identity

def most_mib():
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) // 1024

before = most_mib()
identity.Identifier()
print(most_mib() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process the most memory it held")
def test_opening_the_network_takes_little_more_memory_than_its_weights():
    weights = 22  # MiB: they are kept in half of that, and computed with in float32
    told = subprocess.run([sys.executable, "-c", OPENED], check=True, capture_output=True, text=True)

    assert int(told.stdout) < 2.5 * weights
