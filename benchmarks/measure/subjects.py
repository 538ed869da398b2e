"""The stores that are measured, each with the least that its library can do for the same record.

Owns the servers and the connections, started for a measurement and stopped after it. Measures
nothing.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import psutil
import pymysql
import redis
import sqlalchemy

from ringsession import cookie_store, memory_store, redis_store, sql_store, sqlite_store
from tests import servers

KEY = "0" * 64
REDIS_LIKE = ("valkey", "redis")
SQL = ("postgresql", "mariadb")


class Bare(NamedTuple):
    """A GET or a SELECT by key, and a SET or an UPDATE by key, by the client library alone."""

    read: Callable[[], object]
    write: Callable[[], object]


class Subject(NamedTuple):
    """A store to be measured."""

    store: Any
    calls: int  # in each round
    bare: Bare | None = None
    port: int | None = None  # of its server
    store_at: Callable[[int], Any] | None = None  # another one, through a port that leads there
    taken: Callable[[], int] | None = None  # bytes of memory or disk that all sessions take


_Record = TypeVar("_Record", str, bytes)


def _alternate(record: _Record) -> Iterator[_Record]:
    """The record and one of the same length in turn; SQLite and MariaDB write nothing where nothing
    changes.
    """
    return cycle((record, record[::-1]))


@contextmanager
def _memory(record: str) -> Iterator[Subject]:
    yield Subject(memory_store(), 200, taken=lambda: int(psutil.Process().memory_info().rss))


@contextmanager
def _cookie(record: str) -> Iterator[Subject]:
    yield Subject(cookie_store("benchmark-key-of-32-characters!!"), 200)


@contextmanager
def _sqlite(record: str) -> Iterator[Subject]:
    with tempfile.TemporaryDirectory() as folder:
        with (
            closing(sqlite_store(Path(folder, "sessions.db"))) as store,
            closing(sqlite3.connect(Path(folder, "bare.db"), isolation_level=None)) as bare,
        ):
            bare.execute("PRAGMA journal_mode = WAL")
            bare.execute("PRAGMA synchronous = NORMAL")
            bare.execute("CREATE TABLE bare (key BLOB PRIMARY KEY, record TEXT)")
            key, texts = bytes.fromhex(KEY), _alternate(record)
            bare.execute("INSERT INTO bare VALUES (?, ?)", (key, record))

            def select() -> object:
                return bare.execute("SELECT record FROM bare WHERE key = ?", (key,)).fetchone()

            def change() -> object:
                return bare.execute("UPDATE bare SET record = ? WHERE key = ?", (next(texts), key))

            def taken() -> int:
                with closing(sqlite3.connect(Path(folder, "sessions.db"))) as other:
                    pages, size = (
                        other.execute(f"PRAGMA page_{what}").fetchone()[0]
                        for what in ("count", "size")
                    )
                return int(pages * size)

            yield Subject(store, 200, Bare(select, change), taken=taken)


@contextmanager
def _redis_like(kind: str, record: str) -> Iterator[Subject]:
    server = getattr(servers, kind)()

    def store_at(port: int) -> Any:
        return redis_store(f"redis://127.0.0.1:{port}/0")

    try:
        server.start()
        with redis.Redis(port=server.port) as client:
            texts = _alternate(record)
            bare = Bare(partial(client.get, KEY), lambda: client.set(KEY, next(texts)))
            bare.write()

            def taken() -> int:
                return int(client.info("memory")["used_memory"])

            yield Subject(store_at(server.port), 50, bare, server.port, store_at, taken)
    finally:
        server.stop()


def _taken_by_sql(kind: str, server: servers.Server, engine: sqlalchemy.Engine) -> int:
    """Return the bytes of the table with its indexes.

    MariaDB gets disk in large steps, so its pages with rows are counted. Only root may read how
    many there are, and only through the socket.
    """
    if kind == "postgresql":
        text = sqlalchemy.text("SELECT pg_total_relation_size('ringsession')")
        with engine.connect() as connection:
            return int(connection.execute(text).scalar_one())
    pages = (
        "SELECT SUM(stat_value) * @@innodb_page_size FROM mysql.innodb_index_stats"
        " WHERE table_name = 'ringsession' AND stat_name = 'n_leaf_pages'"
    )
    with closing(pymysql.connect(user="root", unix_socket=str(server.folder / "socket"))) as root:
        with root.cursor() as cursor:
            cursor.execute("ANALYZE TABLE ringsession.ringsession")
            cursor.fetchall()
            cursor.execute(pages)
            return int(cursor.fetchone()[0])


@contextmanager
def _sql(kind: str, record: str) -> Iterator[Subject]:
    server = getattr(servers, kind)()

    def store_at(port: int) -> Any:
        return sql_store(server.url.replace(f":{server.port}/", f":{port}/"))

    try:
        server.start()
        with closing(store_at(server.port)) as store:
            store.create_table()
            options = {"skip_autocommit_rollback": True, "pool_reset_on_return": None}
            engine = sqlalchemy.create_engine(server.url, isolation_level="AUTOCOMMIT", **options)

            def taken() -> int:
                return _taken_by_sql(kind, server, engine)

            bare = _bare_sql(engine, record.encode())
            yield Subject(store, 30, bare, server.port, store_at, taken)
            engine.dispose()
    finally:
        server.stop()


def _bare_sql(engine: sqlalchemy.Engine, record: bytes) -> Bare:
    key = sqlalchemy.Column("key", sqlalchemy.String(64), primary_key=True)
    column = sqlalchemy.Column("record", sqlalchemy.LargeBinary)
    table = sqlalchemy.Table("bare", sqlalchemy.MetaData(), key, column)
    with engine.connect() as connection:
        table.create(connection)
        connection.execute(table.insert().values(key=KEY, record=record))
    records = _alternate(record)
    select = sqlalchemy.select(column).where(key == KEY)
    change = table.update().where(key == KEY).values(record=sqlalchemy.bindparam("new"))

    def run_select() -> object:
        with engine.connect() as connection:
            return connection.execute(select).first()

    def run_change() -> object:
        with engine.connect() as connection:
            return connection.execute(change, {"new": next(records)}).rowcount

    return Bare(run_select, run_change)


_OPEN: dict[str, Callable[[str], AbstractContextManager[Subject]]] = {
    "memory": _memory,
    "cookie": _cookie,
    "sqlite": _sqlite,
    **{kind: partial(_redis_like, kind) for kind in REDIS_LIKE},
    **{kind: partial(_sql, kind) for kind in SQL},
}
NAMES = tuple(_OPEN)


def open_subject(name: str, record: str) -> AbstractContextManager[Subject]:
    """One of NAMES; `record` is what its library is to read and write without us."""
    return _OPEN[name](record)
