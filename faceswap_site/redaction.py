"""Keeps what opens doors out of every log: asset tokens, output links, the owner's link."""

from __future__ import annotations

import logging
import re

IN_PATH = re.compile(r"(/v1/assets/|/setup/)[^\s/?\"'<>)]+")
IN_QUERY = re.compile(r"([?&]token=)[^\s&\"'<>)]+")


def redact(text: str) -> str:
    return IN_QUERY.sub(r"\1…", IN_PATH.sub(r"\1…", text))


class RedactingFormatter(logging.Formatter):
    """Works on the finished line, so that arguments and tracebacks are covered too."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
