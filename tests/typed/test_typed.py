"""A user's project passes `mypy --strict` and pyright in its strict mode, and a misuse does not.

basedpyright is a build of pyright that needs no download; with this setting it has pyright's rules.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.machine import find_program, import_part
from tests.serving import ROOT

mypy = import_part("mypy.api")

FILES = ("tests/typed/handlers.py", "tests/flask/typed_app.py")
MISUSES = """\
from ringsession import Handler, Request, Response, Store, memory_store, to_wsgi, user_sessions
from ringsession import wrap_defaults, wrap_hsts
wrap_defaults("app")
to_wsgi(lambda request: "text")
def handler(request: Request) -> Response: return "text"
wrap_hsts(handler, max_age="a year")
store: Store = object()
user_sessions(memory_store()).end("ann")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / Path(name).name).write_text((ROOT / name).read_text("utf-8"))
    (tmp_path / "misuses.py").write_text(MISUSES)
    return tmp_path


def pyright(project: Path, *files: str) -> list[Any]:
    """Return what pyright finds in some files of a project."""
    rules = {"typeCheckingMode": "strict", "include": [*files], "extraPaths": [str(ROOT)]}
    (project / "pyrightconfig.json").write_text(json.dumps(rules))
    program = find_program(
        "basedpyright",
        str(Path(sys.executable).with_name("basedpyright")),
        package="basedpyright",
        pip=True,
    )
    command = [program, "--outputjson", "--pythonpath", sys.executable]
    run = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300)
    found: list[Any] = json.loads(run.stdout)["generalDiagnostics"]
    return found


def test_a_typed_project_passes_pyright(project: Path) -> None:
    assert pyright(project, *(Path(name).name for name in FILES)) == []


def test_pyright_finds_each_misuse(project: Path) -> None:
    found = pyright(project, "misuses.py")
    lines = {each["range"]["start"]["line"] + 1 for each in found if each["severity"] == "error"}
    assert lines >= {3, 4, 5, 6, 7, 8}


def test_typed_handlers_pass_mypy_strict_and_each_misuse_is_found(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("MYPYPATH", str(ROOT))
    options = ["--strict", "--config-file=", "--follow-imports=silent"]
    options += [f"--python-executable={sys.executable}", f"--cache-dir={ROOT / '.mypy_cache'}"]
    found, trouble, _ = mypy.run([*options, "handlers.py", "misuses.py"])
    assert trouble == ""
    errors = [line.split(":")[:2] for line in found.splitlines() if ": error: " in line]
    assert {name for name, _ in errors} == {"misuses.py"}
    assert {int(line) for _, line in errors} == {3, 4, 5, 6, 7, 8}
