"""Say what files really are: `probe()` asks `assets.inspection`, in a process of its own with limits.

Questions go to it as JSON on standard input, answers come back as JSON on standard output.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assets.errors import BY_CODE, Refusal, UnreadableMedia
from assets.errors import gettext_noop as _


@dataclass(frozen=True, kw_only=True)
class Question:
    """Is the file at `path` a readable `kind` (video, image, audio) within the limits?

    `thumbnail`: where to write a JPEG of at most 480 pixels. `clean`: for an image, where to
    write it anew, upright and without anything but its pixels.
    """

    path: str
    kind: str
    name: str
    max_seconds: float
    max_pixels: int
    thumbnail: str | None = None
    clean: str | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    content_type: str
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    fps: float | None = None
    has_sound: bool = False


def probe(questions: list[Question], *, timeout: float) -> list[Facts | Refusal]:
    """Answer each question with its facts, or with the refusal to raise. One process for all."""
    try:
        child = subprocess.run(
            [sys.executable, "-m", "assets.inspection"],
            input=json.dumps([asdict(question) for question in questions]),
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=Path(__file__).resolve().parent.parent,
            check=True,
        )
        answers = json.loads(child.stdout)
    except (subprocess.SubprocessError, json.JSONDecodeError):
        return [
            UnreadableMedia(
                _("%(name)r could not be read within the limits on time and memory."),
                name=question.name,
            )
            for question in questions
        ]
    return [_answer(answer) for answer in answers]


def _answer(answer: dict[str, Any]) -> Facts | Refusal:
    if "code" in answer:
        refusal = BY_CODE.get(answer["code"], UnreadableMedia)
        return refusal(answer["sentence"], **answer["values"])
    return Facts(**answer)
