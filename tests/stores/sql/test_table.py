"""The table of `sql_store`: what each column holds, and how an older table gets the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy

from ringsession import codec, sql_store
from ringsession.__main__ import main
from ringsession.stores import Change, Details, Lifetime
from ringsession.stores.sql.rows import read_times
from ringsession.stores.sql.table import NEVER
from ringsession.testing import key_of
from tests.servers import Server

pytestmark = pytest.mark.server

RECORD = codec.encode({"a": 1})
COOKIE = "0123456789abcdef" * 2
KINDS = ["postgresql", "mariadb"]
OLD = {
    "postgresql": 'CREATE TABLE {} (key varchar(64) COLLATE "C" PRIMARY KEY, record bytea, version bigint NOT NULL,'
    " expires bigint NOT NULL, ends bigint NOT NULL, idle bigint NOT NULL, refresh bigint NOT NULL)",
    "mariadb": "CREATE TABLE {} (`key` varchar(64) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, record longblob,"
    " version bigint NOT NULL, expires bigint NOT NULL, ends bigint NOT NULL, idle bigint NOT NULL,"
    " refresh bigint NOT NULL)",
}
# What the older version runs.
OLD_CREATE = (
    "INSERT INTO {} ({}, record, version, expires, ends, idle, refresh)"
    " VALUES (%s, %s, 0, %s, %s, 1800000, 0)"
)
OLD_WRITE = "UPDATE {} SET record = %s, version = version + 1 WHERE {} = %s AND version = 0"
COLUMNS = (
    *("key", "record", "version", "expires", "created", "seen", "idle", "absolute", "remembered"),
    *("disposable", "cookie", "owner", "handle", "began", "confirmed", "successor"),
)


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def connection(server: Server) -> Iterator[Any]:
    engine = sqlalchemy.create_engine(
        server.url, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool
    )
    with engine.connect() as connection:
        for table in ("ringsession", "older", "layout"):
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
        yield connection


def rows(connection: Any, table: str) -> list[dict[str, Any]]:
    quoted = connection.dialect.identifier_preparer.quote("key")
    found = connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY {quoted}").mappings()
    return [dict(row) for row in found]


def test_expired_sessions_are_found_by_an_index(server: Server, connection: Any) -> None:
    """A large store would otherwise read its whole table for each batch of a sweep."""
    store = sql_store(server.url, table="layout")
    store.create_table()
    if server.name == "PostgreSQL":
        connection.exec_driver_sql("SET enable_seqscan = off")  # a scan is faster in an empty table
    given = {"literal_binds": True}
    find = str(store._sql.find_expired.compile(connection, compile_kwargs=given))
    explained = connection.exec_driver_sql(f"EXPLAIN {find}".replace("%", "%%")).mappings()
    plan = " ".join(str(value) for row in explained for value in row.values())
    expected = {"PostgreSQL": "Index Cond: (expires <=", "MariaDB": "range ix_layout_expires"}
    assert expected[server.name] in plan


def test_each_column_holds_what_the_docs_say(server: Server, connection: Any) -> None:
    store = sql_store(server.url, table="layout")
    store.create_table()
    times = Lifetime(1800, 86400)
    assert store.create("a" * 64, RECORD, times, Details(COOKIE, disposable=True))
    assert store.create("b" * 64, RECORD, Lifetime(None, None))
    first, second = rows(connection, "layout")
    assert set(first) == set(COLUMNS)
    created = first["created"]
    # Each column reads the server's clock for itself, in any order.
    assert abs(first["seen"] - created) <= 10
    assert abs(first["expires"] - created - 1800_000) <= 10
    assert 1_600_000_000_000 < created < 4_000_000_000_000
    empty = dict.fromkeys(("owner", "handle", "began", "confirmed", "successor"))
    assert first == {
        "key": "a" * 64,
        "record": RECORD.encode(),
        "version": first["version"],
        "expires": first["expires"],
        "created": created,
        "seen": first["seen"],
        "idle": 1800_000,
        "absolute": 86400_000,
        "remembered": 0,
        "disposable": 1,
        "cookie": COOKIE,
        **empty,
    }
    assert second["expires"] >= NEVER
    never = ("idle", "absolute", "cookie", "disposable")
    assert [second[name] for name in never] == [None, None, None, 0]

    version = store.load("a" * 64).version
    assert version == first["version"] and 0 <= version < 2**63
    assert store.patch("a" * 64, version, Change(RECORD, codec.encode({"b": 1})))
    written, _ = rows(connection, "layout")
    assert written == first | {
        "record": codec.encode({"b": 1}).encode(),
        "version": written["version"],
        "disposable": 0,
    }
    assert written["version"] != version

    connection.exec_driver_sql(
        "UPDATE layout SET owner = 'o', handle = 'h', began = 7, confirmed = 8"
    )
    assert store.claim("a" * 64, written["version"], "c" * 64)
    assert store.destroy("b" * 64)
    moved, ended = rows(connection, "layout")
    assert moved == {
        **written,
        **empty,
        "record": None,
        "version": moved["version"],
        "expires": moved["expires"],
        "idle": None,
        "absolute": None,
        "began": 7,
        "successor": "c" * 64,
    }
    assert 0 <= moved["expires"] - created - 60_000 < 60_000
    assert (ended["record"], ended["successor"], ended["cookie"]) == (None, None, None)

    connection.exec_driver_sql("UPDATE layout SET expires = expires - 5")
    assert store.claim("a" * 64, written["version"], "c" * 64)
    again, _ = rows(connection, "layout")
    assert again == {**moved, "expires": moved["expires"] - 5, "version": again["version"]}
    store.close()


def test_a_slow_read_never_moves_a_deadline_backwards(server: Server, connection: Any) -> None:
    store = sql_store(server.url)
    store.create_table()
    key = key_of("a")
    assert store.create(key, RECORD, Lifetime(1800))
    back = "UPDATE ringsession SET created = created - 900000, seen = seen - 900000, expires = expires - 900000"
    connection.exec_driver_sql(back)
    (before,) = rows(connection, "ringsession")
    assert store.load(key).moved
    (moved,) = rows(connection, "ringsession")
    assert moved["seen"] - before["seen"] >= 900000 and moved["version"] == before["version"]
    assert moved["expires"] - moved["seen"] == 1800000
    stale = read_times(type("Row", (), before))._replace(seen=before["seen"] / 1000 + 1)
    assert store._move(store._engine.call("load"), key, before["seen"], stale) is False
    assert rows(connection, "ringsession") == [moved]
    store.close()


def indexes(connection: Any, table: str) -> set[tuple[str, ...]]:
    found = sqlalchemy.inspect(connection).get_indexes(table)
    return {tuple(str(name) for name in index["column_names"]) for index in found}


def make_older(connection: Any, table: str) -> None:
    kind = "postgresql" if connection.dialect.name == "postgresql" else "mariadb"
    connection.exec_driver_sql(OLD[kind].format(table))
    connection.exec_driver_sql(f"CREATE INDEX ix_{table}_expires ON {table} (expires)")


def test_an_older_table_is_refused_with_the_command_and_brought_up_to_date_by_it(
    server: Server, connection: Any, capsys: Any
) -> None:
    make_older(connection, "ringsession")
    quoted = connection.dialect.identifier_preparer.quote("key")
    older = OLD_CREATE.format("ringsession", quoted)
    connection.exec_driver_sql(older, ("d" * 64, b"1{}", NEVER, NEVER))
    store = sql_store(server.url)
    with pytest.raises(ValueError, match="lacks the columns absolute, .*ringsession create-table"):
        store.check()
    for _ in range(2):
        main(["create-table", server.url])
    assert capsys.readouterr().out == "the table exists and has all columns\n" * 2
    store.check()
    assert indexes(connection, "ringsession") == {("expires",), ("owner",)}

    assert store.create("e" * 64, RECORD, Lifetime(None, None), Details(COOKIE))
    assert store.load("e" * 64).record == RECORD
    # The older version serves on: its sessions are stored and written, its columns are still there.
    connection.exec_driver_sql(older, ("f" * 64, b"1{}", NEVER, NEVER))
    written = OLD_WRITE.format("ringsession", quoted)
    assert connection.exec_driver_sql(written, (b'1{"x":1}', "f" * 64)).rowcount == 1
    by_key = {row["key"][0]: row for row in rows(connection, "ringsession")}
    assert set(by_key["f"]) == {*COLUMNS, "ends", "refresh"}
    assert (by_key["f"]["record"], by_key["f"]["version"]) == (b'1{"x":1}', 1)
    assert [by_key["d"][name] for name in ("created", "seen", "owner")] == [0, 0, None]
    assert [by_key["e"][name] for name in ("ends", "refresh")] == [None, None]
    store.close()


def test_many_processes_may_bring_a_table_up_to_date_at_once(
    server: Server, connection: Any
) -> None:
    for old in (False, True):
        connection.exec_driver_sql("DROP TABLE IF EXISTS older")
        if old:
            make_older(connection, "older")
        failed: list[BaseException] = []

        def migrate() -> None:
            store = sql_store(server.url, table="older", timeout=20)
            try:
                store.create_table()
            except BaseException as error:
                failed.append(error)
            store.close()

        threads = [threading.Thread(target=migrate) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failed == []
        sql_store(server.url, table="older").check()
        assert indexes(connection, "older") == {("expires",), ("owner",)}


def test_further_columns_are_no_fault(server: Server, connection: Any) -> None:
    store = sql_store(server.url)
    store.create_table()
    connection.exec_driver_sql("ALTER TABLE ringsession ADD COLUMN note INT")
    sql_store(server.url).check()
    assert store.create(key_of("a"), RECORD, Lifetime())
    connection.exec_driver_sql("DROP TABLE ringsession")
    store.close()
