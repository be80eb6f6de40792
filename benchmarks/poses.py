"""Lay a portrait's extreme poses side by side: `python -m benchmarks.poses sheet.png portrait.jpg`."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from worker.engines.sing.canvas import frame_portrait
from worker.engines.sing.motion import Expression
from worker.engines.sing.paint import Painter
from worker.faces.track import landmarks_of_photo
from worker.media.photo import read_photo
from worker.media.picture import to_rgb

REST = {"opening": 0.0, "width": 0.0, "blink": 0.0, "brows": 0.0, "zoom": 1.0}


def turned(pitch: float = 0, yaw: float = 0, roll: float = 0) -> dict:
    """Return the turn by those degrees."""
    return {"turn": np.radians([pitch, yaw, roll])}


POSES: dict[str, dict] = {
    "rest": {},
    "left": turned(yaw=-12),
    "right": turned(yaw=12),
    "up": turned(pitch=-8),
    "down": turned(pitch=8),
    "roll": turned(roll=8),
    "roll back": turned(roll=-8),
    "half": {"opening": 0.5},
    "open": {"opening": 1.0},
    "wide": {"opening": 0.4, "width": 1.0},
    "round": {"opening": 0.4, "width": -1.0},
    "half shut": {"blink": 0.5},
    "shut": {"blink": 1.0},
    "brows": {"brows": 1.0},
    "smile": {"smile": 1.0},
    "frown": {"smile": -1.0},
    "look left": {"gaze": (-0.3, 0)},
    "look right": {"gaze": (0.3, 0)},
    "look up": {"gaze": (0, -0.25)},
    "look down": {"gaze": (0, 0.25)},
}


def expression(**given: object) -> Expression:
    return Expression(**(REST | {"turn": np.zeros(3), "shift": np.zeros(2)} | given))  # type: ignore[arg-type]


def named(image: np.ndarray, name: str) -> np.ndarray:
    return cv2.putText(image.copy(), name, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 0), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("portrait", type=Path)
    parser.add_argument("--poses", nargs="+", default=list(POSES), choices=list(POSES), metavar="POSE")
    parser.add_argument("--columns", type=int, default=5)
    parser.add_argument("--aspect-ratio", default="1:1")
    parser.add_argument("--cut", type=float, default=1.0, help="share of the frame to show, round the middle")
    given = parser.parse_args()
    photo = read_photo(given.portrait)
    landmarks = landmarks_of_photo(photo)
    if landmarks is None:
        raise SystemExit(f"No face was found in {given.portrait}.")
    canvas = frame_portrait(photo, landmarks, aspect_ratio=given.aspect_ratio, quality="balanced")
    painter = Painter(canvas, "balanced")
    height, width = canvas.image.shape[:2]
    rows, columns = (
        slice(round(side * (1 - given.cut) / 2), round(side * (1 + given.cut) / 2))
        for side in (height, width)
    )
    cells = [
        named(to_rgb(painter.paint(expression(**POSES[name]), 0))[rows, columns], name)
        for name in given.poses
    ]
    cells += [np.zeros_like(cells[0])] * (-len(cells) % given.columns)
    lines = [np.hstack(cells[i : i + given.columns]) for i in range(0, len(cells), given.columns)]
    cv2.imwrite(str(given.output), cv2.cvtColor(np.vstack(lines), cv2.COLOR_RGB2BGR))
    print(f"Wrote {given.output}: {', '.join(given.poses)}.")


if __name__ == "__main__":
    main()
