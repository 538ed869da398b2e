"""The guide: its examples give what they show."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest
from flask.sessions import SecureCookieSessionInterface
from redis.exceptions import RedisClusterException
from werkzeug.test import Client

from ringsession import redis_store

DOCS = Path(__file__).parents[1] / "docs"


def prose_lines(text: str) -> list[str]:
    """Return the lines of a page that are not code, a table or a heading."""
    without_code = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return [line for line in without_code.split("\n") if not re.match(r"    |\||#", line)]


PAGES = sorted([*DOCS.glob("*.md"), *DOCS.parent.glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_prose_of_a_page_has_at_most_100_columns(page: Path) -> None:
    assert [line for line in prose_lines(page.read_text("utf-8")) if len(line) > 100] == []


def test_the_program_on_the_security_page_runs() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (DOCS / "security.md").read_text(), re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(compile(program, "security.md", "exec"), namespace)
    headers = {"X-Forwarded-Proto": "https", "Host": "example.org"}
    answer = Client(namespace["app"]).get("/", headers=headers)
    nonce = answer.text.split('"')[1]
    assert answer.headers["Content-Security-Policy"].endswith(f"script-src 'nonce-{nonce}'")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


def test_every_file_that_the_security_page_names_is_there() -> None:
    named = re.findall(
        r"`((?:tests|benchmarks|examples)/[\w/.]+)`", (DOCS / "security.md").read_text()
    )
    assert len(named) > 15
    assert [name for name in named if not (DOCS.parent / name).exists()] == []


def flask_programs() -> dict[str, Any]:
    """The apps on the page for Flask, by the first line of each, on a memory store."""
    page = (DOCS / "from-flask-session.md").read_text("utf-8")
    programs = re.findall(r"```python\n# (.*?)\n(.*?)```", page, re.DOTALL)
    return {name: text.replace("redis://localhost:6379/0", "memory:") for name, text in programs}


def run_flask(name: str) -> Any:
    namespace: dict[str, Any] = {"__name__": "docs"}
    exec(compile(flask_programs()[name], name, "exec"), namespace)
    return namespace["app"].test_client()


def test_every_program_on_the_page_for_flask_is_run_below() -> None:
    assert list(flask_programs()) == [
        "server-side",
        "in the cookie",
        "with a token in each form",
        "reads what Flask signed",
        "takes over the sessions of another extension",
    ]


def test_the_page_for_flask_logs_in_and_out() -> None:
    client = run_flask("server-side")
    client.post("/login", data={"user": "ann"})
    client.post("/cart/book")
    client.post("/cart/lamp")
    expected = "[&#39;Welcome!&#39;] ann [&#39;book&#39;, &#39;lamp&#39;]"
    assert client.get("/").text == expected
    client.post("/logout")
    assert client.get("/").text == "[]  "


def test_the_page_for_flask_seals_a_session() -> None:
    client = run_flask("in the cookie")
    with client.session_transaction() as session:
        session["user"] = "ann"
    assert client.get_cookie("session").value.startswith("A")  # RS2
    with client.session_transaction() as session:
        assert dict(session) == {"user": "ann"}


def test_the_page_for_flask_asks_for_a_token() -> None:
    client = run_flask("with a token in each form")
    token = client.get("/").text.split('value="')[1].split('"')[0]
    assert client.post("/").status_code == 403
    assert client.post("/", data={"__anti-forgery-token": token}).text == "gone"


def test_the_page_for_flask_keeps_who_flask_signed_in() -> None:
    client = run_flask("reads what Flask signed")
    signer = SecureCookieSessionInterface().get_signing_serializer(client.application)
    assert signer is not None
    client.set_cookie("session", signer.dumps({"user": "ann"}))
    assert [client.get("/").text for _ in range(2)] == ["ann", "ann"]


def test_the_page_for_flask_takes_an_old_session_over_once() -> None:
    client = run_flask("takes over the sessions of another extension")
    client.set_cookie("session", "old-id")
    assert [client.get("/").text for _ in range(2)] == ["ann", "ann"]
    copied = client.application.test_client()
    copied.set_cookie("session", "old-id")
    assert copied.get("/").text == "None"


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
