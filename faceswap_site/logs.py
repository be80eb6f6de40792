"""How log lines look: for people, or one JSON object a line; either way without what opens doors."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

from jobs.trace import NAMES

# Asset tokens, the owner's link, output links.
IN_PATH = re.compile(r"(/v1/assets/|/setup/)[^\s/?\"'<>)]+")
IN_QUERY = re.compile(r"([?&]token=)[^\s&\"'<>)]+")


def redact(text: str) -> str:
    return IN_QUERY.sub(r"\1…", IN_PATH.sub(r"\1…", text))


class TextFormatter(logging.Formatter):
    """Works on the finished line, so that arguments and tracebacks are covered too."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonFormatter(logging.Formatter):
    """`at level logger message request job attempt`, and `error` with the traceback of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
            **{name: getattr(record, name, "") or None for name in NAMES},
        }
        if record.exc_info:
            line["error"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
