"""A backup is made of a service at work, and proved by restoring it."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tarfile
import threading
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import requests

from assets.models import Asset
from faceswap_site import backup, databases
from faceswap_site.archive import BackupError
from faceswap_site.copies import Copy

LOOK = """
import json
from django.test import Client
api = Client(SERVER_NAME="127.0.0.1", headers={"Authorization": "Bearer KEY"})
jobs = api.get("/v1/jobs?limit=100").json()["items"]
print(json.dumps({job["id"]: job["input_config"]["source_image"]["sha256"] for job in jobs}))
"""


@pytest.fixture
def restored(tmp_path, fresh_database) -> Copy:
    """An empty copy, which nobody has started."""
    return Copy(tmp_path / "restored", environ=fresh_database)


@contextmanager
def submitting(service: Copy, key: str, files: dict):
    """Submit job after job while the block runs; yield the ids of those that were accepted."""
    session, stop, accepted = requests.Session(), threading.Event(), []
    session.headers["Authorization"] = f"Bearer {key}"

    def submit() -> None:
        while not stop.is_set():
            with suppress(requests.ConnectionError):
                answer = session.post(
                    f"{service.url}/v1/jobs", {"mode": "video_swap"}, files=files, timeout=60
                )
                accepted.append(answer.json()["id"])
                session.post(f"{answer.headers['Location']}/cancel", timeout=60)  # nobody shall compute it

    thread = threading.Thread(target=submit)
    thread.start()
    try:
        yield accepted
    finally:
        stop.set()
        thread.join()


def test_what_was_accepted_before_a_backup_is_there_after_restoring_it(
    running_service, restored, tmp_path, clip_bytes, photo_bytes
):
    target = str(tmp_path / "backup.tar")
    key = running_service.manage("createapikey", "keeper").strip()
    files = {"reference_video": ("clip.mp4", clip_bytes), "source_image": ("face.jpg", photo_bytes)}
    with submitting(running_service, key, files) as accepted:
        while len(accepted) < 3:
            time.sleep(0.05)
        before = set(accepted)
        running_service.manage("backup", target)

    said = restored.manage("restore", target)

    jobs = json.loads(restored.manage("shell", "-v0", "-c", LOOK.replace("KEY", key)))
    assert before <= set(jobs) <= set(accepted)
    assert set(jobs.values()) == {hashlib.sha256(photo_bytes).hexdigest()}
    assert "0 missing files" in said
    for secret in backup.SECRETS:
        assert (restored.data_dir / secret).read_text() == (running_service.data_dir / secret).read_text()
        assert (restored.data_dir / secret).stat().st_mode & 0o777 == 0o600


@pytest.fixture
def kept(transactional_db, stored_asset, tmp_path, settings, monkeypatch) -> Path:
    """A backup, as a folder, of a database that holds one stored file; it leads back to another folder."""
    folder = tmp_path / "kept"
    monkeypatch.setattr(databases, "refuse_unless_empty", lambda: None)
    monkeypatch.setattr(databases, "restore_from", lambda path: None)
    backup.back_up(folder)
    settings.DATA_DIR = tmp_path / "back"
    settings.MEDIA_ROOT = settings.DATA_DIR / "media"
    settings.FILE_UPLOAD_TEMP_DIR = settings.MEDIA_ROOT / "tmp"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True)
    return folder


def media_of(folder: Path) -> list[Path]:
    return [path for path in (folder / "media").rglob("*") if path.is_file()]


def test_a_damaged_file_is_found_and_nothing_is_left_of_the_try(kept, settings):
    (damaged,) = media_of(kept)
    damaged.unlink()  # it is the stored file itself, by another name
    damaged.write_bytes(b"x")

    with pytest.raises(BackupError, match="is damaged"):
        backup.restore(kept)

    assert media_of(settings.DATA_DIR) == []


def test_a_file_that_is_missing_is_named(kept):
    (lost,) = media_of(kept)
    lost.unlink()

    with pytest.raises(BackupError, match=f"lacks media/video/.*{lost.name}"):
        backup.restore(kept)


def test_a_folder_that_holds_files_is_not_written_to(kept, settings):
    backup.restore(kept)

    with pytest.raises(BackupError, match="There are files already"):
        backup.restore(kept)


def test_a_list_that_leads_elsewhere_is_not_followed(kept, tmp_path):
    manifest = json.loads((kept / "manifest.json").read_text())
    manifest["media"][0]["name"] = "media/../../outside"
    (kept / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(BackupError, match="no place for a file"):
        backup.restore(kept)


def test_a_backup_is_never_written_over_another(kept):
    with pytest.raises(BackupError, match="is there already"):
        backup.back_up(kept)


def test_a_backup_that_fails_leaves_nothing(db, tmp_path, monkeypatch):
    monkeypatch.setattr(databases, "copy_to", lambda path: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        backup.back_up(tmp_path / "backup.tar")

    assert list(tmp_path.iterdir()) == []


def test_a_file_deleted_meanwhile_is_deleted_in_the_restored_database_too(
    kept, stored_asset, settings, tmp_path
):
    manifest = json.loads((kept / "manifest.json").read_text())
    manifest |= {"media": [], "gone": [stored_asset.file.name]}
    (kept / "manifest.json").write_text(json.dumps(manifest))

    backup.restore(kept)

    assert not Asset.objects.get().is_available
    assert backup.counts()["missing files"] == 0


def test_only_the_owner_may_read_it(transactional_db, stored_asset, tmp_path):
    backup.back_up(tmp_path / "backup.tar")
    backup.back_up(tmp_path / "backup")

    assert (tmp_path / "backup.tar").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
    with tarfile.open(tmp_path / "backup.tar") as tar:
        assert {member.mode for member in tar} == {0o600}


def test_the_files_may_be_listed_only(transactional_db, stored_asset, tmp_path):
    made = backup.back_up(tmp_path / "backup", with_media=False)

    assert [entry.sha256 for entry in made.media] == [stored_asset.sha256]
    assert not (tmp_path / "backup" / "media").exists()


def test_postgres_without_its_tools_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)

    with pytest.raises(BackupError, match="pg_dump is not installed"):
        databases.postgres_tool("pg_dump")


def test_a_database_that_is_there_is_not_written_over(db):
    with pytest.raises(BackupError, match=r"already"):
        databases.refuse_unless_empty()


@pytest.mark.parametrize("damage", [slice(0, 4096), slice(4096, 40960)])
def test_a_damaged_database_is_found(tmp_path, damage):
    path = tmp_path / "database"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE numbers (number)")
        database.executemany("INSERT INTO numbers VALUES (?)", [(str(number) * 9,) for number in range(9999)])
    content = bytearray(path.read_bytes())
    content[damage] = b"x" * (damage.stop - damage.start)
    path.write_bytes(content)

    with pytest.raises(BackupError, match="damaged"):
        databases.prove_sqlite(path)
