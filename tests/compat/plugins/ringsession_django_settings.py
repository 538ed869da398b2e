"""The settings under which Django's own tests run, with the layers if RINGSESSION_STORE is set."""

from __future__ import annotations

import os
from pathlib import Path

DATABASES = {name: {"ENGINE": "django.db.backends.sqlite3"} for name in ("default", "other")}
SECRET_KEY = "any text"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False

TEST_RUNNER = "xmlrunner.extra.djangotestrunner.XMLTestRunner"
_result = Path(os.environ["RINGSESSION_RESULT"])
TEST_OUTPUT_DIR, TEST_OUTPUT_FILE_NAME = str(_result.parent), _result.name

if "RINGSESSION_STORE" in os.environ:
    import ringsession_on_django  # noqa: F401
