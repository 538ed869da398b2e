"""Read and run the programs of a page: its Python blocks, each under its first comment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HOW_TO = Path(__file__).parents[2] / "docs/how-to"

# What browsers send with a form.
OWN_PAGE, OTHER_SITE = {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}


def find_programs(page: str) -> dict[str, str]:
    """Return the programs of a page of docs/how-to, by the comment in the first line of each."""
    text = (HOW_TO / f"{page}.md").read_text("utf-8")
    found = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    programs = {program.partition("\n")[0].removeprefix("# "): program for program in found}
    assert len(programs) == len(found), "two programs of a page have the same first line"
    return programs


def run_program(
    page: str, title: str, changes: Mapping[str, str] | None = None, **names: Any
) -> dict[str, Any]:
    """Run a program of a page and return its names.

    changes: texts of the program and what a test writes in their place, such as a store's address.
    names: what such texts may use.
    """
    program = find_programs(page)[title]
    for old, new in (changes or {}).items():
        assert old in program, f"{page}: {title} has no {old}"
        program = program.replace(old, new)
    namespace: dict[str, Any] = {"__name__": "docs", **names}
    exec(compile(program, f"{page}.md: {title}", "exec"), namespace)
    return namespace
