"""Flask-Limiter counts by what is in our sessions, and costs a page that leaves the session alone
nothing.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, request, session

from ringsession import memory_store
from ringsession.flask import recreate
from tests.flask.apps import make_app
from tests.machine import import_part
from tests.tracing import TracedStore

flask_limiter = import_part("flask_limiter")


def who() -> str:
    """Return the user if one is signed in, else the client's address."""
    return str(session.get("user") or request.remote_addr)


def site(store: Any, key: Any = who) -> Flask:
    app = make_app(store)
    limiter = flask_limiter.Limiter(key, app=app, storage_uri="memory://", headers_enabled=True)

    @app.get("/login/<user>")
    def login(user: str) -> str:
        recreate()
        session["user"] = user
        return ""

    @app.get("/dear")
    @limiter.limit("2 per hour")  # type: ignore[untyped-decorator]
    def dear() -> str:
        return "served"

    @app.get("/writes")
    @limiter.limit("2 per hour")  # type: ignore[untyped-decorator]
    def writes() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    return app


def statuses(client: Any, path: str, times: int) -> list[int]:
    return [client.get(path).status_code for _ in range(times)]


def test_it_counts_each_user_of_a_session(store: Any) -> None:
    app = site(store)
    ann, eve = app.test_client(), app.test_client()
    ann.get("/login/ann")
    eve.get("/login/eve")
    assert statuses(ann, "/dear", 3) == [200, 200, 429]
    assert statuses(eve, "/dear", 3) == [200, 200, 429]


def test_a_user_is_counted_on_after_another_login(store: Any) -> None:
    client = site(store).test_client()
    found = []
    for _ in range(3):
        client.get("/login/ann")
        found += statuses(client, "/dear", 1)
    assert found == [200, 200, 429]


def test_a_request_over_the_limit_writes_nothing(store: Any) -> None:
    client = site(store).test_client()
    client.get("/login/ann")
    assert [client.get("/writes").text for _ in range(2)] == ["1", "2"]
    assert client.get("/writes").status_code == 429
    with client.session_transaction() as found:
        assert dict(found) == {"user": "ann", "n": 2}


def test_its_headers_stand_beside_ours(store: Any) -> None:
    answer = site(store).test_client().get("/writes")
    names = ("X-RateLimit-Remaining", "Vary", "Cache-Control")
    assert {name: answer.headers[name] for name in names} == {
        "X-RateLimit-Remaining": "1", "Vary": "Cookie", "Cache-Control": "private",
    }  # fmt: skip


def test_where_it_counts_addresses_the_session_costs_no_call() -> None:
    store = TracedStore(memory_store())
    client = site(store, lambda: request.remote_addr).test_client()
    client.get("/login/ann")
    store.taken()
    assert (statuses(client, "/dear", 3), store.taken()) == ([200, 200, 429], [])
