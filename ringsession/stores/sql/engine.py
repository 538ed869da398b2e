"""Run the statements of one call of `sql_store`, with one deadline for everything it waits for.

This module decides which statements run again after a failure. `connections.py` lends the
connections.
"""

from __future__ import annotations

import random
import time
import weakref
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from .. import StoreUnavailable
from .connections import Held, LentConnections, OwnConnections
from .drivers import DEADLINE, make_engine
from .errors import SqlFailed
from .urls import find_hosts
from .versions import check_version
from ..shown_url import show_url

_Answer = TypeVar("_Answer")
# A function that runs a statement with its parameters and returns its rows, or the number of rows
# that it changed.
Execute = Callable[..., Any]

_MOST_CONFLICTS = 5


class SqlCall:
    """One call of the store: its name for error messages, and its deadline."""

    def __init__(self, engine: SqlEngine, name: str) -> None:
        self._engine = engine
        self.name = name
        self.deadline = time.monotonic() + engine.timeout

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.deadline

    def extend(self, seconds: float) -> None:
        """Move the deadline, since the application's own function took this time."""
        self.deadline += seconds

    def first(self, statement: Any, **values: Any) -> Any:
        """Run a SELECT. Return its first row, or None."""
        return next(iter(self.run(lambda execute: execute(statement, values))), None)

    def change(self, statement: Any, **values: Any) -> bool:
        """Run a statement. Return whether it changed one row."""
        changed: int = self.run(lambda execute: execute(statement, values))
        return changed == 1

    def change_once(self, statement: Any, **values: Any) -> bool:
        """Run a statement like `change`, but do not run it again after an unknown outcome."""
        changed: int = self.run(lambda execute: execute(statement, values), again=False)
        return changed == 1

    def run(self, work: Callable[[Execute], _Answer], *, again: bool = True) -> _Answer:
        """Run work on a connection. Run it again after a broken connection or a lost conflict.

        again: False if the work must not be done twice.
        """
        failures = conflicts = 0
        while True:
            held, failure = None, None
            DEADLINE.set(self.deadline)
            try:
                held = self._engine.take(self.deadline)
                return self._engine.run_on(held, work)
            except SqlFailed as error:
                failure = error
            if failure.is_conflict and conflicts < _MOST_CONFLICTS and not self.is_over:
                conflicts += 1
                time.sleep(random.uniform(0, 0.01 * 2**conflicts))
                continue
            may_repeat = failure.broken and (again or held is None) and not self.is_over
            # All idle connections of a pool may be broken, so go on after each of them. A new
            # connection breaks for another reason, so that is repeated only once.
            if may_repeat and (failures == 0 or (held is not None and held.is_used)):
                failures += 1
                continue
            break
        raise self.failed(str(failure))

    def failed(self, problem: str) -> StoreUnavailable:
        return StoreUnavailable(f"sql_store: {self.name} failed: {problem}")


class SqlEngine:
    """Connections for one piece of work each, never in the application's own transaction."""

    def __init__(self, engine: Engine, timeout: float, shown: str, *, owned: bool) -> None:
        self._engine = engine
        self.timeout = timeout
        self._shown = shown
        hosts = [host.rpartition(":")[0] or host for host in find_hosts(engine.url)]
        self._names: set[str] = {*hosts, *find_hosts(engine.url), engine.url.database or ""}
        self._connections: Any = (
            OwnConnections(engine, timeout) if owned else LentConnections(engine)
        )
        if owned:  # not __del__, which may run when the interpreter has cleared the modules
            weakref.finalize(self, self._connections.close)

    def __repr__(self) -> str:
        return self._shown  # the URL without its secrets

    def close(self) -> None:
        """Close the connections that no thread is using. A later call opens new ones."""
        self._connections.close()

    def know_names(self, names: Collection[str]) -> None:
        """Allow error messages to quote these names."""
        self._names.update(names)

    def call(self, name: str) -> SqlCall:
        """Start a call. Its time limit starts now."""
        return SqlCall(self, name)

    def look(
        self, name: str, work: Callable[[Connection], _Answer], *, longer: float = 0
    ) -> _Answer:
        """Run work on a connection, and close it, so that no forked process inherits it.

        longer: seconds that are added to the time limit once the connection is open.
        Raises StoreUnavailable, and ValueError for what waiting cannot cure.
        """
        call = self.call(name)
        DEADLINE.set(call.deadline)
        failure: SqlFailed | None = None
        try:
            with self._engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.detach()
                check_version(self._engine.dialect)
                DEADLINE.set(call.deadline + longer)
                return work(connection)
        except (SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error) as error:
            failure = SqlFailed(error, self._names)
        if failure.lasting:
            raise ValueError(f"sql_store: {failure.lasting}. {self!r} said: {failure}")
        raise call.failed(str(failure))

    def take(self, deadline: float) -> Held:
        """Return a connection. Raises SqlFailed, with `broken` set if another try may help."""
        failure: Exception | None = None
        try:
            held: Held = self._connections.take(deadline)
            return held
        except Exception as error:
            failure = error
        broken = isinstance(failure, (DBAPIError, self._engine.dialect.loaded_dbapi.Error))
        raise SqlFailed(failure, self._names, broken=broken)

    def run_on(self, held: Held, work: Callable[[Execute], _Answer]) -> _Answer:
        """Run work on a connection. Close the connection if the work fails."""

        def execute(statement: Any, values: Any = None) -> Any:
            failure: Exception | None = None
            try:
                result = held.connection.execute(statement, values)
                return result.all() if result.returns_rows else result.rowcount
            except Exception as error:
                failure = error
            broken = isinstance(failure, DBAPIError) and failure.connection_invalidated
            raise SqlFailed(failure, self._names, broken=broken)

        try:
            answer = work(execute)
        except BaseException as error:
            # The connection may be in a transaction, or in the middle of an answer.
            self._connections.discard(held)
            if isinstance(error, SqlFailed) and error.broken:
                self._connections.close_unused()
            raise
        self._connections.give_back(held)
        return answer


def open_engine(engine_or_url: Any, timeout: float | None) -> SqlEngine:
    """Return the engine for a URL or an application's Engine.

    Raises TypeError for another object, and ValueError for a URL or Engine that cannot work.
    """
    seconds = 2 if timeout is None else timeout
    if isinstance(engine_or_url, str):
        engine = make_engine(engine_or_url)
        return SqlEngine(engine, seconds, show_url(engine_or_url), owned=True)
    engine = engine_or_url
    if not isinstance(engine, Engine):
        raise TypeError(f"sql_store: expected an Engine or a URL, got {type(engine).__name__}")
    if timeout is not None:
        raise ValueError("timeout: expected None, since an engine has its own timeouts")
    if isinstance(engine.pool, (StaticPool, SingletonThreadPool)):
        raise ValueError(
            "sql_store: expected an engine whose pool gives each thread its own connection, got"
            f" one with a {type(engine.pool).__name__}"
        )
    if engine.dialect.name not in ("postgresql", "mysql", "mariadb"):
        raise ValueError(f"sql_store: {_EXPECTED}, got {engine.dialect.name}")
    shown = show_url(engine.url.render_as_string(hide_password=False))
    return SqlEngine(engine, seconds, shown, owned=False)


_EXPECTED = "expected PostgreSQL, MySQL or MariaDB (for SQLite there is sqlite_store)"
