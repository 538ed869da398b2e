"""The six promises of the README, each in one test, on the server-side store of this version."""

from __future__ import annotations

import ast
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from werkzeug.test import Client

import ringsession
from ringsession import cookie_store, deep_merge, memory_store, site_defaults, to_wsgi
from ringsession import user_sessions, wrap_defaults


class Site:
    """An app whose pages are functions on the session, and a browser for it."""

    def __init__(self, store: Any, **options: Any) -> None:
        self.pages: dict[str, Any] = {}
        config = deep_merge(site_defaults, {"session": {"store": store, **options}})
        self.client = Client(wrap_defaults(to_wsgi(self.handle), config))

    def handle(self, request: Any) -> Any:
        page = self.pages[request["uri"]]
        return {
            "status": 200,
            "headers": {"Content-Type": "text/plain"},
            "body": repr(page(request)),
        }

    def get(self, uri: str, page: Any) -> Any:
        self.pages[uri] = page
        return self.client.get(uri)


def test_promise_1_no_write_is_lost() -> None:
    site = Site(memory_store())
    site.get("/start", lambda request: request["session"].update(start=1))

    def slow(request: Any) -> None:
        request["session"]["slow"] = request["session"]["start"] + 1
        # Another request of the same session begins and ends before this one does.
        site.get("/fast", lambda request: request["session"].update(fast=3))

    site.get("/slow", slow)
    assert site.get("/", lambda request: dict(request["session"])).text == str(
        {"start": 1, "fast": 3, "slow": 2}
    )


def test_promise_2_what_is_deleted_stays_deleted() -> None:
    site = Site(memory_store())
    site.get("/login", lambda request: request["session"].update(user="ann"))
    cookie = site.client.get_cookie("ring-session")
    assert cookie is not None

    def slow(request: Any) -> None:
        request["session"]["late"] = True
        site.get("/logout", lambda request: request["session"].destroy())

    assert "Set-Cookie" not in site.get("/slow", slow).headers
    site.client.set_cookie("ring-session", cookie.value)
    assert site.get("/", lambda request: dict(request["session"])).text == "{}"


class Down:
    """A store whose every call fails, as a server that is gone."""

    def _fail(self, *arguments: Any) -> Any:
        raise ConnectionError("the store was called")

    load = create = patch = claim = destroy = swap = sweep = _fail


def test_promise_3_nothing_for_nothing() -> None:
    answer = Site(Down()).get("/", lambda request: "untouched")
    assert (answer.status_code, answer.text) == (200, "'untouched'")
    assert {"Set-Cookie", "Vary", "Cache-Control"}.isdisjoint(answer.headers.keys())


VALUES = {
    "tuple": (1, 2.0, "x"),
    "set": {1, "a"},
    "bytes": b"\x00\xff",
    "keys": {1: "int", None: "none", ("a", 1): "tuple"},
    "big": 2**200,
    "when": datetime(2026, 11, 23, 12, 30, 0, 5, tzinfo=timezone.utc),
    "price": Decimal("1.50"),
    "id": UUID(int=5),
    "float": float("-inf"),
}


def test_promise_4_what_goes_in_comes_out() -> None:
    for store in (memory_store(), cookie_store("a key of 32 characters for tests")):
        site = Site(store)
        site.get("/in", lambda request: request["session"].update(VALUES))
        found: dict[str, Any] = {}
        site.get("/out", lambda request: found.update(request["session"]))
        assert found == VALUES
        assert [type(value) for value in found.values()] == [type(v) for v in VALUES.values()]


def test_promise_5_the_store_is_not_the_secret() -> None:
    store = memory_store()
    site = Site(store)
    site.get("/", lambda request: request["session"].update(user="ann"))
    cookie = site.client.get_cookie("ring-session")
    assert cookie is not None
    held = repr([(key, entry.record) for key, entry in store._table.entries.items()])
    assert "ann" in held and cookie.value not in held and cookie.value.encode().hex() not in held

    site = Site(cookie_store("a key of 32 characters for tests"))
    sealed = site.get("/", lambda request: request["session"].update(user="ann" * 10))
    assert "annann" not in str(sealed.headers)


def test_promise_5_no_pickle_is_imported_anywhere() -> None:
    imported: set[str] = set()
    for path in Path(ringsession.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
    assert not {"pickle", "shelve", "dill"} & imported


def test_promise_6_ended_means_ended() -> None:
    store = memory_store()
    site = Site(store, user_key="user")
    site.get("/login", lambda request: request["session"].update(user="ann"))

    def slow(request: Any) -> None:
        request["session"]["cart"] = ["book"]
        request["session"].recreate()
        user_sessions(store).end_all("ann")  # as another request does

    site.get("/slow", slow)
    assert user_sessions(store).list("ann") == []
    assert site.get("/", lambda request: request["session"].get("user")).text == "None"
