from __future__ import annotations

import pytest

from worker.engines.swap.scout import EVERY, PLACES, RUN, glimpses, scout
from worker.faces.views import rgb_of_yuv
from worker.tests.clipmaking import write_clip
from worker.tests.faceclips import FRAME_TIMES, SIZE, moving_face, plain_grey

TO_RGB = rgb_of_yuv("bt601", False)


def test_the_face_of_a_clip_is_found_and_measured(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times=FRAME_TIMES, size=SIZE, draw=moving_face)

    findings = scout(clip, TO_RGB)

    assert findings.size == pytest.approx(109, rel=0.06)
    assert findings.neutral.shape == (478, 3)


def test_a_clip_without_a_face_yields_nothing(tmp_path):
    assert scout(write_clip(tmp_path / "in.mp4", size=SIZE, draw=plain_grey), TO_RGB) is None


def test_a_long_clip_is_looked_at_no_more_often(tmp_path):
    clip = write_clip(tmp_path / "in.mp4", times=range(0, 40_000, 40), size=(64, 48), draw=plain_grey)

    seen = list(glimpses(clip))

    assert PLACES / 2 <= len(seen) <= PLACES * RUN / EVERY
