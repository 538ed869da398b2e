"""Flask-SocketIO with manage_session=False, as its author advises for sessions on a server: events
read what is stored now, and what they write is saved when they end.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.cookiejar import CookieJar
from json import loads
from typing import Any

import pytest
from flask import session

from ringsession import SessionCommitted, StoreUnavailable, cookie_store, memory_store
from tests.flask.apps import SECRET, set_cookies
from tests.machine import import_part
from tests.serving import free_port, running, wait_until
from tests.tracing import TracedStore

socketio = import_part("socketio")
import_part("flask_socketio")
import_part("simple_websocket")
import_part("websocket")

from tests.flask.socketio_app import ORDERS, Site, make_site  # noqa: E402


class Pages:
    """A browser's page: HTTP requests with a cookie jar, and a real client of Socket.IO."""

    def __init__(self, port: int, transport: str) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.transport = transport
        self.jar = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def get(self, path: str) -> str:
        with self.opener.open(self.root + path, timeout=30) as answer:
            return str(answer.read().decode())

    def read(self) -> Any:
        return loads(self.get("/read"))

    @contextmanager
    def connected(self) -> Iterator[Any]:
        cookie = "; ".join(f"{found.name}={found.value}" for found in self.jar)
        client = socketio.Client(reconnection=False)
        client.connect(
            self.root, headers={"Cookie": cookie}, transports=[self.transport], wait_timeout=20
        )
        try:
            yield client
        finally:
            client.emit("leave")  # a client that closes a WebSocket first waits for the server
            wait_until(lambda: not client.connected)


