"""The guide: its examples give what they show."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisClusterException
from werkzeug.test import Client

from ringsession import redis_store

DOCS = Path(__file__).parents[1] / "docs"


def test_the_program_on_the_security_page_runs() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (DOCS / "security.md").read_text(), re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(compile(program, "security.md", "exec"), namespace)
    headers = {"X-Forwarded-Proto": "https", "Host": "example.org"}
    answer = Client(namespace["app"]).get("/", headers=headers)
    nonce = answer.text.split('"')[1]
    assert answer.headers["Content-Security-Policy"].endswith(f"script-src 'nonce-{nonce}'")


def test_every_file_that_the_security_page_names_is_there() -> None:
    named = re.findall(
        r"`((?:tests|benchmarks|examples)/[\w/.]+)`", (DOCS / "security.md").read_text()
    )
    assert len(named) > 15
    assert [name for name in named if not (DOCS.parent / name).exists()] == []


@pytest.mark.parametrize("page, least", [("sessions-and-cookies.md", 20), ("stores.md", 8)])
def test_every_example_gives_what_it_shows(
    page: str, least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testfile(str(DOCS / page), module_relative=False)
    assert tried > least
    assert failed == 0


def test_the_programs_on_the_page_of_stores_run_until_they_ask_a_server() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (DOCS / "stores.md").read_text(), re.DOTALL)
    lines = program.strip().split("\n")
    namespace: dict[str, Any] = {"redis_store": redis_store}
    for line in lines:
        if "RedisCluster(" in line:  # it asks its node for the others at once
            with pytest.raises(RedisClusterException):
                exec(line, namespace)
        else:
            exec(line, namespace)
