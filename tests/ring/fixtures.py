"""The files that the static vectors read, as a folder, and as a package whose data they are."""

from __future__ import annotations

import atexit
import base64
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

FIXTURES = Path(tempfile.mkdtemp(prefix="ring-fixtures-"))
atexit.register(shutil.rmtree, FIXTURES)
# "resources" in the vectors is what a Clojure program has on its class path; here it is a package.
_PACKAGE = "ring_fixtures"


def _write(entry: dict[str, Any]) -> None:
    path = FIXTURES / entry["path"].replace("resources/", f"{_PACKAGE}/", 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    match entry["type"]:
        case "dir":
            path.mkdir()
        case "symlink":
            path.symlink_to(entry["target"])
        case _:
            path.write_bytes(base64.b64decode(entry["content_b64"]))
            os.utime(path, (entry["mtime"], entry["mtime"]))


for _entry in json.loads((Path(__file__).parent / "data" / "fixtures.json").read_text()):
    _write(_entry)
(FIXTURES / _PACKAGE / "__init__.py").touch()
sys.path.append(str(FIXTURES))
