"""The tables of `docs/background/compat.md`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import fill
from typing import NamedTuple

from tests.compat.differences import RULES, worse
from tests.compat.suites import HERE, STORES, SUITES, Outcomes, Suite

PAGE = HERE.parents[1] / "docs" / "background" / "compat.md"
_START = "## The suites\n"


class Figures(NamedTuple):
    """What one suite gave: how many tests, and how many passed and differed."""

    package: str
    version: str
    tests: int
    without: int
    memory: int
    cookie: int
    differences: int


def _passed(outcomes: Outcomes) -> int:
    return sum(outcome == "passed" for outcome in outcomes.values())


def count(suite: Suite, without: Outcomes, on: dict[str, Outcomes]) -> Figures:
    """Return the figures of a suite; a test that differs on two stores is one difference."""
    differing = {test for store in STORES for test in worse(without, on[store])}
    counts = (_passed(without), _passed(on["memory"]), _passed(on["cookie"]), len(differing))
    return Figures(suite.package, suite.version, len(without), *counts)


def read_figures(page: str) -> dict[str, Figures]:
    """Return the figures that the page shows, by package."""
    rows = re.findall(r"^\| ([a-z-]+) \| ([\d.]+)" + r" \| (\d+)" * 5 + r" \|$", page, re.MULTILINE)
    return {name: Figures(name, version, *map(int, counts)) for name, version, *counts in rows}


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |\n"


def suites_table(figures: dict[str, Figures]) -> str:
    """Return the table of the suites, and the notes below it."""
    head = ["package", "version", "tests", "pass without us"]
    head += ["pass with memory", "pass with cookie", "differences"]
    table = _row(head) + _row("---" for _ in head)
    table += "".join(_row(figures[suite.package]) for suite in SUITES if suite.package in figures)
    notes = [f"- {suite.name}: {suite.note}." for suite in SUITES if suite.note]
    return table + "\n" + "".join(fill(note, 100, subsequent_indent="  ") + "\n" for note in notes)


def differences_table() -> str:
    """Return the table of the rules."""
    head = ["suite", "difference", "reason", "stores", "tests"]
    table = _row(head) + _row("---" for _ in head)
    cells = ((r.suite, r.name, r.reason, " and ".join(r.stores), len(r.tests)) for r in RULES)
    return table + "".join(map(_row, cells))


def tables(figures: dict[str, Figures]) -> str:
    """Return what follows the page's first part, which is written by hand."""
    return f"{_START}\n{suites_table(figures)}\n## The differences\n\n{differences_table()}"


def record(figures: dict[str, Figures]) -> None:
    """Write new figures into the page; the other suites keep theirs."""
    page = PAGE.read_text("utf-8")
    kept = read_figures(page)
    PAGE.write_text(page.split(_START)[0] + tables({**kept, **figures}), "utf-8")
