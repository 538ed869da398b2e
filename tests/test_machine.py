"""A part that this machine lacks: its tests are skipped and say what to install; CI fails them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.machine import find_program, import_part, sum_up

ROOT = Path(__file__).parents[1]
NO_SERVER = "no-server is missing: apt-get install no-server-deb"
NO_MODULE = "no_module is missing: pip install 'ringsession[test]'"
LOOKUPS: list[Any] = [
    (lambda: find_program("no-server", "/nowhere/*", package="no-server-deb"), NO_SERVER),
    (lambda: import_part("no_module"), NO_MODULE),
]


@pytest.mark.parametrize(("look_up", "message"), LOOKUPS)
def test_a_missing_part_skips_and_names_what_to_install(
    look_up: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception) as skipped:
        look_up()
    assert skipped.value.msg == message


@pytest.mark.parametrize(("look_up", "message"), LOOKUPS)
def test_a_missing_part_fails_in_ci(
    look_up: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception) as failed:
        look_up()
    assert failed.value.msg == message


def test_a_program_is_found_by_its_pattern_before_path(tmp_path: Path) -> None:
    for version in ("15", "17"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "sh").touch()
    pattern = f"{tmp_path}/*/sh"
    assert find_program("sh", pattern, package="dash") == f"{tmp_path}/17/sh"
    assert find_program("sh", "/nowhere/*", package="dash") == shutil.which("sh")


@pytest.mark.parametrize(
    ("reasons", "line"),
    [
        ([], ""),
        (["needs fork"], ""),
        (
            ["Skipped: " + NO_SERVER, NO_SERVER, "needs fork", NO_MODULE],
            "Not run: 3 tests, for want of no-server, no_module. To run them:"
            " apt-get install no-server-deb; pip install 'ringsession[test]'",
        ),
    ],
)
def test_one_line_sums_up_what_was_not_run(reasons: list[str], line: str) -> None:
    assert sum_up(reasons) == line


# The commands of `make test`. The bound on coverage holds for a whole run only.
WHOLE = ["pytest -n logical --maxprocesses 2 --dist loadfile --no-loadscope-reorder --cov"]


@pytest.mark.parametrize(
    ("arguments", "commands"),
    [([], WHOLE), (["ARGS="], WHOLE), (["ARGS=tests/test_api.py"], ["pytest tests/test_api.py"])],
)
def test_make_test_bounds_coverage_only_for_a_whole_run(
    arguments: list[str], commands: list[str]
) -> None:
    make = find_program("make", package="make")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    told = subprocess.run(
        [make, "--dry-run", "test", *arguments],
        cwd=ROOT,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    run = [line.split(".venv/bin/")[1] for line in told.splitlines() if line.startswith(".venv")]
    assert [line for line in run if not line.startswith("pip ")] == commands


@pytest.mark.server
def test_a_run_ends_with_the_line_on_what_was_not_run_and_bounds_no_coverage(
    tmp_path: Path,
) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/examples/test_by_curl.py", "-k", "counter"]
        + ["-p", "no:cacheprovider", "--cov", "--cov-report="],
        cwd=ROOT,
        env=environ | {"PATH": str(tmp_path), "COVERAGE_FILE": str(tmp_path / "coverage")},
        capture_output=True,
        text=True,
    )
    line = "Not run: 1 test, for want of curl. To run them: apt-get install curl"
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, line), done.stdout
    assert re.search(r"SKIPPED \[1\] .*: curl is missing: apt-get install curl\n", done.stdout)