@pytest.fixture(scope="module", params=ORDERS)
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server that has complained of nothing when it ends."""
    folder, port = tmp_path_factory.mktemp("socketio"), free_port()
    store = f"sqlite:///{folder / 'sessions.db'}"
    arguments = ["-m", "tests.flask.socketio_app", str(port), request.param, store]
    with running(arguments, port, folder) as log:
        yield port
        printed = log.read_text()
    assert [word for word in ("Traceback", "ERROR") if word in printed] == [], printed


@pytest.mark.server
@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_pages_and_events_share_the_session(port: int, transport: str) -> None:
    pages = Pages(port, transport)
    pages.get("/set/a/1")
    with pages.connected() as client:
        assert client.call("read")["a"] == "1"
        pages.get("/set/b/2")
        assert client.call("read")["b"] == "2"
        assert [client.call("set", ("c", [3])), client.call("append", ("c", 4))] == ["saved"] * 2
        assert (pages.read()["c"], client.call("read")["c"]) == ([3, 4], [3, 4])
        client.call("flash", "from an event")
        assert pages.get("/messages") == '["from an event"]\n'
        with ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(client.call, "set", (f"n{n}", n)) for n in range(16)]
            assert [call.result() for call in calls] == ["saved"] * 16
        assert {f"n{n}": n for n in range(16)}.items() <= pages.read().items()


@pytest.mark.server
@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_the_handler_of_the_connection_may_write_too(port: int, transport: str) -> None:
    pages = Pages(port, transport)
    pages.get("/set/other/1")
    with pages.connected() as client:
        client.call("set", ("connections", 0))
    for number in (1, 2):
        with pages.connected() as client:
            assert client.call("read")["connections"] == number


@pytest.mark.server
@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_who_logs_out_on_a_page_or_in_an_event_stays_logged_out(port: int, transport: str) -> None:
    pages = Pages(port, transport)
    pages.get("/set/user/ann")
    with pages.connected() as client:
        assert client.call("clear") == "ended"
        assert (pages.read(), client.call("read")) == ({}, {})
        client.call("set", ("user", "ann"))  # dropped and logged: its session has ended
        assert (pages.read(), client.call("read")) == ({}, {})


# -- by its test client


def connect(site: Site, *pages: str) -> tuple[Any, Any]:
    """A client for pages, and one for events with the same cookies."""
    browser = site.app.test_client()
    for page in pages:
        browser.get(page)
    return browser, site.socketio.test_client(site.app, flask_test_client=browser)


@pytest.fixture(params=ORDERS)
def order(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_its_test_client_reads_and_writes(order: str, shared_store: Any) -> None:
    browser, client = connect(make_site(order, shared_store), "/set/a/1")
    for value in (1, 2):
        client.emit("set", "x", value)
        assert browser.get("/read").json == {"a": "1", "x": value}
    browser.get("/set/b/2")
    assert client.emit("read", callback=True) == {"a": "1", "b": "2", "x": 2}
    client.emit("flash", "saved")
    assert client.emit("messages", callback=True) == ["saved"]
    assert (client.emit("messages", callback=True), browser.get("/messages").json) == ([], [])


def test_an_event_that_leaves_the_session_alone_costs_no_call_and_a_write_two(order: str) -> None:
    store = TracedStore(memory_store())
    site = make_site(order, store)
    site.socketio.on("plain")(lambda: None)
    _, client = connect(site, "/set/a/1")
    store.taken()
    for event, calls in (
        (("plain",), []),
        (("read",), ["load"]),
        (("set", "a", "1"), ["load"]),
        (("set", "a", "2"), ["load", "patch"]),
        (("clear",), ["load", "destroy"]),
    ):
        client.emit(*event)
        assert (event, store.taken()) == (event, calls)


@pytest.mark.parametrize("event", [("set", "x", 1), ("recreate",), ("flash", "hello")])
def test_a_change_that_needs_a_cookie_is_an_error_and_nothing_is_stored(
    order: str, event: Any
) -> None:
    store = TracedStore(memory_store())
    site = make_site(order, store)
    cases = (connect(site), connect(site, "/set/a/1") if event == ("recreate",) else connect(site))
    for browser, client in cases:
        before = browser.get("/read").json
        store.taken()
        with pytest.raises(SessionCommitted, match="an event cannot send a cookie"):
            client.emit(*event)
        assert {"create", "patch", "claim", "destroy"}.isdisjoint(store.taken())
        assert browser.get("/read").json == before


@pytest.mark.parametrize("event", [("set", "x", 1), ("clear",), ("recreate",), ("flash", "hello")])
def test_on_the_cookie_store_events_read_and_every_change_is_an_error(
    order: str, event: Any
) -> None:
    browser, client = connect(make_site(order, cookie_store(SECRET)), "/set/a/1")
    assert client.emit("read", callback=True) == {"a": "1"}
    with pytest.raises(SessionCommitted, match="an event cannot send a cookie"):
        client.emit(*event)
    assert browser.get("/read").json == {"a": "1"}


class Mapped:
    """A store of three functions; with `moving`, each write is under a key of its own."""

    def __init__(self, moving: bool) -> None:
        self.kept: dict[str, Any] = {}
        self.moving = moving

    def read_session(self, key: str) -> Any:
        return self.kept.get(key)

    def write_session(self, key: Any, data: Any) -> str:
        new = key if key and not self.moving else f"key-{len(self.kept)}"
        self.kept[new] = data
        return str(new)

    def delete_session(self, key: str) -> None:
        self.kept.pop(key, None)


def test_a_store_of_three_functions_saves_where_it_keeps_its_key(order: str) -> None:
    browser, client = connect(make_site(order, Mapped(False)), "/set/a/1")
    client.emit("set", "x", 1)
    assert browser.get("/read").json == {"a": "1", "x": 1}
    browser, client = connect(make_site(order, Mapped(True)), "/set/a/1")
    with pytest.raises(SessionCommitted, match="an event cannot send a cookie"):
        client.emit("set", "x", 1)


def test_a_store_that_fails_is_an_error_of_the_event_and_a_log_line(
    order: str, caplog: Any
) -> None:
    store = TracedStore(memory_store())
    browser, client = connect(make_site(order, store), "/set/a/1")
    for call in ("load", "patch"):
        store.failing = {call}
        caplog.clear()
        with pytest.raises(StoreUnavailable):
            client.emit("set", "x", 1)
        assert [line.levelname for line in caplog.records if line.name == "ringsession.audit"] == [
            "ERROR"
        ]
    store.failing = set()
    assert browser.get("/read").json == {"a": "1"}


def test_what_no_store_can_hold_is_an_error_of_the_event(order: str, shared_store: Any) -> None:
    site = make_site(order, shared_store)

    @site.socketio.on("bad")
    def bad() -> None:
        session["x"] = [object()]

    browser, client = connect(site, "/set/a/1")
    with pytest.raises(TypeError, match=r'session\["x"\]\[0\]'):
        client.emit("bad")
    assert browser.get("/read").json == {"a": "1"}


def test_with_a_session_that_flask_socketio_manages_events_keep_their_own_copy(
    order: str, store: Any
) -> None:
    browser, client = connect(make_site(order, store, manage_session=True), "/set/a/1")
    client.emit("set", "x", 1)
    assert client.emit("read", callback=True) == {"a": "1", "x": 1}
    assert browser.get("/read").json == {"a": "1"}


def test_a_token_read_in_an_event_is_good_on_the_pages(order: str, shared_store: Any) -> None:
    site = make_site(order, shared_store, {"security": {"anti_forgery": {"mode": "token"}}})
    site.app.add_url_rule("/post", "post", lambda: "passed", methods=["POST"])
    browser, client = connect(site, "/set/a/1")
    tokens = [client.emit("token", callback=True) for _ in range(2)]
    answers = [browser.post("/post", headers={"X-CSRF-Token": token}) for token in tokens]
    assert [answer.text for answer in answers] == ["passed", "passed"]
    with pytest.raises(SessionCommitted, match="an event cannot send a cookie"):
        connect(site)[1].emit("token")


def test_an_event_extends_the_timeout_unless_a_cookie_had_to_say_so(order: str) -> None:
    for page, calls in (("/set/a/1", ["load", "load"]), ("/stay", ["load"])):
        clock = [0.0]
        store = TracedStore(memory_store(clock=lambda: clock[0]))
        site = make_site(order, store)

        @site.app.get("/stay")
        def stay() -> str:
            session.permanent = True
            return ""

        browser, client = connect(site, page)
        clock[0] += 3600
        store.taken()
        client.emit("read")
        assert (page, store.taken()) == (page, calls)
        assert ("Max-Age" in str(set_cookies(browser.get("/read")))) is (page == "/stay")
