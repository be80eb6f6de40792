from __future__ import annotations

import numpy as np
import pytest

from worker.engines.swap.bend import bend_piece
from worker.engines.swap.cutout import Cutout
from worker.faces import topology
from worker.faces.views import Box
from worker.tests.faceclips import ASTRONAUT, portrait
from worker.tests.test_swap_render import face_in


def test_a_mouth_that_is_not_bent_keeps_its_colours_to_its_edge():
    image = portrait(ASTRONAUT)
    points = face_in(image).landmarks
    height, width = (side // 2 * 2 for side in image.shape[:2])
    ramp = np.stack(np.mgrid[: height // 2, : width // 2], axis=-1).astype(np.float32)
    cutout = Cutout(
        box=Box(left=0, top=0, right=width, bottom=height),
        luma=np.zeros((height, width), np.uint8),
        chroma=ramp,
        own=points,
        new=points,
        face=200.0,
    )

    piece = bend_piece(cutout, topology.LIPS_INNER, topology.MOUTH_TRIANGLES)

    seen = piece.covered.reshape(piece.box.height // 2, 2, -1, 2).any(axis=(1, 3))
    assert seen.any()
    assert piece.chroma[seen] == pytest.approx(piece.box.halved().of(ramp)[seen], abs=0.5)
