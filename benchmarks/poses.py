"""Lay a portrait's extreme poses side by side: `python -m benchmarks.poses sheet.png portrait.jpg`.

With `--mouth`, its mouth enlarged: a row for each turn of the head and width of the lips, a column for each
opening.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from worker.engines.sing.canvas import frame_portrait
from worker.engines.sing.expression import Expression
from worker.engines.sing.mouth import box_round
from worker.engines.sing.paint import FINENESS, Painter
from worker.faces import topology
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
OPENINGS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
WIDTHS = {"wide": 1.0, "neutral": 0.0, "round": -1.0}
YAWS = {"": 0.0, "left": -15.0, "right": 15.0}  # degrees
ENLARGED = 3


def expression(**given: object) -> Expression:
    return Expression(**(REST | {"turn": np.zeros(3), "shift": np.zeros(2)} | given))  # type: ignore[arg-type]


def named(image: np.ndarray, name: str) -> np.ndarray:
    return cv2.putText(image.copy(), name, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 0), 2)


def mouths(painter: Painter) -> list[np.ndarray]:
    """Return the mouth, enlarged, in all turns, widths and openings."""
    lips = painter.rig.points(expression(opening=0.7, width=0.5))[topology.LIPS_OUTER, :2]
    box = box_round(lips, round(0.25 * np.ptp(lips[:, 0])))
    cells = []
    for (side, yaw), (form, width), opening in product(YAWS.items(), WIDTHS.items(), OPENINGS):
        wish = expression(opening=opening, width=width, **turned(yaw=yaw))
        seen = cv2.resize(
            box.of(to_rgb(painter.paint(wish, 0))),
            None,
            fx=ENLARGED,
            fy=ENLARGED,
            interpolation=cv2.INTER_CUBIC,
        )
        cells.append(named(seen, f"{side} {form} {opening:.0%}"))
    return cells


def poses(painter: Painter, names: list[str], cut: float) -> list[np.ndarray]:
    height, width = painter.still.y.shape
    rows, columns = (
        slice(round(side * (1 - cut) / 2), round(side * (1 + cut) / 2)) for side in (height, width)
    )
    return [named(to_rgb(painter.paint(expression(**POSES[name]), 0))[rows, columns], name) for name in names]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("portrait", type=Path)
    parser.add_argument("--poses", nargs="+", default=list(POSES), choices=list(POSES), metavar="POSE")
    parser.add_argument("--columns", type=int, default=5)
    parser.add_argument("--aspect-ratio", default="1:1")
    parser.add_argument("--cut", type=float, default=1.0, help="share of the frame to show, round the middle")
    parser.add_argument("--quality", default="balanced", choices=list(FINENESS))
    parser.add_argument("--mouth", action="store_true", help="show the mouth, enlarged, as it opens")
    given = parser.parse_args()
    photo = read_photo(given.portrait)
    landmarks = landmarks_of_photo(photo)
    if landmarks is None:
        raise SystemExit(f"No face was found in {given.portrait}.")
    canvas = frame_portrait(photo, landmarks, aspect_ratio=given.aspect_ratio, quality=given.quality)
    painter = Painter(canvas, given.quality)
    cells = mouths(painter) if given.mouth else poses(painter, given.poses, given.cut)
    across = len(OPENINGS) if given.mouth else given.columns
    cells += [np.zeros_like(cells[0])] * (-len(cells) % across)
    lines = [np.hstack(cells[i : i + across]) for i in range(0, len(cells), across)]
    cv2.imwrite(str(given.output), cv2.cvtColor(np.vstack(lines), cv2.COLOR_RGB2BGR))
    print(f"Wrote {given.output}: {'mouths' if given.mouth else ', '.join(given.poses)}.")


if __name__ == "__main__":
    main()
