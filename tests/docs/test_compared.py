"""The README's table of other libraries says what they do today."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.machine import import_part

for part in ("beaker", "cachelib", "django", "flask_session"):
    import_part(part)

ROOT = Path(__file__).parents[2]
WORDS = {
    "two requests change different keys": (
        "keeps both writes",
        {True: "both kept", False: "one is lost"},
    ),
    "a slow request writes after the logout": (
        "stays logged out",
        {True: "stays logged out", False: "logged in again"},
    ),
    "a change inside a list or a dict": (
        "stores a change inside a list",
        {True: "stored", False: "not noticed"},
    ),
}
TYPES = {
    "yes": ["tuple", "set", "decimal"],
    "on cachelib, by pickle": ["tuple", "set", "decimal"],
    "yes, by pickle": ["tuple", "set", "decimal"],
    "no": [],
    "tuple only": ["tuple"],
}


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, Any]]:
    # Django is set up once in a process, and what the peers deprecate is theirs.
    command = [sys.executable, "-W", "ignore", "-m", "tests.docs.compared"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    found: dict[str, dict[str, Any]] = json.loads(run.stdout)
    return found


def table() -> dict[str, list[str]]:
    section = (ROOT / "README.md").read_text("utf-8").split("## Beside other libraries")[1]
    rows = re.findall(r"^\| (.*?) \| (.*) \|$", section.split("\n## ")[0], re.MULTILINE)
    return {first: rest.split(" | ") for first, rest in rows}


@pytest.mark.parametrize("row", WORDS)
def test_the_table_of_other_libraries_says_what_they_do(row: str, answers: Any) -> None:
    name, words = WORDS[row]
    said = [cell.replace("after `save()`", "stored") for cell in table()[row]]
    assert said == [words[answers[library][name]] for library in answers]


def test_the_table_of_other_libraries_says_which_types_come_back(answers: Any) -> None:
    said = table()["a tuple, a set, a `Decimal` come back as such"]
    assert [TYPES[cell] for cell in said] == [answer["types"] for answer in answers.values()]


def test_the_table_of_other_libraries_has_a_column_for_each(answers: Any) -> None:
    head = re.search(
        r"^\|\s+\| (ringsession .*) \|$", (ROOT / "README.md").read_text("utf-8"), re.M
    )
    assert head is not None and head[1].split(" | ") == list(answers)
