"""`sql_store` behind PgBouncer, which lends PostgreSQL's connections to its clients in turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy

from ringsession import codec, sql_store
from ringsession.stores import Lifetime, StoreUnavailable
from ringsession.testing import StoreContract, change, key_of
from tests import servers
from tests.servers import Server
from tests.stores.networked import make_store, pass_time
from tests.tracing import Client

pytestmark = pytest.mark.server

EMPTY = codec.encode({})
MODES = ["session", "transaction"]


@pytest.fixture(params=MODES, scope="module")
def pooler(request: pytest.FixtureRequest, postgresql: Server) -> Iterator[Server]:
    size = (
        2 if request.param == "transaction" else 30
    )  # in session mode a client keeps its connection
    server = servers.pgbouncer(postgresql, request.param, default_pool_size=size)
    try:
        yield server.start()
    finally:
        server.stop()


class TestBehindThePooler(StoreContract):
    @pytest.fixture(autouse=True)
    def behind(self, pooler: Server, postgresql: Server) -> Any:
        self.pooler, self.postgresql = pooler, postgresql
        self.stores: list[Any] = []
        yield
        for store in self.stores:
            store.close()

    def make_store(self) -> Any:
        make_store(self.postgresql).close()
        self.stores.append(sql_store(self.pooler.url))
        return self.stores[-1]

    def pass_time(self, seconds: float) -> None:
        pass_time(self.postgresql, seconds)


def test_the_table_is_made_through_the_pooler(pooler: Server, postgresql: Server) -> None:
    store = sql_store(pooler.url, table="through_a_pooler")
    store.create_table()
    store.create_table()
    client = Client(store)
    client.send(lambda request: {"session": {"a": 1}})
    assert client.read() == {"a": 1}
    store.close()


def test_nothing_is_set_or_prepared_on_a_connection_that_others_get_next(
    pooler: Server, postgresql: Server
) -> None:
    make_store(postgresql).close()
    store = sql_store(pooler.url, timeout=1.5)
    assert store.create(key_of("a"), EMPTY, Lifetime())
    assert store.load(key_of("a")) is not None
    engine = sqlalchemy.create_engine(pooler.url, poolclass=sqlalchemy.NullPool)
    for _ in range(5):
        with engine.connect() as other:
            assert other.exec_driver_sql("SHOW statement_timeout").scalar() == "0"
            prepared = other.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements")
            assert prepared.scalar() == 0
    store.close()


def test_without_a_pooler_the_server_itself_ends_what_takes_too_long(postgresql: Server) -> None:
    store = make_store(postgresql, timeout=1.5)
    assert store.load(key_of("a")) is None
    rows = store._engine.call("test").run(
        lambda execute: execute(sqlalchemy.text("SHOW statement_timeout"))
    )
    assert [tuple(row) for row in rows] == [("1500ms",)]
    store.close()


def test_a_statement_that_waits_for_a_lock_ends_in_time_at_the_server_too(
    pooler: Server, postgresql: Server
) -> None:
    direct = make_store(postgresql)
    assert direct.create(key_of("a"), EMPTY, Lifetime())
    store = sql_store(pooler.url, timeout=0.5)
    assert store.load(key_of("a")) is not None
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    engine = sqlalchemy.create_engine(postgresql.url, poolclass=sqlalchemy.NullPool)
    with engine.connect() as lock:
        lock.exec_driver_sql("SELECT * FROM ringsession FOR UPDATE")
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="patch failed: .* no answer in time"):
            store.patch(key_of("a"), None, change(EMPTY, a=1))
        assert time.monotonic() - began < 5
        with engine.connect() as other:
            for _ in range(100):
                left = other.exec_driver_sql(waiting).scalar()
                other.rollback()
                if not left:
                    break
                time.sleep(0.05)
        assert left == 0
        lock.rollback()
    assert store.patch(key_of("a"), None, change(EMPTY, b=1))
    loaded = direct.load(key_of("a"))
    assert codec.decode(loaded.record) == {"b": 1}
    for each in (store, direct):
        each.close()


def test_many_threads_share_few_connections_of_the_server(
    pooler: Server, postgresql: Server
) -> None:
    make_store(postgresql).close()
    stores = [sql_store(pooler.url, timeout=20) for _ in range(3)]
    keys = [key_of(str(number)) for number in range(8)]
    for key in keys:
        assert stores[0].create(key, EMPTY, Lifetime())
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(40):
                store = stores[(number + step) % 3]
                assert store.patch(keys[number], None, change(EMPTY, **{str(step): number}))
                found = codec.decode(store.load(keys[number]).record)
                assert found == {str(past): number for past in range(step + 1)}
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    for store in stores:
        store.close()


def test_an_option_that_the_pooler_refuses_is_refused_when_you_wrap(pooler: Server) -> None:
    store = sql_store(f"{pooler.url}?options=-c%20work_mem%3D4MB")
    with pytest.raises(ValueError, match='the server refuses "options".* leave it out of the URL'):
        store.check()
    store.close()
