"""The store on Memcached keeps the contract, and fails as a cache may, on a real server."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import unquote

import pytest
from werkzeug.test import Client as Browser

from ringsession import assoc_in, codec, site_defaults, text, to_wsgi, wrap_defaults
from ringsession.config import ConfigError
from ringsession.stores import Lifetime, StoreUnavailable
from ringsession.stores.ids import hash_id
from ringsession.testing import StoreContract, change, key_of
from tests.machine import import_part
from tests import servers
from tests.servers import Server
from tests.serving import wait_until

import_part("pymemcache")

from pymemcache import Client  # noqa: E402

from examples.memcached_store import Item, MemcachedStore, find_exptime  # noqa: E402

pytestmark = pytest.mark.server
prefixes = (f"test{number}:" for number in count())


@pytest.fixture
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server for one test, which may kill it. The test's parameter is its options."""
    running = servers.memcached(*getattr(request, "param", ("-M",)))
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def store(memcached: Server) -> Iterator[MemcachedStore]:
    store = MemcachedStore(memcached.url, prefix=next(prefixes))
    yield store
    store.close()


@pytest.fixture
def own_store(own_server: Server) -> Iterator[MemcachedStore]:
    store = MemcachedStore(own_server.url)
    yield store
    store.close()


class TestMemcachedStore(StoreContract):
    finds_users = False

    @pytest.fixture(autouse=True)
    def on_server(self, memcached: Server) -> Iterator[None]:
        self.server, self.stores, self.now = memcached, [], time.time()
        yield
        for store in self.stores:
            store.close()

    def make_store(self) -> MemcachedStore:
        store = MemcachedStore(self.server.url, prefix=next(prefixes))
        store.clock = lambda: self.now  # type: ignore[method-assign]
        self.stores.append(store)
        return store

    def pass_time(self, seconds: float) -> None:
        self.now += seconds


def count_visits(request: Any) -> Any:
    """Answer "/NAME" with how often it was asked for, and end the session at "/logout"."""
    name = request["uri"].strip("/")
    if name == "logout":
        return text("good bye") | {"session": None}
    if name == "health":
        return text("well")
    request["session"][name] = request["session"].get(name, 0) + 1
    return text(str(request["session"][name]))


def app_on(store: MemcachedStore, handler: Any = count_visits) -> Any:
    return wrap_defaults(to_wsgi(handler), assoc_in(site_defaults, ["session", "store"], store))


def key_in(browser: Browser) -> str:
    """Return the key of the session whose cookie a browser has."""
    key = hash_id(browser.get_cookie("ring-session").value, "ring-session")
    assert key is not None
    return key


def evict(store: MemcachedStore, key: str) -> None:
    """Do to an item what an eviction does."""
    with closing(Client(store.server, key_prefix=store.prefix)) as client:
        assert client.delete(key, noreply=False)


def test_requests_at_the_same_time_lose_no_write(store: MemcachedStore) -> None:
    app = app_on(store)
    browser = Browser(app)
    browser.get("/first")
    cookie = browser.get_cookie("ring-session").value

    def visit(name: str) -> list[str]:
        own = Browser(app)
        own.set_cookie("ring-session", cookie)
        return [own.get(f"/{name}").text for _ in range(25)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(visit, "abcdefgh"))
    assert answers == [[str(number) for number in range(1, 26)]] * 8
    assert [browser.get(f"/{name}").text for name in "abcdefgh"] == ["26"] * 8


@pytest.mark.parametrize("is_evicted", [False, True])
def test_a_request_that_writes_after_the_logout_brings_nobody_back(
    store: MemcachedStore, is_evicted: bool
) -> None:
    def slow(request: Any) -> Any:
        if request["uri"] == "/slow":
            request["session"]["user"]  # loads it
            other.get("/logout")
            if is_evicted:
                evict(store, key)  # the tombstone
            request["session"]["cart"] = ["tea"]
            return text("stored too late")
        if request["uri"] == "/logout":
            return text("") | {"session": None}
        if request["uri"] == "/login":
            request["session"]["user"] = "ann"
        return text(str(request["session"].get("user")))

    app = app_on(store, slow)
    browser, other = Browser(app), Browser(app)
    browser.get("/login")
    key = key_in(browser)
    other.set_cookie("ring-session", browser.get_cookie("ring-session").value)
    copied = Browser(app)
    copied.set_cookie("ring-session", browser.get_cookie("ring-session").value)
    assert copied.get("/").text == "ann"
    browser.get("/slow")
    assert [each.get("/").text for each in (browser, other, copied)] == ["None"] * 3


