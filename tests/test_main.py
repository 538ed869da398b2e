"""The command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringsession import cookie_store
from ringsession.__main__ import main
from tests.servers import Server


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
