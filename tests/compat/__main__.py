"""Run the test suites of other projects on ringsession.

    python -m tests.compat [--short] [--record] [PACKAGE ...]

--short runs a part that takes under two minutes. --record writes the figures into
docs/background/compat.md. Without a PACKAGE every suite runs. The exit status is 1 if a suite
differs from `differences.json`, or cannot be fetched.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.compat.differences import expected, problems
from tests.compat.page import Figures, count, record
from tests.compat.suites import HERE, STORES, SUITES, CompatError, Suite
from tests.compat.suites import fetch, make_environment, run_suite


def check(suite: Suite, *, short: bool = False) -> tuple[Figures, list[str]]:
    """Run a suite without ringsession and on each store; return its figures and what is wrong."""
    make_environment(HERE / ("short.txt" if suite.short else "whole.txt"))
    tests = suite.short if short else suite.tests
    fetch(suite)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = (None, *STORES)
        without, *rest = pool.map(lambda store: run_suite(suite, tests, store), runs)
    on = dict(zip(STORES, rest))
    wrong = [
        f"{store}: {problem}"
        for store in STORES
        for problem in problems(
            without, on[store], expected(suite.name, store), whole=tests == suite.tests
        )
    ]
    return count(suite, without, on), wrong


def show(figures: Figures) -> str:
    """Return the figures as a line."""
    name, version, tests, without, memory, cookie, differences = figures
    passed = f"{without} pass without ringsession, {memory} with memory, {cookie} with cookie"
    return f"{name} {version}: {tests} tests, {passed}; {differences} differ"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compat")
    parser.add_argument("--short", action="store_true", help="a part that takes under two minutes")
    parser.add_argument("--record", action="store_true", help="write docs/background/compat.md")
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="the suites, or else all")
    options = parser.parse_args()
    names = [suite.package for suite in SUITES if suite.short or not options.short]
    chosen = options.packages or names
    if unknown := set(chosen) - set(names):
        parser.error(f"no such suite: {', '.join(unknown)}; there are {', '.join(names)}")
    if options.short and options.record:
        parser.error("--record writes the figures of whole suites, without --short")
    failed, figures = 0, {}
    for suite in [suite for suite in SUITES if suite.package in chosen]:
        try:
            figures[suite.package], wrong = check(suite, short=options.short)
        except CompatError as error:
            print(f"{suite.package}: {error}", flush=True)
            failed += 1
            continue
        print(show(figures[suite.package]), *wrong, sep="\n    ", flush=True)
        failed += bool(wrong)
        if options.record:
            record(figures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
