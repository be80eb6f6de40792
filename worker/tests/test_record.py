from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pytest

from worker.engines.record import (
    OF,
    READ,
    Looks,
    Record,
    Spans,
    Trembling,
    model_digests,
    texture,
    textures,
)
from worker.faces.moment import Moment
from worker.faces.pose import pose_of
from worker.faces.smooth import Face
from worker.faces.topology import FACE_TRIANGLES, MODELS, POINTS
from worker.media.picture import Picture


def test_frames_that_follow_each_other_are_one_span():
    spans = Spans()

    for begin in (0.0, 0.04, 0.08, 1.0):
        spans.add(begin, begin + 0.04)

    assert spans.closed == [(0.0, 0.12), (1.0, 1.04)]


def test_too_many_spans_are_joined_where_they_are_nearest():
    spans = Spans(most=3)

    for begin in (0.0, 5.0, 5.5, 20.0):
        spans.add(begin, begin + 0.04)

    assert spans.closed == [(0.0, 0.04), (5.0, 5.54), (20.0, 20.04)]


def test_looks_are_taken_at_intervals_that_grow_with_the_video():
    looks = Looks(every=1.0, most=8)

    for seconds in np.arange(0, 200, 0.04):
        if looks.is_due(seconds):
            looks.add(float(seconds), 0.4)

    times = [seconds for seconds, _ in looks.taken]
    assert len(times) < 8
    assert times[0] == 0
    assert times[-1] > 150
    assert np.ptp(np.diff(times)) < 0.2


def test_what_only_moves_evenly_does_not_tremble():
    trembling, skin = Trembling(), np.linspace(50, 200, len(FACE_TRIANGLES))

    for step in range(6):
        trembling.add(1, skin + step + (step % 2), skin + 3 * step, is_new=False)

    assert trembling.ratio == pytest.approx(0, abs=1e-6)
    assert trembling.own > 0


def test_trembling_twice_as_much_is_a_ratio_of_two():
    rng, trembling = np.random.default_rng(1), Trembling()

    for _ in range(50):
        noise = rng.normal(size=900)
        trembling.add(1, 100 + noise, 100 + 2 * noise, is_new=False)

    assert trembling.ratio == pytest.approx(2)


def test_a_cut_is_no_trembling():
    trembling = Trembling()

    for level, is_new in ((50, False), (50, False), (200, True), (200, False), (200, False)):
        trembling.add(1, np.full(900, level), np.full(900, level), is_new=is_new)

    assert trembling.ratio is None


def test_two_people_do_not_disturb_each_other():
    trembling = Trembling()

    for _ in range(5):
        trembling.add(1, np.full(900, 50), np.full(900, 50), is_new=False)
        trembling.add(2, np.full(900, 200), np.full(900, 200), is_new=False)

    assert trembling.own == 0


def flickering(light: Callable[[int], int], count: int = 3 * OF) -> Record:
    """Return the record of a video whose one face is as light as said in each picture, and made as it is."""
    record = Record(rate=25)
    landmarks = np.random.default_rng(3).uniform(10, 90, (POINTS, 3)).astype(np.float32)
    face = Face(landmarks=landmarks, pose=pose_of(landmarks), shape=landmarks, presence=1, is_new=False)
    half = np.zeros((50, 50), np.uint8)
    for index in range(count):
        picture = Picture(np.full((100, 100), light(index), np.uint8), half, half)
        moment = Moment(index=index, picture=picture, people={1: face})
        record.note(moment, textures(moment), at=index / 25, is_swapped=True)
    return record


def test_flicker_is_read_in_runs_and_what_happens_between_is_no_jerk():
    steps = flickering(lambda index: 50 + 50 * (index // OF))

    assert steps.trembling.own == 0
    assert steps.swapped == 3 * OF


def test_flicker_is_seen_in_every_run():
    lights = [50, 60]
    blinking = flickering(lambda index: lights[index % 2])

    assert blinking.trembling.own == pytest.approx(3 * (READ - 2) * 20)


def test_texture_is_the_luma_at_the_middle_of_each_triangle():
    luma = np.tile(np.arange(200, dtype=np.uint8), (100, 1))
    landmarks = np.random.default_rng(2).uniform(10, 90, (POINTS, 3)).astype(np.float32)

    found = texture(luma, landmarks)

    assert np.abs(found - landmarks[FACE_TRIANGLES, 0].mean(axis=1)).max() < 0.6


def test_the_networks_are_named_by_the_digests_of_their_files():
    for name, digest in model_digests().items():
        assert hashlib.sha256((MODELS / f"{name}.onnx").read_bytes()).hexdigest() == digest
    assert "mesh_attention" in model_digests()
