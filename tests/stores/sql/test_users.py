"""The sessions of a user in PostgreSQL and MariaDB: none survives its end, whatever runs beside."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy

from ringsession import sql_store
from ringsession.stores import Details, Lifetime, StoreUnavailable
from ringsession.stores.sql import users
from ringsession.stores.sql.create import create_row
from ringsession.stores.sql.rows import make_row
from ringsession.testing import key_of
from tests.fault_proxy import FAULTS, FaultProxy
from tests.servers import Server
from tests.stores.networked import SQL, make_store, store_at
from tests.stores.user_race import (
    COOKIE,
    EMPTY,
    LIFETIME,
    USERS,
    measure_creates,
    run_race,
)

pytestmark = pytest.mark.server

ANN, BEN = USERS[:2]
HANDLE, OTHER = "0a" * 16, "0b" * 16
A, B, C = (letter * 64 for letter in "abc")
LOGIN = Details(COOKIE, owner=ANN, handle=HANDLE)


@pytest.fixture(params=SQL)
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def store(server: Server) -> Iterator[Any]:
    store = make_store(server)
    yield store
    store.close()


@pytest.fixture
def engine(server: Server) -> Iterator[Any]:
    """Connections beside the store's own, for statements that stay uncommitted for a while."""
    engine = sqlalchemy.create_engine(server.url)
    yield engine
    engine.dispose()


def read_row(engine: Any, store: Any, key: str) -> dict[str, Any]:
    table = store._table
    with engine.connect() as connection:
        (row,) = connection.execute(sqlalchemy.select(table).where(table.c.key == key)).mappings()
    return dict(row)


def continue_login(old: str) -> Details:
    return LOGIN._replace(replaces=old, continues=True)


def move(store: Any, old: str, new: str) -> None:
    version = store.load(old).version
    assert store.create(new, EMPTY, LIFETIME, continue_login(old))
    assert store.claim(old, version, new)


