"""Compare the suites of other projects, and hold the page. `make soak` runs the suites whole."""

from __future__ import annotations

import hashlib
import sys
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from tests.compat import suites
from tests.compat.__main__ import check, show
from tests.compat.differences import RULES, expected, problems
from tests.compat.page import PAGE, count, read_figures, tables
from tests.compat.suites import STORES, SUITES, CompatError, Suite, fetch, run_suite

# A suite of two tests. The second asks for what only Flask's own sessions have.
TESTS = """
from flask import Flask, session

app = Flask(__name__)
app.config["SECRET_KEY"] = "a key of Flask's own"

@app.get("/")
def visit():
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])

def test_a_session_counts():
    client = app.test_client()
    assert [client.get("/").text for _ in range(2)] == ["1", "2"]

def test_a_cookie_is_signed_and_not_sealed():
    client = app.test_client()
    client.get("/")
    assert client.get_cookie("session").value.startswith("eyJ2aXNpdHMiOjF9.")
"""
COUNTS, SIGNED = (
    "test_two::test_a_session_counts",
    "test_two::test_a_cookie_is_signed_and_not_sealed",
)


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """A source package as if it had been fetched, whose tests run in this environment."""
    monkeypatch.setattr(suites, "WORK", tmp_path)
    monkeypatch.setattr(suites, "PYTHON", Path(sys.executable))
    (tmp_path / "test_two.py").write_text(TESTS)
    archive = tmp_path / "sdists" / "two-1.0.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as package:
        package.add(tmp_path / "test_two.py", "two-1.0/test_two.py")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    plugin, tests = "ringsession_on_flask", ["test_two.py"]
    return Suite("Two", "two", "1.0", archive.name, digest, plugin, tests, tests)


def test_a_suite_runs_with_and_without_ringsession(suite: Suite) -> None:
    without = run_suite(suite, suite.tests, None)
    on = {store: run_suite(suite, suite.tests, store) for store in STORES}
    assert without == {COUNTS: "passed", SIGNED: "passed"}
    assert on == {store: {COUNTS: "passed", SIGNED: "failed"} for store in STORES}
    assert count(suite, without, on) == ("two", "1.0", 2, 2, 1, 1, 1)
    missing = f"{SIGNED}: passed without ringsession, failed with it"
    assert problems(without, on["memory"], {}, whole=True) == [missing]
    assert problems(without, on["cookie"], {SIGNED: "format"}, whole=True) == []


def test_a_package_with_another_hash_is_refused(suite: Suite) -> None:
    with pytest.raises(CompatError, match="two-1.0.tar.gz has another hash than in suites.json"):
        fetch(suite._replace(sha256="0" * 64))


def test_a_suite_that_cannot_be_fetched_says_so(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(CompatError, match="cannot fetch the source package of two 1.1\n"):
        fetch(suite._replace(version="1.1", file="two-1.1.tar.gz"))


def test_a_suite_without_a_test_gives_no_result(suite: Suite) -> None:
    with pytest.raises(CompatError, match="Two ran no test: see .*two-memory.log"):
        run_suite(suite, ["-k", "nothing"], "memory")


KNOWN = {"a": "format"}


@pytest.mark.parametrize(
    "without, on, whole, expected_problems",
    [
        ({"a": "passed"}, {"a": "failed"}, True, []),
        ({"a": "skipped"}, {"a": "failed"}, True, []),
        ({"a": "passed"}, {"a": "skipped"}, True, []),
        ({"a": "passed"}, {}, True, []),
        ({"a": "passed"}, {"a": "passed"}, True, ["a: no difference now (passed, passed)"]),
        ({"a": "failed"}, {"a": "failed"}, True, ["a: no difference now (failed, failed)"]),
        ({}, {}, True, ["a: no difference now (not there, not there)"]),
        ({}, {}, False, []),  # in the short form it did not run
        ({"a": "passed"}, {"a": "passed"}, False, ["a: no difference now (passed, passed)"]),
    ],
)
def test_a_rule_applies_to_each_of_its_tests(
    without: dict[str, str], on: dict[str, str], whole: bool, expected_problems: list[str]
) -> None:
    advice = ". Take it out of the rule 'format'"
    wanted = [f"{problem}{advice}" for problem in expected_problems]
    assert problems(without, on, KNOWN, whole=whole) == wanted


@pytest.mark.parametrize(
    "without, on, expected_problems",
    [
        ({"b": "passed"}, {"b": "passed"}, []),
        ({"b": "failed"}, {"b": "failed"}, []),
        ({"b": "failed"}, {"b": "passed"}, []),
        ({"b": "passed"}, {"b": "failed"}, ["b: passed without ringsession, failed with it"]),
        ({"b": "skipped"}, {"b": "failed"}, ["b: skipped without ringsession, failed with it"]),
        ({"b": "passed"}, {"b": "skipped"}, ["b: passed without ringsession, skipped with it"]),
        ({"b": "passed"}, {}, ["b: passed without ringsession, not there with it"]),
        ({}, {"b": "failed"}, ["b: not there without ringsession, failed with it"]),
        ({}, {"b": "passed"}, []),
    ],
)
def test_a_test_that_does_less_with_ringsession_is_a_problem(
    without: dict[str, str], on: dict[str, str], expected_problems: list[str]
) -> None:
    assert problems(without, on, {}, whole=True) == expected_problems


def test_every_rule_has_a_suite_a_reason_and_tests_of_its_own() -> None:
    assert {rule.suite for rule in RULES} <= {suite.name for suite in SUITES}
    assert all(rule.reason.endswith(".") and rule.tests for rule in RULES)
    named = [(r.suite, store, test) for r in RULES for store in r.stores for test in r.tests]
    assert [name for name, times in Counter(named).items() if times > 1] == []


def test_the_page_has_the_figures_of_every_suite_and_every_rule() -> None:
    page = PAGE.read_text("utf-8")
    figures = read_figures(page)
    assert {name: row.version for name, row in figures.items()} == {
        suite.package: suite.version for suite in SUITES
    }
    assert page.endswith(tables(figures))


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.package)
def test_the_figures_on_the_page_agree_with_the_rules(suite: Suite) -> None:
    figures = read_figures(PAGE.read_text("utf-8"))[suite.package]
    differing = {store: expected(suite.name, store) for store in STORES}
    assert figures.without - figures.memory == len(differing["memory"])
    assert figures.without - figures.cookie == len(differing["cookie"])
    assert figures.differences == len(differing["memory"] | differing["cookie"])


@pytest.mark.soak
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.package)
def test_a_whole_suite_differs_only_by_rule(suite: Suite) -> None:
    figures, wrong = check(suite)
    print(show(figures))
    assert wrong == []
