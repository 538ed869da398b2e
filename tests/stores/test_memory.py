"""The memory store: the contract, and what it costs."""

from __future__ import annotations

import copy
import threading
import tracemalloc
from typing import Any

import pytest

from werkzeug.test import Client as HttpClient

from ringsession import (
    StoreUnavailable,
    assoc_in,
    codec,
    content_type,
    memory_store,
    recreate,
    response,
    site_defaults,
    to_wsgi,
    wrap_defaults,
)
from ringsession.stores import Details, Lifetime
from ringsession.testing import StoreContract, change, key_of

EMPTY = codec.encode({})


class TestMemoryStore(StoreContract):
    now = 0.0

    def make_store(self):
        return memory_store(clock=lambda: self.now)

    def pass_time(self, seconds):
        self.now += seconds


class TestMemoryStoreWithoutEarlyRefresh(TestMemoryStore):
    """The same with a lifetime in which every read may move the deadline by a minute at most."""

    lifetime = Lifetime(3600, None)


def test_a_full_store_refuses_newcomers_and_keeps_every_live_session() -> None:
    store = memory_store(max_sessions=2)
    for name in "ab":
        assert store.create(key_of(name), EMPTY, Lifetime())
    with pytest.raises(StoreUnavailable, match="memory_store is full: it holds 2 sessions"):
        store.create(key_of("c"), EMPTY, Lifetime())
    assert [store.load(key_of(name)) is not None for name in "abc"] == [True, True, False]


def test_a_session_that_moves_needs_no_second_place() -> None:
    store = memory_store(max_sessions=2)
    for name in "ab":
        assert store.create(key_of(name), EMPTY, Lifetime())
    assert store.create(key_of("c"), EMPTY, Lifetime(), Details(replaces=key_of("a")))
    loaded = store.load(key_of("a"))
    assert loaded is not None and store.claim(key_of("a"), loaded.version, key_of("c"))
    with pytest.raises(StoreUnavailable):
        store.create(key_of("d"), EMPTY, Lifetime(), Details(replaces=key_of("a")))
    assert store.create(key_of("d"), EMPTY, Lifetime(), Details(replaces=key_of("c")))


def test_tombstones_take_no_place() -> None:
    store = memory_store(max_sessions=1)
    for name in "abc":
        assert store.create(key_of(name), EMPTY, Lifetime())
        assert store.destroy(key_of(name))
    assert len(store) == 3


def test_a_full_store_drops_disposable_sessions_first_and_the_oldest_of_them_first() -> None:
    store = memory_store(max_sessions=3)
    assert store.create(key_of("user"), EMPTY, Lifetime())
    for name in "ab":
        assert store.create(key_of(name), EMPTY, Lifetime(), Details(disposable=True))
    assert store.create(key_of("c"), EMPTY, Lifetime())
    assert [store.load(key_of(name)) is not None for name in ("user", "a", "b", "c")] == [
        *(True, False),
        *(True, True),
    ]
    assert store.patch(key_of("b"), None, change(EMPTY, cart=1))
    with pytest.raises(StoreUnavailable):
        store.create(key_of("d"), EMPTY, Lifetime())


def test_a_full_store_takes_newcomers_again_when_sessions_expire() -> None:
    now = [0.0]
    store = memory_store(max_sessions=1, clock=lambda: now[0])
    assert store.create(key_of("a"), EMPTY, Lifetime(60))
    now[0] = 61
    assert store.create(key_of("b"), EMPTY, Lifetime(60))


@pytest.mark.parametrize("most", [0, -1, True, 1.5, "9"])
def test_a_limit_that_is_no_positive_int_is_refused(most: object) -> None:
    with pytest.raises(ValueError, match="max_sessions: expected a positive int or None"):
        memory_store(max_sessions=most)  # type: ignore[arg-type]


def test_sessions_that_expire_go_a_few_with_each_new_one() -> None:
    now = [0.0]
    store = memory_store(clock=lambda: now[0])
    for number in range(1000):
        store.create(key_of(f"old {number}"), EMPTY, Lifetime(60))
    now[0] = 61
    sizes = []
    for number in range(400):
        store.create(key_of(f"new {number}"), EMPTY, Lifetime(None))
        sizes.append(len(store))
    steps = {before - after for before, after in zip([1000, *sizes], sizes)}
    assert max(steps) <= 3  # four go, one comes: no call works longer because there are more
    assert len(store) == 400


def test_a_session_that_was_read_since_outlives_its_first_deadline() -> None:
    now = [0.0]
    store = memory_store(clock=lambda: now[0])
    store.create(key_of("a"), EMPTY, Lifetime(100))
    now[0] = 90
    store.load(key_of("a"))
    now[0] = 150
    assert store.sweep() == 0
    assert store.load(key_of("a")) is not None
    now[0] = 251
    assert store.sweep() == 1


def test_a_session_of_200_bytes_costs_at_most_650() -> None:
    record = codec.encode({"user": "ann", "text": "x" * 170})
    keys = [f"{number:064x}" for number in range(20_000)]
    tracemalloc.start()
    try:
        store = memory_store()
        for key in keys:
            store.create(key, (record + " ")[:-1], Lifetime())
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used / len(keys) <= 650


def test_a_store_has_no_thread_and_copies_as_itself_and_shows_no_data() -> None:
    before = threading.active_count()
    store = memory_store()
    store.create(key_of("a"), codec.encode({"secret": "s3cret"}), Lifetime())
    assert threading.active_count() == before
    assert copy.deepcopy({"store": store})["store"] is store
    assert copy.copy(store) is store
    assert repr(store) == "<memory_store with 1 entries>"


def test_a_robot_that_only_reads_pages_with_forms_locks_nobody_out() -> None:
    def page(request: Any) -> Any:
        answer = content_type(response(""), "text/plain")
        match request["uri"]:
            case "/form":
                return content_type(response(request["anti_forgery_token"]), "text/plain")
            case "/login":
                return answer | {"session": recreate({"user": "ann"})}
        return content_type(response(str(request["session"].get("user"))), "text/plain")

    store = memory_store(max_sessions=10)
    app = wrap_defaults(to_wsgi(page), assoc_in(site_defaults, ["session", "store"], store))
    early = HttpClient(app)
    token = early.get("/form").text
    for _ in range(30):
        HttpClient(app).get("/form")  # a visitor without a cookie each time
    users = [HttpClient(app) for _ in range(10)]
    for user in users:
        assert user.get("/login").status_code == 200
    assert [user.get("/").text for user in users] == ["ann"] * 10
    assert HttpClient(app).get("/form").status_code == 503  # ten people are signed in
    assert early.post("/", data={"__anti-forgery-token": token}).status_code == 403
