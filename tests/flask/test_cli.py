"""`flask ringsession`: the commands on the app's own store, before the app can serve."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from tests.commands.process import NEW, OLD, Done, environ, make_file, run
from tests.flask.apps import make_app
from tests.servers import Server
from tests.serving import free_port

SHOP = """\
import os
from flask import Flask
from ringsession.flask import RingSession

app = Flask(__name__)
app.secret_key = "a secret for the tests alone"
config = {"cookie_attrs": {"secure": True}}
if "STORE" in os.environ:
    config["store"] = os.environ["STORE"]
if "KEY" in os.environ:
    config["user_key"] = os.environ["KEY"]
RingSession(app, {"session": config})
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with the module `shop` and a file of sessions."""
    (tmp_path / "shop.py").write_text(SHOP)
    make_file(tmp_path / "sessions.db", "session")
    return tmp_path


FILE = {"STORE": "sqlite:///sessions.db", "KEY": "user"}


def flask(folder: Path, *words: str, **variables: str) -> Done:
    return run("--app", "shop", "ringsession", *words, module="flask", cwd=folder, **variables)


def test_the_sessions_are_those_under_the_apps_own_cookie(shop: Path) -> None:
    code, out, err = flask(shop, "sessions", "ann", "--json", "--show", "agent", **FILE)
    assert (code, err) == (0, "")
    found = [(each["handle"], each["data"]) for each in json.loads(out)]
    assert found == [(NEW, {"agent": "curl"}), (OLD, {"agent": "Firefox\x1b[31m"})]
    head, *lines = flask(shop, "sessions", "ann", **FILE).out.splitlines()
    assert head.split() == ["HANDLE", "BEGAN", "SEEN", "IDLE", "END", "END"]
    assert [line.split()[0] for line in lines] == [NEW, OLD]


def test_the_version_is_that_of_the_package(shop: Path) -> None:
    assert flask(shop, "--version") == (0, "ringsession, version 0.2.0\n", "")


def test_sessions_end_one_by_one_by_user_and_all_together(shop: Path) -> None:
    assert flask(shop, "end", "bob", OLD, **FILE) == (1, "ended 0 sessions\n", "")
    assert flask(shop, "end", "ann", OLD, **FILE) == (0, "ended 1 session\n", "")
    assert flask(shop, "end", "ann", "--all", "--json", **FILE) == (0, '{"ended": 1}\n', "")
    assert flask(shop, "count", **FILE) == (0, "2 live sessions\n", "")
    del_key = {"STORE": FILE["STORE"]}  # everyone is everyone, also where nobody has a name
    assert flask(shop, "end", "--everyone", "--yes", **del_key) == (0, "ended 2 sessions\n", "")
    assert flask(shop, "count", "--json", **FILE) == (0, '{"sessions": 0}\n', "")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["end"], "expected USER HANDLE or USER --all or --everyone, got 0 arguments"),
        (["end", "ann", "--all", "--yes"], "--yes belongs to --everyone"),
        (["end", "--everyone"], "--everyone: there is no terminal to ask on; write --yes to agree"),
    ],
    ids=["nothing", "yes", "everyone"],
)
def test_wrong_words_are_exit_code_2(words: list[str], problem: str, shop: Path) -> None:
    assert flask(shop, *words, **FILE) == (
        2,
        "",
        "Usage: python -m flask ringsession end [OPTIONS] [USER] [HANDLE]\n"
        f"Try 'python -m flask ringsession end --help' for help.\n\nError: {problem}\n",
    )


def test_the_store_is_swept_and_checked(shop: Path) -> None:
    assert flask(shop, "sweep", "--json", **FILE) == (0, '{"removed": 0}\n', "")
    code, out, err = flask(shop, "check", **FILE)
    assert (code, out.splitlines()[2:], err) == (
        0,
        ["ok  table         'ringsession' has all columns", "ok  journal mode  wal"],
        "",
    )


def test_no_command_creates_the_file_that_the_app_lacks(shop: Path) -> None:
    other = {**FILE, "STORE": "sqlite:///other.db"}
    problem = "no such file or directory; the app creates it when it opens the store"
    assert flask(shop, "check", **other) == (
        1,
        f"ok     store  <sqlite_store 'other.db'>\nerror  file   {problem}\n",
        "",
    )
    assert not (shop / "other.db").exists()


@pytest.mark.server
def test_create_table_loads_an_app_whose_table_is_missing(shop: Path, postgresql: Server) -> None:
    engine = sqlalchemy.create_engine(postgresql.url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("DROP TABLE IF EXISTS ringsession"))
    done = flask(shop, "create-table", STORE=postgresql.url)
    assert done == (0, "the table exists and has all columns\n", "")
    assert flask(shop, "count", STORE=postgresql.url) == (0, "0 live sessions\n", "")


def test_a_server_that_is_down_is_one_line(shop: Path) -> None:
    done = flask(shop, "count", STORE=f"redis://:s3cret@127.0.0.1:{free_port()}/0")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith("flask ringsession count: redis_store: the connection failed: ")
    assert "efused" in done.err and "s3cret" not in done.err


WHERE = 'Set it to the session key that names the user, such as "user"'


@pytest.mark.parametrize(
    ("words", "store", "problem"),
    [
        (
            ["sessions", "ann"],
            {},
            "expected a server-side store that finds users, got <cookie_store with a given key>",
        ),
        (
            ["sessions", "ann"],
            {"STORE": FILE["STORE"]},
            f'this app has no ["session"]["user_key"]. {WHERE}',
        ),
        (
            ["count"],
            {"STORE": "memory:"},
            "memory_store: only the app's own process sees these sessions. Use a store that"
            " processes share, such as sqlite_store(path)",
        ),
        (
            ["count"],
            {"STORE": FILE["STORE"], "KEY": "a\nb"},
            '["session"]["user_key"]: expected a session key such as "user", or None, got'
            " 'a\\\\nb'",
        ),
    ],
    ids=["cookie", "no user_key", "memory", "wrong config"],
)
def test_an_app_that_cannot_is_one_line(
    words: list[str], store: dict[str, str], problem: str, shop: Path
) -> None:
    done = flask(shop, *words, **store)
    assert done == (1, "", f"flask ringsession {words[0]}: {problem}\n")


def test_a_sealed_cookie_has_nothing_to_sweep_and_no_table(shop: Path) -> None:
    assert flask(shop, "sweep") == (0, "this store has no sweep of its own\n", "")
    text = "this store needs no create-table: it has no table, or creates it when it opens"
    assert flask(shop, "create-table") == (0, f"{text}\n", "")
    shown = "ok  store  <cookie_store with a given key>\n"
    assert flask(shop, "check") == (0, shown, "")


def test_an_app_without_ringsession_says_so(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("import flask\napp = flask.Flask(__name__)\n")
    problem = "this app has no RingSession. Call RingSession(app) first"
    assert flask(tmp_path, "count") == (1, "", f"flask ringsession count: {problem}\n")


def test_explain_describes_the_app_and_key_needs_none(shop: Path, tmp_path: Path) -> None:
    done = flask(shop, "explain", **FILE)
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("wrap_cookies") and "user_key='user'" in done.out
    assert flask(shop, "explain", "--warn-only", **FILE) == (0, done.out, "")
    one = run("--app", "none", "ringsession", "key", module="flask", cwd=tmp_path)
    assert (one.code, len(one.out), one.err) == (0, 44, "")


def test_the_test_runner_of_an_app_finds_the_commands(tmp_path: Path) -> None:
    app: Any = make_app(make_file(tmp_path / "sessions.db", "session"))
    result = app.test_cli_runner().invoke(args=["ringsession", "count"])
    assert (result.exit_code, result.output) == (0, "4 live sessions\n")


def test_an_app_that_serves_does_not_import_the_commands(shop: Path) -> None:
    program = (
        "import shop, sys; shop.app.test_client().get('/');"
        " print(sorted(name for name in sys.modules if 'ringsession.commands' in name))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shop,
        env=environ(**FILE),
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
