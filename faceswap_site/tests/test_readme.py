"""What README.md says is so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import av
import pytest
from django.conf import settings

README = (settings.BASE_DIR / "README.md").read_text()


def test_every_variable_that_the_settings_read_is_in_the_table():
    source = (settings.BASE_DIR / "faceswap_site" / "settings.py").read_text()
    read = set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", source))

    table = {
        name
        for line in README.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([A-Z_]+)`", line.split("|")[1])
    }

    assert read == table


def test_every_page_and_picture_it_leads_to_is_there():
    named = re.findall(r"\]\(([^)]+)\)", README) + re.findall(r"`((?:worker|docs)/[\w./]+)`", README)

    assert named
    assert [name for name in named if not (settings.BASE_DIR / name).exists()] == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_lines_for_curl_make_a_video(running_service, tmp_path):
    script = README.partition("## By curl")[2].partition("```sh\n")[2].partition("```")[0]
    here = {
        ".venv/bin/python": sys.executable,
        "http://127.0.0.1:8000": running_service.url,
        "hopper.mp4": "tiny.mp4",
        "result.mp4": str(tmp_path / "result.mp4"),
    }
    for theirs, ours in here.items():
        assert theirs in script
        script = script.replace(theirs, ours)

    environ = {**running_service.environ, "PATH": os.environ["PATH"]}
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=settings.BASE_DIR,
        env=environ,
        check=True,
        timeout=120,
    )

    with av.open(str(tmp_path / "result.mp4")) as clip:
        assert clip.streams.video[0].codec_context.name == "h264"
