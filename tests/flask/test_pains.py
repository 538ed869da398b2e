"""What users of other session packages complain of does not happen here;
`docs/how-to/flask.md` has the table.

Each program is also run on Flask's own sessions and on Flask-Session, by `python -m benchmarks
pains`. No program:

| pain | why |
|---|---|
| 18 an upgrade breaks stored sessions, or an own store | here alone, below: others have no format |
| 27 "sign out everywhere" | `test_user_sessions.py`: the others have no users |
| 32, 33 tokens of forms | here alone, below: the others have none |
| 40 mended faults are never released | nothing that a program can show |
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from flask import Flask, render_template_string, session
from redis import Redis

from ringsession import memory_store
from ringsession.flask import recreate
from ringsession.stores import Lifetime
from ringsession.stores.server_side import hash_id
from tests.flask.apps import make_app
from tests.flask.pains import PAINS
from tests.flask.pains.ours import InTheCookie, OnAServer

ON_SQL = {11, 36, 37}
# What the cookie store cannot do, as its documentation says, and what does not arise without a
# server.
NOT_IN_THE_COOKIE = {1, 3, 7, 26, 38}
WITHOUT_A_SERVER = {11, 34, 35, 36, 37}

GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "flask.md").read_text("utf-8")

with_ids = {n: pytest.param(n, id=f"pain_{n:02}", marks=pytest.mark.server) for n in PAINS}


@pytest.fixture
def on_a_server(valkey: Any) -> Iterator[OnAServer]:
    with Redis(port=valkey.port, db=7, socket_timeout=2) as client:
        client.flushdb()
        yield OnAServer(client)


@pytest.mark.parametrize("number", [with_ids[n] for n in PAINS if n not in ON_SQL])
def test_it_does_not_hurt_here(number: int, on_a_server: OnAServer) -> None:
    _, program, holds = PAINS[number]
    assert program(on_a_server) == holds


def drop_tables(engine: sqlalchemy.Engine) -> None:
    with engine.begin() as connection:
        for table in ("ringsession", "orders"):
            connection.execute(sqlalchemy.text(f"DROP TABLE IF EXISTS {table}"))


@pytest.mark.parametrize("number", [with_ids[n] for n in sorted(ON_SQL)])
def test_it_does_not_hurt_in_a_database(
    number: int, on_a_server: OnAServer, postgresql: Any
) -> None:
    _, program, holds = PAINS[number]
    engine = sqlalchemy.create_engine(postgresql.url)
    drop_tables(engine)  # of other tests, too
    try:
        assert program(on_a_server, engine) == holds
    finally:
        drop_tables(engine)
        engine.dispose()


@pytest.mark.parametrize(
    "number", [pytest.param(n, id=f"pain_{n:02}") for n in PAINS if n not in WITHOUT_A_SERVER]
)
def test_the_cookie_store_spares_it_too_but_for_what_it_cannot(number: int) -> None:
    _, program, holds = PAINS[number]
    assert (program(InTheCookie()) != holds) == (number in NOT_IN_THE_COOKIE)


def test_the_guide_has_every_pain_and_what_holds_here() -> None:
    table = GUIDE.split("<!-- pains")[1].split("<!-- end -->")[0]
    rows = re.findall(r"^\| (\d+) \| (.*) \| .* \| .* \| (.*) \| (.*) \|$", table, re.MULTILINE)
    in_the_cookie = {
        n: "-" if n in WITHOUT_A_SERVER else "fails" if n in NOT_IN_THE_COOKIE else "holds"
        for n in PAINS
    }
    assert rows == [(str(n), PAINS[n].claim, in_the_cookie[n], "holds") for n in PAINS]


def counting(store: Any) -> Flask:
    app = make_app(store, {"security": {"anti_forgery": True}})

    @app.get("/")
    def home() -> str:
        return str(session.get("n"))

    @app.post("/")
    def count() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    @app.get("/token")
    def token() -> str:
        return render_template_string("{{ csrf_token() }}")

    @app.get("/login")
    def login() -> str:
        recreate()
        session["user"] = "ann"
        return ""

    return app


class Own:
    """All that a store must have."""

    def __init__(self) -> None:
        self.sessions: dict[str, Any] = {}

    def read_session(self, key: str) -> Any:
        return self.sessions.get(key)

    def write_session(self, key: str | None, data: Any) -> str:
        key = key or str(len(self.sessions))
        self.sessions[key] = data
        return key

    def delete_session(self, key: str) -> None:
        self.sessions.pop(key, None)


def test_pain_18_a_store_of_ones_own_is_three_functions() -> None:
    client = counting(Own()).test_client()
    own = {"Sec-Fetch-Site": "same-origin"}
    assert [client.post("/", headers=own).text for _ in range(2)] == ["1", "2"]


def test_pain_18_a_record_of_the_first_version_is_read_for_ever() -> None:
    store, value = memory_store(), "A" * 43
    key = hash_id(value, "session")
    assert key is not None
    store.create(key, '1{"n":{"~t":[1,{"~n":"2.50"}]}}', Lifetime())
    client = counting(store).test_client()
    client.set_cookie("session", value)
    assert client.get("/").text == "(1, Decimal('2.50'))"


CROSS_SITE = {"Sec-Fetch-Site": "cross-site"}
WHY = {
    "another site made the browser send it": lambda client: client.post("/", headers=CROSS_SITE),
    "it brought no token": lambda client: [token_of(client)] and client.post("/"),
    "its session has no token: the cookie did not come, or the session has ended": lambda client: (
        client.application.test_client().post("/", headers=token_of(client))
    ),
    "its token is of another session, or from before the login": lambda client: (
        [token := token_of(client), client.get("/login"), token_of(client)]
        and client.post("/", headers=token)
    ),
}


def token_of(client: Any) -> dict[str, str]:
    return {"X-CSRF-Token": client.get("/token").text}


@pytest.mark.parametrize("reason", WHY)
def test_pain_32_the_log_says_why_a_form_was_refused(
    reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = WHY[reason](counting(memory_store()).test_client())
    assert (
        answer.status_code,
        [f"Refused a request, since {reason}. method=POST" in m for m in caplog.messages],
    ) == (
        403,
        [True],
    )


def test_pain_33_each_tab_has_a_token_and_the_login_ends_them() -> None:
    client = counting(memory_store()).test_client()
    first, second = client.get("/token").text, client.get("/token").text
    statuses = [
        client.post("/", headers={"X-CSRF-Token": token}).status_code for token in (first, second)
    ]
    client.get("/login")
    late = client.post("/", headers={"X-CSRF-Token": second}).status_code
    new = client.post("/", headers={"X-CSRF-Token": client.get("/token").text}).status_code
    assert (first != second, statuses, late, new) == (True, [200, 200], 403, 200)
