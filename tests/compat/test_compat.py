"""Compare the suites of other projects, and hold the page. `make soak` runs the suites whole."""

from __future__ import annotations

import hashlib
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat import __main__ as command
from tests.compat import suites
from tests.compat.__main__ import check, show
from tests.compat.differences import RULES, expected, problems
from tests.compat.page import PAGE, read_figures, tables
from tests.compat.suites import STORES, SUITES, CompatError, Outcomes, Suite
from tests.compat.suites import fetch, run_suite

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


Ran = dict[str | None, Outcomes]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A source package as if it had been fetched, whose tests run in this environment."""
    work = tmp_path_factory.mktemp("compat")
    (work / "test_two.py").write_text(TESTS)
    archive = work / "sdists" / "two-1.0.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as package:
        package.add(work / "test_two.py", "two-1.0/test_two.py")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    tests = ["test_two.py"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suites, "WORK", work)
        patch.setattr(suites, "PYTHON", Path(sys.executable))
        yield Suite("Two", "two", "1.0", archive.name, digest, "ringsession_on_flask", tests, tests)


@pytest.fixture(scope="module")
def ran(suite: Suite) -> Ran:
    """What that suite gave without ringsession and on each store."""
    return {store: run_suite(suite, suite.tests, store) for store in (None, *STORES)}


def test_a_suite_runs_with_and_without_ringsession(ran: Ran) -> None:
    sealed = {COUNTS: "passed", SIGNED: "failed"}
    signed = {COUNTS: "passed", SIGNED: "passed"}
    assert ran == {None: signed, "memory": sealed, "cookie": sealed}


def test_a_package_with_another_hash_is_refused(suite: Suite) -> None:
    with pytest.raises(CompatError, match="two-1.0.tar.gz has another hash than in suites.json"):
        fetch(suite._replace(sha256="0" * 64))


def test_a_suite_without_a_test_gives_no_result(suite: Suite) -> None:
    with pytest.raises(CompatError, match="Two ran no test: see .*two-memory.log"):
        run_suite(suite, ["-k", "nothing"], "memory")


LINE = "two 1.0: 2 tests, 2 pass without ringsession, 1 with memory, 1 with cookie; 1 differ"
NEW = f"{SIGNED}: passed without ringsession, failed with it"
OVER = f"{COUNTS}: no difference now (passed, passed). Take it out of the rule 'format'"


@pytest.mark.parametrize(
    "known, status, told",
    [
        ({SIGNED: "format"}, 0, []),
        ({}, 1, [NEW]),
        ({SIGNED: "format", COUNTS: "format"}, 1, [OVER]),
    ],
    ids=["known", "new", "over"],
)
def test_the_command_fails_for_a_new_difference_and_for_a_rule_that_is_over(
    known: dict[str, str],
    status: int,
    told: list[str],
    suite: Suite,
    ran: Ran,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "SUITES", [suite])
    monkeypatch.setattr(command, "make_environment", lambda requirements: None)
    monkeypatch.setattr(command, "run_suite", lambda suite, tests, store: ran[store])
    monkeypatch.setattr(command, "expected", lambda name, store: known)
    monkeypatch.setattr(sys, "argv", ["compat", "two"])
    assert command.main() == status
    problems = [f"    {store}: {problem}" for store in STORES for problem in told]
    assert capsys.readouterr().out.splitlines() == [LINE, *problems]


def test_the_command_fails_where_a_suite_cannot_be_fetched(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "SUITES", [suite._replace(version="1.1", file="two-1.1.tar.gz")])
    monkeypatch.setattr(command, "make_environment", lambda requirements: None)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setattr(sys, "argv", ["compat"])
    assert command.main() == 1
    assert capsys.readouterr().out.startswith("two: cannot fetch the source package of two 1.1\n")


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
