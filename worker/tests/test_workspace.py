from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

from worker import workspace as module
from worker.workspace import DAY, sweep, workspace

REPOSITORY = Path(__file__).parents[2]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("WORKER_DIR", str(tmp_path))
    return tmp_path


def claimed(job_id="job-1", is_kept=lambda exc: False):
    return workspace(job_id, is_kept=is_kept)


def folders_in(root: Path) -> list[Path]:
    return [each for each in root.iterdir() if each.is_dir()]


def kill_a_worker_at(job_id: str) -> None:
    code = f"""if True:
        import os
        from worker.workspace import workspace
        with workspace({job_id!r}, is_kept=bool) as place:
            (place.files / "reference").write_bytes(b"an input")
            (place.parts("digest") / "segment").write_bytes(b"finished")
            os._exit(9)"""
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False)


def grow_old(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (time.time() - DAY - 60,) * 2)


def test_a_workspace_goes_with_its_job(root):
    with claimed() as place:
        (place.files / "result.mp4").write_bytes(b"video")
        (place.parts("digest") / "segment").write_bytes(b"finished")

    assert not folders_in(root)


@pytest.mark.parametrize(("kept", "left"), [(True, 1), (False, 0)])
def test_an_error_says_whether_the_workspace_stays(root, kept, left):
    with pytest.raises(LookupError), claimed(is_kept=lambda exc: kept):
        raise LookupError

    assert len(folders_in(root)) == left


def test_a_killed_workers_parts_are_there_when_the_job_comes_again():
    kill_a_worker_at("job-1")

    with claimed("job-1") as place:
        assert (place.parts("digest") / "segment").read_bytes() == b"finished"
        assert not list(place.files.iterdir()), "inputs are fetched again: they may have changed"


def test_another_job_does_not_get_them():
    kill_a_worker_at("job-1")

    with claimed("job-2") as place:
        assert not list(place.parts("digest").iterdir())


def test_parts_of_other_inputs_are_removed():
    kill_a_worker_at("job-1")

    with claimed("job-1") as place:
        assert not list(place.parts("another").iterdir())
        assert len(list(place.folder.glob("parts-*"))) == 1


def test_a_second_worker_at_the_same_job_has_a_folder_of_its_own(root):
    with claimed() as first:
        (first.parts("digest") / "segment").write_bytes(b"finished")

        with claimed() as second:
            assert not list(second.parts("digest").iterdir())
        assert (first.parts("digest") / "segment").exists()

    assert not folders_in(root)


def test_a_job_may_be_called_anything(root):
    with claimed("../../" + "x" * 180) as place:
        assert place.folder.parent == root


def test_a_workspace_in_use_is_not_swept(root):
    with claimed() as place:
        grow_old(root)

        assert sweep() == 0
        assert place.files.exists()


def test_a_killed_workers_files_are_swept_after_a_day(root):
    kill_a_worker_at("job-1")
    assert sweep() == 0

    grow_old(root)

    assert sweep() == 1
    assert not folders_in(root)


def test_they_are_swept_at_once_when_the_disk_is_short(root, monkeypatch):
    kill_a_worker_at("job-1")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(module.SHORT * 9, module.SHORT * 9, 1000))

    assert sweep() == 1
    assert not folders_in(root)
