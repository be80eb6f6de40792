from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from worker.faces.moment import Moment
from worker.faces.pose import reference
from worker.faces.smooth import FADE, Smoother
from worker.media.picture import Picture


def face(x: float = 300, size: float = 100) -> np.ndarray:
    """The reference face with its irises, its nose at about x."""
    irises = np.repeat(reference()[[159, 386]], 5, axis=0)
    points = np.concatenate([reference(), irises])
    return (points * size + (x, 240, 0)).astype(np.float32)


def moments(landmarks: list, cuts: tuple[int, ...] = ()) -> list[Moment]:
    nothing = np.zeros((2, 2), np.uint8)
    return [
        Moment(
            index=index,
            picture=Picture(nothing, nothing, nothing),
            is_cut=index in cuts,
            people={} if points is None else {7: points},
        )
        for index, points in enumerate(landmarks)
    ]


def run(landmarks: list, cuts: tuple[int, ...] = ()) -> list:
    """Return (index, calm face or None) for each picture."""
    out = Smoother().run(moments(landmarks, cuts))
    return [(moment.index, moment.people.get(7)) for moment in out]


def test_every_frame_comes_out_once_and_in_order():
    landmarks = [face() if index % 3 else None for index in range(20)]

    out = run(landmarks)

    assert [payload for payload, _ in out] == list(range(20))
    assert [seen is None for _, seen in out] == [points is None for points in landmarks]


def test_trembling_is_calmed():
    rng = np.random.default_rng(4)
    truth = face()
    noisy = [truth + rng.normal(0, 0.8, truth.shape).astype(np.float32) for _ in range(24)]

    calm = [seen.landmarks for _, seen in run(noisy)]

    before, after = (np.std(series, axis=0)[:, :2].mean() for series in (noisy, calm))
    assert after < 0.6 * before


def speaking(rng: np.random.Generator, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return how far the chin is down in each of 40 pictures, five times a second, and the faces so seen."""
    down = 4 * np.sin(2 * np.pi * np.arange(40) / 6)
    share = np.clip(face()[:, 1] - 300, 0, 30)[:, None] / 30 * (0, 1, 0)
    faces = face() + down[:, None, None] * share + rng.normal(0, noise, (40, 478, 3))
    return down, faces.astype(np.float32)


def test_a_speaking_jaw_is_followed_and_does_not_tremble():
    down, seen = speaking(np.random.default_rng(5), noise=1.0)
    jaw = np.flatnonzero(reference()[:, 1] > 0.95)

    calm = np.array([each.landmarks for _, each in run(list(seen))])[:, jaw, 1]

    moved = calm - calm.mean(axis=0)
    assert np.polyfit(down, moved.mean(axis=1), 1)[0] > 0.9
    assert (moved - down[:, None]).std() < 0.75


def test_the_head_does_not_nod_with_the_jaw():
    _, seen = speaking(np.random.default_rng(5), noise=0.0)
    brows = np.flatnonzero(reference()[:, 1] < -0.1)

    calm = np.array([each.landmarks for _, each in run(list(seen))])[:, brows]

    assert calm == pytest.approx(np.broadcast_to(face()[brows], calm.shape), abs=0.05)


def test_a_steadily_moving_face_is_not_delayed():
    moving = [face(300 + 3 * index) for index in range(20)]

    out = run(moving)

    for index in range(6, 14):
        assert out[index][1].landmarks == pytest.approx(moving[index], abs=0.2)


def test_a_cut_starts_anew():
    out = run([face(300)] * 8 + [face(330)] * 8, cuts=(8,))

    assert out[7][1].landmarks == pytest.approx(face(300), abs=0.1)
    assert out[8][1].landmarks == pytest.approx(face(330), abs=0.1)
    assert [seen.is_new for _, seen in out] == [index in (0, 8) for index in range(16)]
    assert {seen.presence for _, seen in out} == {1.0}


def test_each_track_is_calmed_for_itself():
    rng = np.random.default_rng(4)
    noisy = [face() + rng.normal(0, 0.8, (478, 3)).astype(np.float32) for _ in range(12)]
    both = [replace(moment, people=moment.people | {9: face(900)}) for moment in moments(noisy)]

    together, alone = list(Smoother().run(both)), run(noisy)

    for moment, (_, seen) in zip(together, alone, strict=True):
        assert (moment.people[7].landmarks == seen.landmarks).all()
        assert moment.people[9].landmarks == pytest.approx(face(900), abs=0.1)


def test_the_swap_fades_with_a_face_that_goes_and_comes():
    out = run([face()] * 8 + [None] * 3 + [face()] * 8)

    presence = [seen.presence if seen else 0 for _, seen in out]
    ramp = [step / (FADE + 1) for step in range(1, FADE + 1)]
    assert presence[8 - FADE : 8] == ramp[::-1]
    assert presence[11 : 11 + FADE] == ramp
    assert presence[0] == presence[-1] == 1
    assert [index for index, seen in out if seen and seen.is_new] == [0, 11]


def test_a_cut_to_a_faceless_scene_does_not_fade():
    out = run([face()] * 8 + [None] * 5, cuts=(8,))

    assert [seen.presence for _, seen in out[:8]] == [1.0] * 8