def test_a_session_that_was_evicted_is_signed_out(store: MemcachedStore) -> None:
    browser = Browser(app_on(store))
    assert [browser.get("/a").text for _ in range(2)] == ["1", "2"]
    evict(store, key_in(browser))
    answer = browser.get("/a")
    assert (answer.status_code, answer.text) == (200, "1")


@pytest.mark.parametrize("method", ["patch", "claim", "destroy", "swap"])
def test_no_method_writes_to_an_item_that_was_evicted_while_it_ran(
    store: MemcachedStore, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, record = key_of("a"), codec.encode({"n": 1})
    assert store.create(key, record, Lifetime())
    loaded = store.load(key)
    assert loaded is not None
    write = Item.as_octets

    def evict_and_write(item: Item) -> bytes:
        evict(store, key)
        return write(item)

    monkeypatch.setattr(Item, "as_octets", evict_and_write)
    answer = {
        "patch": lambda: store.patch(key, loaded.version, change(record, n=2)),
        "claim": lambda: store.claim(key, loaded.version, key_of("b")),
        "destroy": lambda: store.destroy(key),
        "swap": lambda: store.swap(key, "n", lambda value: "2"),
    }[method]()
    assert (answer, store.load(key)) == (None if method == "swap" else False, None)


def test_a_restart_signs_everybody_out_and_each_request_meanwhile_gets_a_503(
    own_server: Server, own_store: MemcachedStore
) -> None:
    app = app_on(own_store)
    browsers = [Browser(app) for _ in range(8)]

    def visit(_: Any = None) -> list[tuple[int, str]]:
        with ThreadPoolExecutor(8) as pool:  # leaves several connections
            answers = list(pool.map(lambda browser: browser.get("/a"), browsers))
        return [(answer.status_code, answer.headers.get("Retry-After", "")) for answer in answers]

    visit()
    assert [browser.get("/a").text for browser in browsers] == ["2"] * 8
    own_server.kill()
    for _ in range(3):
        assert visit() == [(503, "5")] * 8
    assert browsers[0].get("/health").text == "well"
    own_server.start()
    assert [browser.get("/a").text for browser in browsers] == ["1"] * 8


def test_a_restart_between_two_requests_is_no_503(
    own_server: Server, own_store: MemcachedStore
) -> None:
    app = app_on(own_store)
    browsers = [Browser(app) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda browser: browser.get("/a"), browsers))
    own_server.kill()
    own_server.start()
    answers = [browser.get("/a") for browser in browsers]
    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "1")] * 8


def test_a_server_that_hangs_is_a_503_and_its_late_answer_reaches_nobody(
    own_server: Server, own_store: MemcachedStore
) -> None:
    app = app_on(own_store)
    ann, ben = Browser(app), Browser(app)
    for _ in range(3):
        ann.get("/a")
    ben.get("/b")
    own_server.pause()
    assert [browser.get("/a").status_code for browser in (ann, ben)] == [503, 503]
    own_server.go_on()
    assert [ann.get("/a").text, ben.get("/b").text] == ["4", "2"]


