"""All that one would miss: the database, the files it speaks of, and the secrets that open its links."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.utils._os import safe_join
from django.utils.timezone import now

from assets.models import Asset
from faceswap_site import databases
from faceswap_site.archive import BackupError, Entry, Reader, Writer, reading, summed, unpack, writing
from jobs.models import Job

DATABASE, LIST = "database", "manifest.json"
MEDIA = "media/"
# Sessions, asset tokens and output links are signed with the one, callbacks with what comes of the other.
SECRETS = ["secret-key", "callback-secret"]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup holds. `gone`: files deleted between the copy of the database and that of the files."""

    made_at: str
    engine: str
    entries: list[Entry]
    media: list[Entry]
    gone: list[str]
    has_media: bool

    @classmethod
    def read(cls, reader: Reader) -> Manifest:
        file = reader.open(LIST)
        if file is None:
            raise BackupError(f"This is no backup, or not a whole one: it has no {LIST}.")
        with file:
            said = json.load(file)
        for kind in ("entries", "media"):
            said[kind] = [Entry(**entry) for entry in said[kind]]
        return cls(**said)


def back_up(target: Path, *, with_media: bool = True) -> Manifest:
    """Write a backup to a folder or a `.tar`, while the service runs; return what is in it."""
    with writing(target) as writer, scratch() as folder:
        names = databases.copy_to(folder / DATABASE)
        found = [(name, Path(settings.MEDIA_ROOT) / name) for name in sorted(names)]
        media = list(added(writer, found, with_media))
        kept = [(DATABASE, folder / DATABASE), *((name, settings.DATA_DIR / name) for name in SECRETS)]
        manifest = Manifest(
            made_at=now().isoformat(),
            engine=databases.connection.vendor,
            entries=[add(writer, name, path) for name, path in kept if path.exists()],
            media=media,
            gone=sorted(set(names) - {entry.name.removeprefix(MEDIA) for entry in media}),
            has_media=with_media,
        )
        (folder / LIST).write_text(json.dumps(asdict(manifest), indent=1))
        writer.add(LIST, folder / LIST)
    return manifest


def added(writer: Writer, found: list[tuple[str, Path]], with_media: bool) -> Iterator[Entry]:
    for name, path in found:
        try:
            yield add(writer, MEDIA + name, path) if with_media else summed(MEDIA + name, path)
        except FileNotFoundError:
            continue  # deleted since


def add(writer: Writer, name: str, path: Path) -> Entry:
    writer.add(name, path)
    return summed(name, path)


def restore(source: Path) -> Manifest:
    """Fill the empty DATA_DIR from a backup, every file proved by its sum; or leave it empty."""
    refuse_unless_empty()
    with reading(source) as reader, scratch() as folder:
        manifest = Manifest.read(reader)
        if manifest.engine != databases.connection.vendor:
            raise BackupError(
                f"The backup is of {manifest.engine}; DATABASE_URL is {databases.connection.vendor}."
            )
        for entry in manifest.entries:
            unpack(reader, entry, folder / Path(entry.name).name)
        with undone_on_failure():
            for entry in manifest.media if manifest.has_media else []:
                unpack(reader, entry, media_path(entry))
            # Last, for a folder with a database counts as filled.
            databases.restore_from(folder / DATABASE)
        for name in SECRETS:
            if (folder / name).exists():
                (folder / name).replace(settings.DATA_DIR / name)
    Asset.objects.filter(file__in=manifest.gone).update(deleted_at=now())
    return manifest


def counts() -> dict[str, int]:
    """What the database holds, and how many of the files it speaks of are not there."""
    stored = Asset.objects.available()
    missing = sum(not asset.file.storage.exists(asset.file.name or "-") for asset in stored.iterator())
    return {"jobs": Job.objects.count(), "files": stored.count(), "missing files": missing}


def refuse_unless_empty() -> None:
    databases.refuse_unless_empty()
    for path in Path(settings.MEDIA_ROOT).rglob("*"):
        if path.is_file():
            raise BackupError(f"There are files already, such as {path}. Restore into an empty DATA_DIR.")


def media_path(entry: Entry) -> Path:
    """A list that leads out of the media's folder is not followed."""
    try:
        return Path(safe_join(settings.MEDIA_ROOT, entry.name.removeprefix(MEDIA)))
    except SuspiciousFileOperation:
        raise BackupError(f"The backup's list names {entry.name!r}, which is no place for a file.") from None


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on the same file system, so that what is whole can be moved into place."""
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=settings.DATA_DIR) as folder:
        yield Path(folder)


@contextmanager
def undone_on_failure() -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(settings.MEDIA_ROOT)
        settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True)
        raise
