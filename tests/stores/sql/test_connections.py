"""Connections of `sql_store` that the server has closed, that are all in use, and that a fork
inherits.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import sqlalchemy

from ringsession import codec, sql_store
from ringsession.stores import Lifetime, StoreUnavailable
from ringsession.stores.sql.errors import SqlFailed
from ringsession.testing import change, key_of
from tests.fault_proxy import FaultProxy
from tests.servers import Server
from tests.serving import wait_until
from tests.stores.networked import make_store, store_at

pytestmark = pytest.mark.server

KEY, EMPTY = key_of("live"), codec.encode({"n": 0})
KINDS = ["postgresql", "mariadb"]
CLOSED = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    "mariadb": "SELECT CONCAT('KILL ', id) FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = 'ringsession'",
}
IN_USE = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    "mariadb": "SELECT count(*) FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = 'ringsession'",
}


@contextmanager
def admin(server: Server) -> Iterator[Any]:
    engine = sqlalchemy.create_engine(
        server.url, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool
    )
    with engine.connect() as connection:
        yield connection


def close_all(server: Server, kind: str) -> int:
    """End every other connection at the server; how many there were."""
    with admin(server) as connection:
        found = connection.exec_driver_sql(CLOSED[kind]).scalars().all()
        if kind == "mariadb":
            for statement in found:
                connection.exec_driver_sql(statement)
        wait_until(lambda: connection.exec_driver_sql(IN_USE[kind]).scalar() == 0)
    return len(found)


@contextmanager
def all_lent(store: Any, number: int) -> Iterator[None]:
    """Use a number of connections at once, so that the pool holds as many afterwards."""
    ready, go_on = threading.Barrier(number + 1), threading.Event()

    def hold() -> None:
        call = store._engine.call("test")
        held = store._engine.take(call.deadline)
        ready.wait(30)
        go_on.wait(30)
        with suppress(SqlFailed):  # where the server has closed it meanwhile
            store._engine.run_on(held, lambda execute: execute(store._sql.load, {"k": KEY}))

    threads = [threading.Thread(target=hold) for _ in range(number)]
    for thread in threads:
        thread.start()
    ready.wait(30)
    try:
        yield
    finally:
        go_on.set()
        for thread in threads:
            thread.join(30)


CALLS: dict[str, Callable[[Any], Any]] = {
    "load": lambda store: store.load(KEY) is not None,
    "patch": lambda store: store.patch(KEY, None, change(EMPTY, a=1)),
    "create": lambda store: store.create(key_of("new"), EMPTY, Lifetime()),
    "swap": lambda store: store.swap(KEY, "n", lambda text: "2") == "2",
    "claim": lambda store: store.claim(KEY, store.version, key_of("new")),
    "destroy": lambda store: store.destroy(KEY),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(kind: str, request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(kind)
    return found


@pytest.fixture(params=["from a URL", "with an engine"])
def store(server: Server, request: pytest.FixtureRequest) -> Iterator[Any]:
    empty = make_store(server)
    assert empty.create(KEY, EMPTY, Lifetime())
    empty.close()
    if request.param == "from a URL":
        made = sql_store(server.url)
        yield made
        made.close()
    else:
        engine = sqlalchemy.create_engine(server.url, pool_size=5)
        yield sql_store(engine)
        engine.dispose()


@pytest.mark.parametrize("call", CALLS)
def test_connections_that_the_server_has_closed_cost_no_answer(
    kind: str, server: Server, store: Any, call: str
) -> None:
    for _ in range(2):
        with all_lent(store, 5):
            pass
        loaded = store.load(KEY)
        store.version = loaded.version if loaded is not None else None
        assert close_all(server, kind) >= 5
        assert CALLS[call](store) is True
        if call in ("create", "claim", "destroy"):
            break


def test_five_connections_closed_for_idleness_cost_no_answer(mariadb: Server) -> None:
    server, kind = mariadb, "mariadb"
    make_store(server).close()
    engine = sqlalchemy.create_engine(server.url, pool_size=5)

    @sqlalchemy.event.listens_for(engine, "connect")
    def shorten(connection: Any, record: Any) -> None:
        connection.cursor().execute("SET SESSION wait_timeout = 1")

    store = sql_store(engine)
    assert store.create(KEY, EMPTY, Lifetime())
    with all_lent(store, 5):
        pass
    with admin(server) as connection:
        wait_until(lambda: connection.exec_driver_sql(IN_USE[kind]).scalar() == 0)
    for number in range(5):
        assert store.patch(KEY, None, change(EMPTY, **{f"n{number}": 1}))
    engine.dispose()


def test_connections_lent_while_the_server_closes_them_cost_no_answer_later(
    kind: str, server: Server, store: Any
) -> None:
    with all_lent(store, 3):
        close_all(server, kind)
        assert store.patch(KEY, None, change(EMPTY, a=1))
    for number in range(5):
        assert store.patch(KEY, None, change(EMPTY, **{f"n{number}": 1}))


def test_a_call_that_finds_all_connections_in_use_ends_in_time(server: Server) -> None:
    make_store(server).close()
    store = sql_store(server.url, timeout=0.3)
    with all_lent(store, 15):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="load failed: .*all 15 connections are in use"):
            store.load(KEY)
        assert 0.2 < time.monotonic() - began < 5
    assert store.load(KEY) is None
    store.close()


def test_the_whole_call_has_one_deadline(server: Server) -> None:
    """A conflict that never ends, and each answer comes late."""
    empty = make_store(server)
    assert empty.create(KEY, EMPTY, Lifetime())
    with FaultProxy(server.port) as proxy:
        store = store_at(server, proxy.port, timeout=0.5)
        store.load(KEY)
        began, answers = time.monotonic(), 0

        def slow(text: str | None) -> str:
            nonlocal answers
            answers += 1
            assert empty.patch(KEY, None, change(EMPTY, n=answers))
            proxy.arm("delay", seconds=0.2)
            return "1"

        with pytest.raises(StoreUnavailable, match="swap failed"):
            store.swap(KEY, "n", slow)
        assert answers >= 1 and time.monotonic() - began < 5
        proxy.disarm()
        store.close()
    empty.close()


FORKED = """
import os, sys
from ringsession import sql_store
store = sql_store(sys.argv[1])
key = "0" * 64
assert store.load(key) is None
held = store._engine._connections._idle[0].raw
unused = os.fork()
if unused == 0:
    sys.exit(0)
assert os.waitpid(unused, 0)[1] == 0
assert store._engine._connections._idle[0].is_quiet()
child = os.fork()
if child == 0:
    assert store.load(key) is None
    assert store._engine._connections._idle[0].raw is not held
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert store._engine._connections._idle[0].is_quiet()
assert store.load(key) is None
assert store._engine._connections._idle[0].raw is held
print("served")
"""


def test_a_fork_neither_uses_nor_closes_the_parents_connections(server: Server) -> None:
    make_store(server).close()
    done = subprocess.run(
        [sys.executable, "-c", FORKED, server.url],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert (done.stdout, done.stderr) == ("served\n", "")
