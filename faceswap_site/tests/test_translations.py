"""The catalogues of the languages: each is whole, compiled as it stands, and has every text of the pages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest
from django.conf import settings

CODES = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
FIGURE = re.compile(r"%\(\w+\)[\d.]*\w|\{\w+\}")


def catalogue(code: str, *, kind: str = "po", root: Path = settings.BASE_DIR) -> polib.POFile | polib.MOFile:
    path = str(root / "locale" / code / "LC_MESSAGES" / f"django.{kind}")
    return polib.pofile(path) if kind == "po" else polib.mofile(path)


def texts(catalogue: polib.POFile | polib.MOFile) -> dict[tuple[str | None, str, str], list[str]]:
    return {
        (entry.msgctxt, entry.msgid, entry.msgid_plural): [entry.msgstr, *entry.msgstr_plural.values()]
        for entry in catalogue
    }


@pytest.mark.parametrize("code", CODES)
def test_every_text_is_translated(code):
    found = catalogue(code)

    assert [entry.msgid for entry in found.untranslated_entries() + found.fuzzy_entries()] == []
    assert [entry.msgid for entry in found.obsolete_entries()] == []


@pytest.mark.parametrize("code", CODES)
def test_a_translation_tells_the_same_figures_and_names(code):
    for (_, msgid, _), translations in texts(catalogue(code)).items():
        for translation in filter(None, translations):
            assert sorted(FIGURE.findall(translation)) == sorted(FIGURE.findall(msgid)), translation


@pytest.mark.parametrize("code", CODES)
def test_what_is_compiled_is_what_was_written(code):
    assert texts(catalogue(code, kind="mo")) == texts(catalogue(code))


@pytest.mark.parametrize("code", CODES)
def test_the_catalogue_has_the_texts_of_the_pages_and_no_other(code, tmp_path):
    if not shutil.which("xgettext"):
        reason = "TRANSLATIONS NOT CHECKED: GNU gettext is not installed."
        pytest.fail(reason) if os.environ.get("REQUIRE_GETTEXT") else pytest.skip(reason)
    copy = tmp_path / "copy"
    for room in ("assets", "faceswap_site", "jobs", "runpod_bridge", "templates", "locale"):
        shutil.copytree(settings.BASE_DIR / room, copy / room, ignore=shutil.ignore_patterns("tests"))
    shutil.copy(settings.BASE_DIR / "manage.py", copy)

    subprocess.run(
        [sys.executable, "manage.py", "makemessages", "-l", code, "--no-location", "--no-obsolete"],
        cwd=copy,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "faceswap_site.settings", "DATA_DIR": str(tmp_path)},
        check=True,
    )

    assert texts(catalogue(code, root=copy)).keys() == texts(catalogue(code)).keys()
