"""The commands inside this process, as code that calls `main` or an app's test runner sees them."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ringsession.__main__ import main
from ringsession.commands import waiting as waiting_module
from ringsession.commands.run import run
from ringsession.commands.upkeep import check
from ringsession.commands.waiting import waiting
from tests.commands.process import NEW, OLD, make_file
from tests.flask.apps import make_app
from tests.servers import Server
from tests.stores.networked import make_store


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("RINGSESSION_STORE", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return make_file(tmp_path / "sessions.db", "session")


def call(url: str, command: str, *words: str) -> tuple[object, bool]:
    """Return the exit code of a command on a store. True stands for one line on stderr."""
    name = ["--cookie-name", "session"] if command in ("sessions", "end") else []
    try:
        main([command, url, *words, *name])
    except SystemExit as error:
        return error.code, True
    return 0, False


def test_main_runs_each_command(url: str, capsys: Any) -> None:
    told = [
        call(url, "sessions", "ann", "--show", "agent")[0],
        call(url, "sessions", "eve")[0],
        call(url, "sessions", "ann", "--json", "--show", "tags")[0],
        call(url, "end", "ann", OLD)[0],
        call(url, "end", "ann", OLD)[0],
        call(url, "end", "ann", "--all")[0],
        call(url, "count", "--json")[0],
        call(url, "check")[0],
        call(url, "sweep")[0],
        call(url, "end", "--everyone", "--yes")[0],
    ]
    assert told == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    assert capsys.readouterr().out.splitlines()[-1] == "ended 2 sessions"


@pytest.mark.parametrize(
    "words",
    [["ann"], ["--everyone"], ["ann", "--all", "--yes"], ["--all", "--everyone"], ["--no"]],
    ids=["a user alone", "no terminal", "yes", "both", "unknown"],
)
def test_main_exits_with_2_for_wrong_words(words: list[str], url: str, capsys: Any) -> None:
    assert call(url, "end", *words) == (2, True)
    assert capsys.readouterr().err.startswith("usage: python -m ringsession end STORE USER HANDLE")


def test_main_refuses_a_word_too_many(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main(["explain", "site", "s3cret"])
    problem = "python -m ringsession: error: 1 argument too many\n"
    assert capsys.readouterr().err.endswith(problem)


def test_the_question_is_answered_by_yes_alone(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    for answer, code in (("no\n", 1), ("", 1), ("Yes\n", 0)):
        monkeypatch.setattr(sys, "stdin", FakeTerminal(answer))
        assert call(url, "end", "--everyone")[0] == code
    printed = capsys.readouterr()
    assert printed.out == "ended 0 sessions\nended 0 sessions\nended 4 sessions\n"
    assert printed.err.count("End every session of the cookie 'session' in sqlite:///") == 3


def test_a_store_that_cannot_is_one_line(url: str) -> None:
    for command, words in (("count", ()), ("sessions", ("ann",))):
        line = str(call("memory:", command, *words)[0])
        assert line.startswith(f"python -m ringsession {command}: memory_store: only the app's own")


def test_the_bar_moves_and_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_module, "_FIRST", 0.01)
    terminal = FakeTerminal()
    with waiting("count", terminal):
        time.sleep(0.5)
    shown = terminal.getvalue()
    assert shown.startswith("\rcount [<=>                 ] 0 s\rcount [ <=>")
    assert shown.endswith("\r\x1b[K")


def test_an_app_runs_each_command(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runner: Any = make_app(url, {"session": {"user_key": "user"}}).test_cli_runner()

    def run(*words: str) -> tuple[int, str]:
        result = runner.invoke(args=["ringsession", *words])
        return result.exit_code, result.output

    assert run("sessions", "ann", "--json")[1].count('"handle"') == 2
    assert run("end", "ann", NEW) == (0, "ended 1 session\n")
    assert run("end", "ann", "--all", "--json") == (0, '{"ended": 1}\n')
    assert run("end", "ann")[0] == run("end", "--everyone")[0] == 2
    assert run("count") == (0, "2 live sessions\n")
    assert run("check")[0] == run("sweep")[0] == run("create-table")[0] == 0
    assert run("explain")[0] == 1
    assert len(run("key")[1]) == 44
    monkeypatch.setattr("ringsession.commands.run.agrees_to_end", lambda name, where: False)
    assert run("end", "--everyone") == (1, "ended 0 sessions\n")
    assert run("end", "--everyone", "--yes") == (0, "ended 2 sessions\n")


def test_an_app_without_users_or_sessions_on_a_server_says_so() -> None:
    sealed: Any = make_app(None).test_cli_runner()
    result = sealed.invoke(args=["ringsession", "sweep"])
    assert (result.exit_code, result.output) == (0, "this store has no sweep of its own\n")
    assert sealed.invoke(args=["ringsession", "count"]).exit_code == 1
    assert sealed.invoke(args=["ringsession", "check"]).exit_code == 0


@pytest.mark.server
@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "redis"])
def test_a_store_on_a_server_is_checked(kind: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(kind)
    answer = check(make_store(server))
    assert (answer.code, {each["level"] for each in answer.data}) == (0, {"ok"})


class Failing:
    """A store whose report fails, as by a mistake in it."""

    def report(self) -> Any:
        raise RuntimeError("s3cret")


def test_a_report_that_fails_is_an_error_without_its_message() -> None:
    answer = check(Failing())
    assert answer.code == 1
    assert answer.data[0]["text"] == "a store of type Failing"
    assert answer.data[1]["text"].startswith("RuntimeError at test_in_process.py:")
    assert "s3cret" not in answer.text


def told_of(path: Path, capsys: Any) -> list[tuple[str, str, str]]:
    call(f"sqlite:///{path}", "check", "--json")
    told = json.loads(capsys.readouterr().out)
    return [(each["level"], each["part"], each["text"]) for each in told[1:]]


EMPTY = (
    "error",
    "table",
    "'ringsession': it does not exist; the app creates it when it opens the store",
)
DELETE = (
    "warning",
    "journal mode",
    "expected wal, got delete; the app sets it when it opens the store",
)


def test_a_file_is_examined_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.delenv("RINGSESSION_STORE", raising=False)
    path = tmp_path / "sessions.db"
    missing = "no such file or directory; the app creates it when it opens the store"
    assert told_of(path, capsys) == [("error", "file", missing)]
    path.touch(mode=0o600)
    assert told_of(path, capsys) == [("ok", "file", "exists"), EMPTY, DELETE]
    path.chmod(0o644)
    others = "mode 644 lets other users of the machine in; set 600"
    assert told_of(path, capsys) == [("warning", "file", others), EMPTY, DELETE]
    path.write_text("this is no database, but a text of some length")
    path.chmod(0o600)
    assert told_of(path, capsys) == [
        ("ok", "file", "exists"),
        ("error", "file", "file is not a database"),
    ]


def test_explain_ends_with_1_for_a_weak_point_and_with_2_for_no_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    for app, code in (("site", 1), ("nonsense", 2), ("no_such_module:app", 2), ("os:sep", 2)):
        with pytest.raises(SystemExit) as ended:
            main(["explain", app])
        assert ended.value.code == code, app
    main(["explain", "site", "--warn-only"])
    assert "weak points:" in capsys.readouterr().out


def test_an_interrupted_command_says_to_run_it_again(capsys: Any) -> None:
    def interrupted() -> Any:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        run("python -m ringsession sweep", interrupted)
    assert ended.value.code == 130
    assert capsys.readouterr().err.endswith("interrupted before its end; run it again\n")
