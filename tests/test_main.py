"""The command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ringsession import cookie_store, sqlite_store
from ringsession.__main__ import main
from tests.servers import Server
from tests.serving import ROOT, free_port


def test_key_prints_a_fresh_key_that_the_cookie_store_takes(capsys: Any) -> None:
    main(["key"])
    main(["key"])
    one, other = capsys.readouterr().out.split()
    assert one != other
    assert cookie_store(one, [other])


@pytest.mark.parametrize("arguments", [[], ["nothing"]])
def test_anything_else_says_how_it_is_used(arguments: list[str], capsys: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m ringsession" in capsys.readouterr().err


@pytest.mark.server
def test_create_table_makes_the_table_once_and_sweep_clears_it(
    postgresql: Server, capsys: Any
) -> None:
    main(["create-table", postgresql.url])
    main(["create-table", postgresql.url])
    main(["sweep", postgresql.url])
    first, again, swept = capsys.readouterr().out.splitlines()
    assert (first, again) == ("the table exists and has all columns",) * 2
    assert (swept[:8], swept[-17:]) == ("removed ", " expired sessions")


def test_a_store_without_a_table_says_so(tmp_path: Path, capsys: Any) -> None:
    main(["create-table", f"sqlite:///{tmp_path / 'sessions.db'}"])
    assert capsys.readouterr().out == (
        "this store needs no create-table: it has no table, or creates it when it opens\n"
    )


@pytest.mark.parametrize("command", ["create-table", "sweep"])
def test_a_store_that_is_none_ends_with_one_line(command: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "mongodb://user:s3cret@host"])
    assert str(caught.value.code).startswith(f"python -m ringsession {command}: store: expected")
    assert "s3cret" not in str(caught.value.code)


DOWN = ["postgresql+psycopg://web:s3cret@", "mysql+pymysql://web:s3cret@", "redis://:s3cret@"]


@pytest.mark.parametrize(
    ("command", "start"),
    [*(("create-table", start) for start in DOWN[:2]), *(("sweep", start) for start in DOWN)],
)
def test_a_server_that_is_down_is_one_line_and_exit_code_1(command: str, start: str) -> None:
    url = f"{start}127.0.0.1:{free_port()}/0"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "ringsession", command, url]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"python -m ringsession {command}: ")
    assert done.stderr.count("\n") == 1
    assert "efused" in done.stderr and "s3cret" not in done.stderr


@pytest.mark.server
@pytest.mark.parametrize("command", ["create-table", "sweep"])
def test_a_role_or_database_that_does_not_exist_is_one_line(
    command: str, postgresql: Server, capsys: Any
) -> None:
    for url in (
        f"postgresql+psycopg://s3cret@127.0.0.1:{postgresql.port}/postgres",
        f"postgresql+psycopg://ringsession@127.0.0.1:{postgresql.port}/nope",
    ):
        with pytest.raises(SystemExit) as caught:
            main([command, url])
        line = str(caught.value.code)
        assert line.startswith(f"python -m ringsession {command}: sql_store: the ")
        assert "s3cret" not in line and "\n" not in line


@pytest.mark.server
def test_sweep_of_a_redis_that_answers_says_that_nothing_was_removed(
    valkey: Server, capsys: Any
) -> None:
    main(["sweep", valkey.url])
    assert capsys.readouterr().out == "removed 0 expired sessions\n"


def test_a_command_lets_later_code_of_the_process_create_files(tmp_path: Path, capsys: Any) -> None:
    main(["create-table", f"sqlite:///{tmp_path / 'sessions.db'}"])
    assert list(tmp_path.iterdir()) == []
    sqlite_store(tmp_path / "sessions.db").close()
    assert (tmp_path / "sessions.db").exists()
