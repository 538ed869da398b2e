"""The engine of `sql_store`: one of our own for a URL, with a bound on every call, or the application's.

Owns drivers, timeouts, forks and which errors are worth asking again for. Knows no session and no table.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable, Generator
from importlib import import_module
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import SingletonThreadPool, StaticPool

_Answer = TypeVar("_Answer")

# What a server calls it when it undid one of two transactions that were in each other's way.
_SERIALIZATION = {"40001", "40P01", 1213, 1020}
_CONFLICTS = 5


class SqlEngine:
    """Connections for one statement or one transaction each, never the application's own."""

    def __init__(self, engine: Engine, timeout: float, *, owned: bool) -> None:
        # To say it of an engine that has it anyway would set and reset each connection that is lent.
        self._engine = engine if owned else engine.execution_options(isolation_level="AUTOCOMMIT")
        self._timeout = timeout
        self._owned = owned
        self._process = os.getpid()
        self.has_returning = engine.dialect.name == "postgresql"  # of what an UPDATE replaced

    def __repr__(self) -> str:
        return repr(self._engine.url)  # without the password

    def __del__(self) -> None:
        if self._owned and self._process == os.getpid():
            self.close()

    def close(self) -> None:
        """Close the connections that are not lent; a later call opens new ones."""
        self._engine.dispose()

    def run(self, work: Callable[[Connection], _Answer], *, again: bool = True) -> _Answer:
        """Give the work a connection; once more if that connection broke, unless that would be a second try too many.

        again: False for what must not be done twice.
        """
        began = time.monotonic()
        for attempt in range(_CONFLICTS + 1):
            try:
                return self._run_once(work)
            except DBAPIError as error:
                if _is_conflict(error) and attempt < _CONFLICTS:
                    time.sleep(random.uniform(0, 0.01 * 2**attempt))
                    continue
                in_time = time.monotonic() - began < self._timeout
                if not (again and error.connection_invalidated and in_time):
                    raise
                again = False
        raise AssertionError("the last attempt returns or raises")

    def look(self, work: Callable[[Connection], _Answer]) -> _Answer:
        """Give the work a connection that nobody uses after it, such as a process that is forked later."""
        with self._engine.connect() as connection:
            connection.detach()
            return work(connection)

    def _run_once(self, work: Callable[[Connection], _Answer]) -> _Answer:
        if self._owned and self._process != os.getpid():
            self._engine.dispose(close=False)  # the parent's connections are the parent's
            self._process = os.getpid()
        with self._engine.connect() as connection:
            try:
                return work(connection)
            except BaseException:
                connection.invalidate()  # it may be in a transaction, or the middle of an answer
                raise


def _is_conflict(error: DBAPIError) -> bool:
    """Whether the server undid this for another's sake, so that nothing was done."""
    origin: Any = error.orig
    code = getattr(origin, "sqlstate", None) or getattr(origin, "pgcode", None)
    return (code or next(iter(origin.args), None)) in _SERIALIZATION


def open_engine(engine_or_url: Any, timeout: float | None) -> SqlEngine:
    """The engine to use. Raises ValueError or TypeError for what will not do."""
    seconds = 2 if timeout is None else timeout
    if isinstance(engine_or_url, str):
        return SqlEngine(_make_engine(engine_or_url, seconds), seconds, owned=True)
    engine = engine_or_url
    if not isinstance(engine, Engine):
        raise TypeError(f"sql_store: expected an Engine or a URL, got {type(engine).__name__}")
    if timeout is not None:
        raise ValueError("timeout: expected it with a URL only; an engine has its own")
    if isinstance(engine.pool, (StaticPool, SingletonThreadPool)):
        raise ValueError("sql_store: expected an engine that lends connections of their own")
    if engine.dialect.name not in ("postgresql", "mysql", "mariadb"):
        raise ValueError(f"sql_store: {_EXPECTED}, got {engine.dialect.name}")
    return SqlEngine(engine, seconds, owned=False)


_EXPECTED = "expected PostgreSQL, MySQL or MariaDB (for SQLite there is sqlite_store)"


def _make_engine(text: str, timeout: float) -> Engine:
    try:
        url = make_url(text)
        driver = url.get_driver_name()
    except ArgumentError:
        raise ValueError("sql_store: expected a URL, such as postgresql+psycopg://...") from None
    if not url.host:
        raise ValueError("sql_store: expected a URL with a host")
    if driver not in ("psycopg", "pymysql"):
        raise ValueError(
            "sql_store: expected postgresql+psycopg://..., mysql+pymysql://... or mariadb+pymysql://...,"
            f" got {url.drivername}; for another driver pass an engine with timeouts of its own"
        )
    # Every statement is a transaction, and a connection that failed is closed: there is nothing to roll back.
    options: dict[str, Any] = {"skip_autocommit_rollback": True, "pool_reset_on_return": None}
    pool = {"pool_timeout": timeout, "pool_use_lifo": True}
    try:
        engine = create_engine(url, isolation_level="AUTOCOMMIT", **options, **pool)
    except ModuleNotFoundError:
        name = "'psycopg[binary]'" if driver == "psycopg" else "pymysql"
        raise ValueError(f"sql_store: {driver} is not installed; pip install {name}") from None
    (_bound_psycopg if driver == "psycopg" else _bound_pymysql)(engine, timeout)
    return engine


def _bound_pymysql(engine: Engine, timeout: float) -> None:
    @event.listens_for(engine, "do_connect")
    def bound(dialect: Any, record: Any, args: Any, options: dict[str, Any]) -> None:
        for name in ("connect_timeout", "read_timeout", "write_timeout"):
            options.setdefault(name, math.ceil(timeout) if name == "connect_timeout" else timeout)


def _bound_psycopg(engine: Engine, timeout: float) -> None:
    """The server ends what takes too long, and so do we if we hear nothing."""
    psycopg: Any = import_module("psycopg")

    class BoundConnection(psycopg.Connection):  # type: ignore[misc]
        def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
            return super().wait(within(gen, self), *args, **options)

    def within(gen: Any, connection: Any) -> Generator[Any, Any, Any]:
        """The same steps, none of them after the deadline; psycopg asks at least every 0.1 s."""
        deadline, ready = time.monotonic() + timeout, None
        while True:
            try:
                wanted = gen.send(ready)
            except StopIteration as end:
                return end.value
            ready = yield wanted
            if not ready and time.monotonic() > deadline:
                connection.close()
                raise psycopg.OperationalError(f"no answer within {timeout} s")

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, args: Any, options: dict[str, Any]) -> Any:
        options.setdefault("connect_timeout", max(2, math.ceil(timeout)))  # libpq's least
        # Each statement is prepared at its first use on a connection: one round trip more then, and no planning ever after.
        options.setdefault("prepare_threshold", 0)
        bounds = f"-c statement_timeout={math.ceil(timeout * 1000)}"
        options["options"] = f"{bounds} {options.get('options', '')}".rstrip()
        return BoundConnection.connect(*args, **options)