class Running:
    """A call in another thread that waits for a lock."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._answers: list[Any] = []
        self._thread = threading.Thread(target=lambda: self._answers.append(call()))
        self._thread.start()
        time.sleep(0.3)
        assert self._thread.is_alive(), "it did not wait"

    def answer(self) -> Any:
        self._thread.join(20)
        return self._answers[0]


def test_a_login_is_kept_in_the_row_and_its_tombstone_keeps_when_it_began(
    store: Any, engine: Any
) -> None:
    details = LOGIN._replace(remembered=True, began=1_700_000_000.25, confirmed=1_700_000_001.5)
    assert store.create(A, EMPTY, Lifetime(1800, 86_400), details)
    row = read_row(engine, store, A)
    names = ("remembered", "owner", "handle", "began", "confirmed", "cookie")
    assert tuple(row[name] for name in names) == (
        *(1, ANN, HANDLE, 1_700_000_000_250, 1_700_000_001_500, COOKIE),
    )
    loaded = store.load(A)
    assert (loaded.began, loaded.confirmed) == (1_700_000_000.25, 1_700_000_001.5)

    assert store.end_sessions(ANN) == 1
    tombstone = read_row(engine, store, A)
    empty = ("owner", "handle", "confirmed", "idle", "absolute", "record")
    changed = {"version": tombstone["version"], "expires": tombstone["expires"], "remembered": 0}
    assert tombstone == row | dict.fromkeys(empty) | changed
    assert tombstone["version"] != row["version"]
    assert 0 <= tombstone["expires"] - row["created"] - 60_000 < 60_000


def test_all_times_of_a_new_row_are_the_same(store: Any, engine: Any) -> None:
    for number in range(200):
        assert store.create(key_of(str(number)), EMPTY, LIFETIME, LOGIN._replace(confirms=True))
        row = read_row(engine, store, key_of(str(number)))
        assert row["created"] == row["seen"] == row["confirmed"] == row["expires"] - 3_600_000


def test_more_sessions_than_one_statement_ends(store: Any) -> None:
    for number in range(300):
        store.create(key_of(str(number)), EMPTY, LIFETIME, LOGIN._replace(handle=f"{number:032x}"))
    store.create(key_of("spared"), EMPTY, LIFETIME, LOGIN)
    store.create(key_of("ben"), EMPTY, LIFETIME, LOGIN._replace(owner=BEN))
    assert store.end_sessions(ANN, spare=HANDLE) == 300
    assert [row.key for row in store.find_sessions(ANN)] == [key_of("spared")]
    assert store.count_sessions() == 2


def end_while_a_login_continues(store: Any, engine: Any, *, waits: bool) -> int:
    """Call `end_sessions` while a new row waits to be committed. Return how many are live then."""
    assert store.create(A, EMPTY, LIFETIME, LOGIN)
    row = make_row(B, EMPTY, LIFETIME, continue_login(A))
    with engine.begin() as connection:
        connection.execute(store._sql.continue_login, row)
        running = Running(lambda: store.end_sessions(ANN)) if waits else None
        if running is None:
            store.end_sessions(ANN)
    assert running is None or running.answer() == 1
    return len(store.find_sessions(ANN))


def test_a_login_ends_whose_next_row_is_not_committed_yet(store: Any, engine: Any) -> None:
    assert end_while_a_login_continues(store, engine, waits=True) == 0


def test_with_one_pass_only_it_would_live_on(
    store: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_each = store._end_each

    def end_once(call: Any, keys: list[str]) -> int:
        ended: int = end_each(call, keys)
        monkeypatch.setattr(store._sql, "find_logins", store._sql.find_logins.where(False))
        return ended

    monkeypatch.setattr(store, "_end_each", end_once)
    assert end_while_a_login_continues(store, engine, waits=True) == 1


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_without_a_lock_on_the_old_row_it_would_live_on(
    store: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = store._sql.continue_login
    # A lock that PostgreSQL does not hold against an UPDATE.
    unlocked = statement.select.with_for_update(key_share=True, read=True)
    weaker = sqlalchemy.insert(store._table).from_select(statement._select_names, unlocked)
    monkeypatch.setattr(store._sql, "continue_login", weaker)
    assert end_while_a_login_continues(store, engine, waits=False) == 1


def end_while_a_claim_is_faster(store: Any, engine: Any, end: Callable[[], Any]) -> int:
    """Move a session while its end waits for another session's row. Return how many are live."""
    assert store.create(A, EMPTY, LIFETIME, LOGIN._replace(handle=OTHER))
    assert store.create(B, EMPTY, LIFETIME, LOGIN)
    with engine.begin() as connection:
        connection.execute(store._sql.destroy, {"k": A, "next": 1})
        running = Running(end)
        move(store, B, C)
    running.answer()
    return len(store.find_sessions(ANN))


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_a_login_ends_that_moves_while_its_end_waits(store: Any, engine: Any) -> None:
    assert end_while_a_claim_is_faster(store, engine, lambda: store.end_sessions(ANN)) == 0


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_updates_until_one_changes_nothing_would_let_it_live(store: Any, engine: Any) -> None:
    table = store._table.c
    owned = store._sql._bury(None).where(table.owner == ANN, table.record.is_not(None))

    def end() -> None:
        call = store._engine.call("end")
        while call.run(lambda execute: execute(owned, {"next": 1})):
            pass

    assert end_while_a_claim_is_faster(store, engine, end) == 1


def test_a_session_that_moves_to_a_key_already_passed_ends_with_all_others(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "FOUND_AT_ONCE", 2)
    monkeypatch.setattr(store._sql, "find_older", store._sql.find_older.limit(2))
    keys = [f"{number:064x}" for number in (2, 3, 4, 5)]
    for key in keys:
        store.create(key, EMPTY, LIFETIME, Details(COOKIE))
    store.create(A, EMPTY, LIFETIME, Details("f" * 32))
    time.sleep(0.01)
    end_each, batches = store._end_each, []

    def move_then_end(call: Any, batch: list[str]) -> int:
        if not batches:
            time.sleep(0.01)
            old, new = store.load(keys[3]), f"{1:064x}"
            details = Details(COOKIE, began=old.began, replaces=keys[3])
            assert store.create(new, EMPTY, LIFETIME, details)
            assert store.claim(keys[3], old.version, new)
            store.create(B, EMPTY, LIFETIME, Details(COOKIE))  # began after the call
        batches.append([int(key, 16) for key in batch])
        return int(end_each(call, batch))

    monkeypatch.setattr(store, "_end_each", move_then_end)
    assert store.end_all_sessions(COOKIE) == 4
    assert batches == [[2, 3], [4], [1]]
    assert [store.load(key).record for key in (A, B)] == [EMPTY, EMPTY]
    assert store.count_sessions() == 2


