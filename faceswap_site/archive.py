"""Where a backup lies: a folder, or a tar file. Both hold the same names; nobody else may read them."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

MIB = 1024 * 1024


class BackupError(Exception):
    """Why a backup cannot be made or restored, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of a backup: its name in there, its bytes counted and summed."""

    name: str
    size: int
    sha256: str


class Writer(Protocol):
    def add(self, name: str, path: Path) -> None:
        """Put a file, which nobody changes, into the backup."""


class FolderWriter:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, path: Path) -> None:
        """Linked, where that can be: stored files are deleted, but never changed."""
        target = self.folder / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.link(path, target)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one without links
            shutil.copy2(path, target)
            target.chmod(0o600)


class TarWriter:
    def __init__(self, tar: tarfile.TarFile) -> None:
        self.tar = tar

    def add(self, name: str, path: Path) -> None:
        self.tar.add(path, name, filter=owner_only)


def owner_only(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mode = 0o600
    return member


@contextmanager
def writing(target: Path) -> Iterator[Writer]:
    """Yield where to put files. The backup appears under its name when it is whole, or not at all."""
    if target.exists():
        raise BackupError(f"{target} is there already; a backup is never written over another.")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if target.suffix == ".tar":
            draft.touch(mode=0o600)
            with tarfile.open(draft, "w") as tar:
                yield TarWriter(tar)
        else:
            draft.mkdir(mode=0o700)
            yield FolderWriter(draft)
        draft.rename(target)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft)
        draft.unlink(missing_ok=True)


class Reader(Protocol):
    def open(self, name: str) -> IO[bytes] | None:
        """The file of this name; None if the backup does not hold it."""


class FolderReader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, name: str) -> IO[bytes] | None:
        path = self.folder / name
        return path.open("rb") if path.is_file() else None


class TarReader:
    def __init__(self, tar: tarfile.TarFile) -> None:
        self.tar = tar

    def open(self, name: str) -> IO[bytes] | None:
        try:
            return self.tar.extractfile(name)
        except KeyError:
            return None


@contextmanager
def reading(source: Path) -> Iterator[Reader]:
    if source.is_dir():
        yield FolderReader(source)
        return
    try:
        with tarfile.open(source) as tar:
            yield TarReader(tar)
    except (FileNotFoundError, tarfile.ReadError) as exc:
        raise BackupError(f"{source} is neither a folder nor a tar file: {exc}.") from exc


def summed(name: str, path: Path) -> Entry:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return Entry(name=name, size=file.tell(), sha256=digest.hexdigest())


def unpack(reader: Reader, entry: Entry, to: Path) -> None:
    """Write one file of the backup, or raise BackupError if it is not what it was."""
    source = reader.open(entry.name)
    if source is None:
        raise BackupError(f"The backup lacks {entry.name}, which its list names.")
    to.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with source, open(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
        while block := source.read(MIB):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != entry.sha256:
        raise BackupError(
            f"{entry.name} is damaged: its SHA-256 is {digest.hexdigest()}, not {entry.sha256}."
        )