def test_the_answer_to_an_interrupted_call_reaches_nobody(
    store: MemcachedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ann", "ben"):
        assert store.create(key_of(name), codec.encode({"user": name}), Lifetime())

    def interrupted(client: Any, key: str) -> None:
        client.sock.sendall(f"gets {store.prefix}{key}\r\n".encode())
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Client, "gets", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.load(key_of("ann"))
    loaded = store.load(key_of("ben"))
    assert loaded is not None and loaded.record == codec.encode({"user": "ben"})


def test_the_log_says_why_a_session_could_not_be_loaded(
    own_server: Server, own_store: MemcachedStore, caplog: pytest.LogCaptureFixture
) -> None:
    browser = Browser(app_on(own_store))
    browser.get("/a")
    own_server.kill()
    caplog.clear()
    browser.get("/a")
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert line.startswith(
        "The session store failed, so the response is a 503: memcached_store:"
        " ConnectionRefusedError(111, 'Connection refused')."
    )


def test_values_come_back_with_their_types(store: MemcachedStore) -> None:
    values = {"price": Decimal("1.50"), "seen": {1, 2}, "point": (1.0, b"\xff"), "name": "é\ud800"}

    def keep(request: Any) -> Any:
        if request["uri"] == "/keep":
            request["session"].update(values)
        return text(repr(dict(request["session"])))

    browser = Browser(app_on(store, keep))
    assert browser.get("/keep").text == browser.get("/").text == repr(values)


def test_the_server_holds_no_id_of_a_session(store: MemcachedStore) -> None:
    browser = Browser(app_on(store))
    browser.get("/a")
    listing: list[str] = []

    def is_listed() -> bool:  # not while the server's own crawler is at work
        with closing(Client(store.server)) as client:
            listing[:] = [client.raw_command("lru_crawler metadump all").decode()]
        return store.prefix + key_in(browser) in unquote(listing[0])

    wait_until(is_listed)
    assert browser.get_cookie("ring-session").value not in listing[0]


def test_a_session_that_is_too_large_is_a_503_and_keeps_what_it_held(
    store: MemcachedStore,
) -> None:
    key, small = key_of("a"), codec.encode({"a": 1})
    assert store.create(key, small, Lifetime())
    with pytest.raises(StoreUnavailable, match="object too large for cache"):
        store.patch(key, None, change(small, b="x" * 2_000_000))
    loaded = store.load(key)
    assert loaded is not None and loaded.record == small


@pytest.mark.parametrize("own_server", [("-M", "-m", "4")], indirect=True, ids=["4 MB"])
def test_a_full_server_with_m_signs_nobody_out(own_store: MemcachedStore) -> None:
    record, keys = codec.encode({"a": "x" * 100_000}), []
    with pytest.raises(StoreUnavailable, match="out of memory"):
        for key in map(key_of, map(str, range(200))):
            own_store.create(key, record, Lifetime())
            keys.append(key)
    assert len(keys) > 10
    later = time.time() + 120
    own_store.clock = lambda: later  # type: ignore[method-assign]
    found = [own_store.load(key) for key in keys]  # cannot extend their idle timeouts
    assert [loaded and loaded.record for loaded in found] == [record] * len(keys)
    assert own_store.destroy(keys[0]) is True


@pytest.mark.parametrize("own_server", [("-C",)], indirect=True, ids=["-C"])
def test_a_server_that_cannot_compare_and_set_is_an_error_when_you_wrap(
    own_store: MemcachedStore,
) -> None:
    with pytest.raises(ConfigError, match="memcached runs with -C; start it without"):
        app_on(own_store)


@pytest.mark.parametrize("own_server", [(), ("-M",)], indirect=True, ids=["evicts", "-M"])
def test_a_server_that_evicts_is_a_warning_when_you_wrap(
    own_server: Server, own_store: MemcachedStore, caplog: pytest.LogCaptureFixture
) -> None:
    app_on(own_store)
    evicts = "-M" not in own_server.command(own_server.folder, own_server.port)
    expected = ["memcached evicts sessions; start it with -M"] if evicts else []
    assert [record.getMessage() for record in caplog.records] == expected


def test_a_server_that_is_down_when_you_wrap_is_a_warning(
    own_server: Server, own_store: MemcachedStore, caplog: pytest.LogCaptureFixture
) -> None:
    own_server.kill()
    browser = Browser(app_on(own_store))
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()[:16]) == (logging.WARNING, "cannot reach a s")
    own_server.start()
    assert browser.get("/a").text == "1"


def test_the_server_drops_what_has_expired(store: MemcachedStore) -> None:
    key = key_of("a")
    assert store.create(key, codec.encode({}), Lifetime(idle=0.5))
    with closing(Client(store.server, key_prefix=store.prefix)) as client:
        wait_until(lambda: client.get(key) is None)


def test_the_server_is_told_when_a_session_may_go() -> None:
    day, now = 86_400, time.time()
    times = [(1800, None), (1800, 60.5), (None, None), (30 * day - 1, None)]
    items = [Item("", now, now, idle, absolute) for idle, absolute in times]
    assert [find_exptime(item, now) for item in items] == [1801, 62, 0, 30 * day]
    year = find_exptime(Item("", now, now, 365 * day, None), now)
    assert 0 <= year - (now + 365 * day) <= 3  # a date


def test_a_forked_process_makes_connections_of_its_own(
    store: MemcachedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.load(key_of("a"))
    (own,) = store._idle[os.getpid()]
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    store.load(key_of("a"))
    (others,) = store._idle[parent + 1]
    assert others is not own
    store.close()
    monkeypatch.undo()
