"""Secrets that nobody has to invent: made once, kept in DATA_DIR, readable by the owner only."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def kept_secret(folder: Path, name: str) -> str:
    """Return the secret of this name, making it first if it is not there.

    Several processes may start at once: each writes a draft of its own and links it
    into place; the first link wins, and all read the winner.
    """
    path = folder / name
    if not path.exists():
        draft = folder / f".{name}.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()
