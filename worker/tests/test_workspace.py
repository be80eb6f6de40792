from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from worker.workspace import sweep_abandoned, workspace

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def temp_folder(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_a_workspace_goes_with_its_job(temp_folder: Path):
    with workspace() as folder:
        (folder / "result.mp4").write_bytes(b"video")

    assert not list(temp_folder.iterdir())


def test_a_workspace_in_use_is_not_swept():
    with workspace() as folder:
        (folder / "result.mp4").write_bytes(b"video")

        assert sweep_abandoned() == 0
        assert (folder / "result.mp4").exists()


def test_a_killed_workers_files_are_swept(temp_folder: Path):
    code = "import os; from worker.workspace import workspace\nwith workspace(): os._exit(9)"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False)
    assert list(temp_folder.iterdir())

    assert sweep_abandoned() == 1
    assert not list(temp_folder.iterdir())
