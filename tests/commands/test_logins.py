"""`python -m ringsession sessions`, `end` and `count`: what they print, and how they exit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ringsession.commands.plain import make_plain
from tests.commands.process import NEW, OLD, Done, make_file, run

SEEN = "2023-11-15T00:14:20+02:00"
TABLE = "\n".join(
    [
        f"HANDLE{' ' * 28}BEGAN{' ' * 22}SEEN{' ' * 23}IDLE END{' ' * 19}END",
        f"{NEW}  2023-11-15T00:13:22+02:00  {SEEN}  never{' ' * 22}never",
        f"{OLD}  2023-11-15T00:13:21+02:00  {SEEN}  2055-07-24T02:01:00+02:00  never\n",
    ]
)
USAGE = "usage: python -m ringsession "
NAMED = ". RINGSESSION_STORE or --store names the store, so leave STORE out"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return make_file(tmp_path / "sessions.db")


def test_the_sessions_of_a_user_are_a_table_without_their_data(url: str) -> None:
    assert run("sessions", url, "ann") == (0, TABLE, "")
    assert run("sessions", "ann", RINGSESSION_STORE=url) == (0, TABLE, "")
    assert run("sessions", "--store", url, "ann", RINGSESSION_STORE="memory:") == (0, TABLE, "")
    assert run("sessions", url, "eve") == (0, "no live session\n", "")
    other = run("sessions", url, "--cookie-name", "other", "ann")
    assert other == (0, "no live session\n", "")


def test_a_value_is_shown_where_its_key_is_named_and_cannot_control_the_terminal(url: str) -> None:
    done = run("sessions", "--show", "agent", url, "ann", "--show", "none")
    lines = done.out.splitlines()
    assert [line[122:] for line in lines] == ["agent            none", "curl", r"Firefox\x1b[31m"]


def test_json_has_times_in_utc_and_the_values_that_are_named(url: str) -> None:
    done = run("sessions", url, "ann", "--json", "--show", "tags")
    assert json.loads(done.out) == [
        {
            "handle": NEW,
            "began": "2023-11-14T22:13:22+00:00",
            "seen": "2023-11-14T22:14:20+00:00",
            "idle_ends": None,
            "ends": None,
            "data": {},
        },
        {
            "handle": OLD,
            "began": "2023-11-14T22:13:21+00:00",
            "seen": "2023-11-14T22:14:20+00:00",
            "idle_ends": "2055-07-24T00:01:00+00:00",
            "ends": None,
            "data": {"tags": ["a", "b"]},
        },
    ]
    assert json.loads(run("sessions", url, "eve", "--json").out) == []


def test_one_session_ends_once_and_then_the_exit_code_is_1(url: str) -> None:
    assert run("end", url, "bob", OLD) == (1, "ended 0 sessions\n", "")
    assert run("end", url, "ann", OLD) == (0, "ended 1 session\n", "")
    assert run("end", "ann", OLD, "--json", RINGSESSION_STORE=url) == (1, '{"ended": 0}\n', "")
    assert run("count", url) == (0, "3 live sessions\n", "")


def test_all_sessions_of_a_user_end_and_those_of_others_stay(url: str) -> None:
    assert run("end", url, "--all", "ann") == (0, "ended 2 sessions\n", "")
    assert run("end", url, "ann", "--all", "--json") == (0, '{"ended": 0}\n', "")
    assert run("count", url, "--json") == (0, '{"sessions": 2}\n', "")


def test_everyone_is_asked_for_or_needs_yes(url: str) -> None:
    problem = "--everyone: there is no terminal to ask on; write --yes to agree\n"
    done = run("end", url, "--everyone")
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"python -m ringsession end: error: {problem}")
    assert run("end", url, "--everyone", "--yes") == (0, "ended 4 sessions\n", "")
    assert run("count", url) == (0, "0 live sessions\n", "")


FORMS = "STORE USER HANDLE or STORE USER --all or STORE --everyone"
WRONG = [
    (["sessions"], "expected STORE USER, got 0 arguments"),
    (["sessions", "redis://:s3cret@h"], "expected STORE USER, got 1 argument"),
    (["end", "redis://:s3cret@h", "ann"], f"expected {FORMS}, got 2 arguments"),
    (["end", "s3cret", "ann", OLD, "--all"], f"expected {FORMS}, got 3 arguments"),
    (["end", "s3cret", "ann", "--everyone"], f"expected {FORMS}, got 2 arguments"),
    (["end", "s3cret", "--all", "--everyone"], "expected --all or --everyone, not both"),
    (["end", "s3cret", "ann", "--all", "--yes"], "--yes belongs to --everyone"),
    (["count"], "expected STORE, got 0 arguments"),
    (["count", "s3cret", "--no=s3cret"], "unknown option --no"),
]


@pytest.mark.parametrize(("words", "problem"), WRONG, ids=[str(n) for n in range(len(WRONG))])
def test_wrong_words_are_exit_code_2_and_are_not_shown(words: list[str], problem: str) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"{USAGE}{words[0]} STORE")
    assert done.err.endswith(f"\npython -m ringsession {words[0]}: error: {problem}\n")
    assert "s3cret" not in done.err


def test_a_word_too_many_beside_the_variable_says_to_leave_store_out() -> None:
    done = run("count", "redis://:s3cret@host", RINGSESSION_STORE="memory:")
    assert (done.code, done.out) == (2, "")
    end = f"count: error: expected no argument, got 1 argument{NAMED}\n"
    assert done.err.endswith(end) and "s3cret" not in done.err


def test_a_user_may_look_like_an_option_behind_two_dashes(url: str) -> None:
    assert run("sessions", "--json", "--", url, "-x") == (0, "[]\n", "")


@pytest.mark.parametrize("command", ["sessions", "end", "count"])
def test_a_store_in_memory_is_out_of_reach_for_a_command(command: str) -> None:
    words = {"sessions": ["ann"], "end": ["ann", "--all"], "count": []}[command]
    assert run(command, "memory:", *words) == Done(
        1,
        "",
        f"python -m ringsession {command}: memory_store: only the app's own process sees these"
        " sessions. Use a store that processes share, such as sqlite_store(path)\n",
    )


def test_the_version_is_that_of_the_package_and_says_which_form_runs() -> None:
    assert run("--version") == (0, "ringsession 0.2.0 (pure Python)\n", "")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"a": (1, 2.5, None, True)}, {"a": [1, 2.5, None, True]}),
        (float("inf"), "inf"),
        ({2, 1}, [1, 2]),
        (b"\xff", "ff"),
    ],
)
def test_every_value_of_a_session_has_a_form_in_json(value: Any, plain: Any) -> None:
    assert make_plain(value) == plain