def test_what_each_call_costs(server: Server) -> None:
    make_store(server).close()
    with FaultProxy(server.port) as proxy:
        store = store_at(server, proxy.port, timeout=20)

        def count(call: Callable[[], Any]) -> int:
            proxy.taken()
            call()
            return proxy.taken()

        def costs(key: str) -> list[int]:
            return [
                count(lambda: store.create(key, EMPTY, LIFETIME, LOGIN)),
                count(lambda: store.create(key + "0", EMPTY, LIFETIME, continue_login(key))),
                count(lambda: store.find_sessions(ANN)),
                count(lambda: store.end_sessions(ANN)),
                count(lambda: store.end_sessions(ANN)),
            ]

        costs("a" * 63)  # some of the first have to be prepared at the server
        assert costs("b" * 63) == [1, 1, 1, 3, 1]
        store.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_whose_connection_fails_is_done_or_can_be_done_again(
    server: Server, fault: str
) -> None:
    direct = make_store(server)
    with FaultProxy(server.port) as proxy:
        timeout = 0.1 if fault == "delay" else 20
        store = store_at(server, proxy.port, timeout=timeout)
        for skip in range(3):
            for number in range(5):
                harm_end(direct, store, proxy, fault, skip, f"{skip} {number}")
        for number in range(10):
            harm_create(direct, store, proxy, fault, str(number))
        store.close()
    direct.close()


def harm_end(direct: Any, store: Any, proxy: FaultProxy, fault: str, skip: int, name: str) -> None:
    """Harm one exchange of `end_sessions`. It ends all, or a second call does."""
    for handle in (HANDLE, OTHER):
        key = key_of(f"{name} {handle}")
        assert direct.create(key, EMPTY, LIFETIME, LOGIN._replace(handle=handle))
    direct.create(key_of(f"{name} ben"), EMPTY, LIFETIME, LOGIN._replace(owner=BEN))
    failed = not done(lambda: store.load(A))  # connects
    proxy.arm(fault, skip=skip, seconds=0.3)
    try:
        assert store.end_sessions(ANN) == 2
    except StoreUnavailable:
        failed = True
    proxy.disarm()
    assert not failed or fault == "delay"
    if failed:
        direct.end_sessions(ANN)
    assert direct.find_sessions(ANN) == []
    assert direct.end_sessions(BEN) == 1


def harm_create(direct: Any, store: Any, proxy: FaultProxy, fault: str, name: str) -> None:
    """Harm the exchange that continues a login. What it stored ends with the login."""
    old, new = key_of(f"old {name}"), key_of(f"new {name}")
    assert direct.create(old, EMPTY, LIFETIME, LOGIN)
    failed = not done(lambda: store.load(A))
    proxy.arm(fault, seconds=0.3)
    try:
        assert store.create(new, EMPTY, LIFETIME, continue_login(old))
    except StoreUnavailable:
        failed = True
    proxy.disarm()
    assert not failed or fault == "delay"
    live = {row.key for row in direct.find_sessions(ANN)}
    assert live == {old, new} or (failed and live == {old})
    assert direct.end_sessions(ANN) == len(live)
    assert not direct.create(key_of(f"late {name}"), EMPTY, LIFETIME, continue_login(old))
    assert direct.find_sessions(ANN) == []


def done(call: Callable[[], Any]) -> bool:
    try:
        call()
    except StoreUnavailable:
        return False
    return True


def test_a_second_try_finds_what_the_first_one_stored_or_that_it_was_ended(store: Any) -> None:
    store.create(A, EMPTY, LIFETIME, LOGIN)
    row = make_row(B, EMPTY, LIFETIME, continue_login(A))
    create = store._engine.call("create")

    def again() -> bool:
        return create_row(create, store._sql, row)

    assert (again(), again()) == (True, True), "stored, and found"
    assert store.claim(A, store.load(A).version, B)
    assert again(), "found, though the old session is dead by now"
    store.end_sessions(ANN)
    assert not again(), "a tombstone"


def race(server: Server, seconds: float) -> dict[str, int]:
    make_store(server).close()
    stores = [sql_store(server.url, timeout=20) for _ in range(2)]
    return run_race(stores, seconds)


def test_no_ended_session_is_accepted_again(server: Server) -> None:
    seen = race(server, 2)
    assert (seen["accepted after"], seen["ended without cause"]) == (0, 0)
    assert seen["ends"] and seen["logins"]


@pytest.mark.soak
def test_no_ended_session_is_accepted_again_in_a_long_race(server: Server) -> None:
    seen = race(server, 30)
    print(f"{server.name}: {seen}")
    assert (seen["accepted after"], seen["ended without cause"]) == (0, 0)
    store = make_store(server)
    print(f"{server.name}: {measure_creates(store)}")
    store.close()
