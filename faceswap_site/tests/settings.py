"""The settings of a test run: the real ones, in a data folder of its own, untouched by any `.env`."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

from faceswap_site.copies import untouched_by

DATA_FOLDER = tempfile.mkdtemp(prefix="faceswap-tests-")
atexit.register(shutil.rmtree, DATA_FOLDER, ignore_errors=True)
os.environ.update(untouched_by(os.environ), DATA_DIR=DATA_FOLDER)

from faceswap_site.settings import *  # noqa: E402, F403
from faceswap_site.settings import DATABASES, STATIC_ROOT, STORAGES  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in life: a database in memory locks whole tables and knows no WAL.
    DATABASES["default"]["TEST"] = {"NAME": f"{DATA_FOLDER}/test.sqlite3"}
# The real hasher takes its time on purpose, and collected files are the runner's business.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
STATIC_ROOT.mkdir()
