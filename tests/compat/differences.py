"""Compare a suite with and without ringsession, and what differs with `differences.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from tests.compat.suites import HERE, STORES, Outcomes


class Rule(NamedTuple):
    """Tests of one suite that fail with ringsession for one reason, on these stores."""

    name: str
    reason: str
    suite: str
    tests: list[str]
    stores: Sequence[str] = STORES


RULES = [Rule(**row) for row in json.loads((HERE / "differences.json").read_text("utf-8"))]


def expected(suite: str, store: str) -> dict[str, str]:
    """Return the tests of a suite that may differ on a store, each with its rule's name."""
    found = [rule for rule in RULES if rule.suite == suite and store in rule.stores]
    return {test: rule.name for rule in found for test in rule.tests}


def worse(without: Outcomes, on: Outcomes) -> list[str]:
    """Return the tests that pass or are skipped without ringsession, and do less with it.

    >>> worse({"a": "passed", "b": "failed", "c": "passed"}, {"a": "failed", "b": "failed"})
    ['a', 'c']
    """
    order = ("passed", "skipped", "failed")
    tests = sorted({**without, **on})
    return [
        test
        for test in tests
        if order.index(on.get(test, "failed")) > order.index(without.get(test, "passed"))
    ]


def problems(without: Outcomes, on: Outcomes, known: dict[str, str], *, whole: bool) -> list[str]:
    """Return a line for each difference without a rule, and for each test of a rule without one.

    whole: whether every test of the suite ran, so that those of the rules are among them.

    >>> problems({"a": "passed"}, {"a": "failed"}, {}, whole=True)
    ['a: passed without ringsession, failed with it']
    >>> problems({"a": "passed"}, {"a": "passed"}, {"a": "paths"}, whole=True)
    ["a: no difference now (passed, passed). Take it out of the rule 'paths'"]
    """
    differing = worse(without, on)
    ran = {test: (without.get(test, "not there"), on.get(test, "not there")) for test in differing}
    lines = [
        f"{test}: {before} without ringsession, {after} with it"
        for test, (before, after) in ran.items()
        if test not in known
    ]
    for test, rule in known.items():
        if test not in ran and (whole or test in without):
            both = f"{without.get(test, 'not there')}, {on.get(test, 'not there')}"
            lines.append(f"{test}: no difference now ({both}). Take it out of the rule {rule!r}")
    return lines
