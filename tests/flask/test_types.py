"""An app that uses the extension passes `mypy --strict`, and what misuses it does not."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.machine import import_part
from tests.serving import ROOT

mypy = import_part("mypy.api")

MISUSES = """
from flask import Flask
from ringsession.flask import FlaskSession, RingSession, recreate
RingSession("app")
RingSession(Flask(""), {}, accept_flask_cookies_until="2999-12-31")
recreate({"user": "ann"})
RingSession().init_app(None)
RingSession().interface
def like(session: FlaskSession) -> None: session.swap("likes", 1)
"""


def test_an_app_that_uses_the_extension_is_typed_and_a_misuse_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "typed_app.py").write_text((ROOT / "tests/flask/typed_app.py").read_text("utf-8"))
    (tmp_path / "misuses.py").write_text(MISUSES.lstrip())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MYPYPATH", str(ROOT))
    options = [
        "--strict",
        "--config-file=",  # none, as a user may have it
        "--follow-imports=silent",  # as of a package that is installed
        f"--python-executable={sys.executable}",
        f"--cache-dir={ROOT / '.mypy_cache'}",
    ]
    found, trouble, _ = mypy.run([*options, "typed_app.py", "misuses.py"])
    assert trouble == ""
    assert re.findall(r"^(.*?:\d+): error: .*\[(.*)\]$", found, re.MULTILINE) == [
        ("misuses.py:3", "arg-type"),
        ("misuses.py:4", "arg-type"),
        ("misuses.py:5", "call-arg"),
        ("misuses.py:5", "arg-type"),
        ("misuses.py:6", "arg-type"),
        ("misuses.py:7", "attr-defined"),
        ("misuses.py:8", "arg-type"),
    ]
