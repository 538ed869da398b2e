"""Sessions in PostgreSQL, MySQL or MariaDB: for any number of machines.

Owns what each operation asks and in which order. Knows nothing of cookies, ids and values; the table is in `_sql_table.py`, the
statements in `_sql_statements.py`, the connections in `_sql_engine.py`.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from .. import codec
from . import Change, CopiesAsItself, Lifetime, Loaded, StoreUnavailable, is_seconds
from ._sql_engine import SqlEngine, open_engine
from ._sql_statements import SWEPT_AT_ONCE, Statements
from ._sql_table import NEVER, find_faults, make_table

log = logging.getLogger("ringsession")

_TRIES_WITHOUT_LOCK = 8
_CREATES_PER_SWEEP = 128


class SqlStore(CopiesAsItself):
    """The store that `sql_store` makes."""

    def __init__(self, engine: SqlEngine, table: str) -> None:
        self._engine = engine
        self._table = make_table(table)
        self._sql = Statements(self._table)
        self._creates = count(1)
        self._checked = False

    def __repr__(self) -> str:
        return f"<sql_store {self._engine!r}>"

    def create_table(self) -> None:
        """Make the table and its index, if it is not there. Raises ValueError if one of another form is."""
        self._engine.look(lambda connection: self._table.create(connection, checkfirst=True))
        self.check()

    def check(self) -> None:
        """Raise ValueError if the table is not there or has another form; `wrap_session` asks this at the start.

        StoreUnavailable if the server does not answer. What was right once is not asked again.
        """
        if self._checked:
            return
        try:
            faults = self._engine.look(lambda connection: find_faults(connection, self._table))
        except SQLAlchemyError as error:
            raise StoreUnavailable("the database could not be asked for its table") from error
        if faults:
            missing = faults == ["it is not there"]
            hint = (
                "; create_table() or `python -m ringsession create-table` makes it"
                if missing
                else ""
            )
            raise ValueError(f"table {self._table.name!r}: {'; '.join(faults)}{hint}")
        self._checked = True

    def close(self) -> None:
        """Close the connections that no thread is using; a later call opens new ones."""
        self._engine.close()

    def load(self, key: str) -> Loaded | None:
        row = self._first(self._sql.load, k=key)
        if row is None:
            return None
        if row.record is None:
            return Loaded(None)
        moved, expires = False, row.expires
        if row.now >= row.refresh and (to := min(row.ends, row.now + row.idle)) != expires:
            moved = self._move(key, to, row.now + min(60_000, row.idle // 10))
            expires = to if moved else expires
        left = None if expires >= NEVER else (expires - row.now) / 1000
        return Loaded(_text(row), row.version, left, moved)

    def create(self, key: str, record: str, lifetime: Lifetime) -> bool:
        idle, absolute = _milliseconds(lifetime.idle), _milliseconds(lifetime.absolute)
        step = NEVER if lifetime.idle is None else round(lifetime.granularity * 1000)
        row = {"k": key, "new": record.encode(), "idle": idle, "absolute": absolute, "step": step}
        row["left"] = min(idle, absolute)
        created = self._insert(row)
        if not created and self._change(self._sql.drop_expired, keys=[key]):
            created = self._insert(row)
        if next(self._creates) % _CREATES_PER_SWEEP == 0:
            self._sweep_while_working()
        return created

    def patch(self, key: str, version: Any, change: Change) -> bool:
        new = change.record.encode()
        if version is not None and self._change(self._sql.replace, k=key, new=new, seen=version):
            return True
        for attempt in range(_TRIES_WITHOUT_LOCK):
            row = self._first(self._sql.find, k=key)
            if row is None:
                return False
            if self._change(self._sql.replace, k=key, new=_merge(row, change), seen=row.version):
                return True
            time.sleep(random.uniform(0, 0.001 * 2**attempt))
        return self._engine.run(lambda connection: self._patch_locked(connection, key, change))

    def claim(self, key: str) -> str | None:
        if self._engine.has_returning:
            row = self._first(self._sql.claim, k=key)
            return None if row is None else _text(row)
        while True:  # each round that fails is one in which another request has succeeded
            row = self._first(self._sql.find, k=key)
            if row is None:
                return None
            if self._change(self._sql.end_seen, k=key, seen=row.version):
                return _text(row)

    def destroy(self, key: str) -> bool:
        return self._change(self._sql.end, k=key)

    def swap(self, key: str, name: str, change: Callable[[str | None], str]) -> str | None:
        while True:  # each round that fails is one in which another request has succeeded
            row = self._first(self._sql.find, k=key)
            if row is None:
                return None
            text = change(codec.value_text(_text(row), name))
            new = codec.merge(_text(row), {name: text}, ()).encode()
            # "Never retried after an unknown outcome": a second try could not tell its own write from another's.
            if self._change(self._sql.replace, again=False, k=key, new=new, seen=row.version):
                return text

    def sweep(self) -> int:
        swept = 0
        while True:  # in small batches, so that no request waits for long
            keys = self._expired()
            swept += self._drop(keys)
            if len(keys) < SWEPT_AT_ONCE:
                return swept

    def _first(self, statement: Any, **values: Any) -> Any:
        return self._engine.run(lambda connection: connection.execute(statement, values).first())

    def _change(self, statement: Any, *, again: bool = True, **values: Any) -> bool:
        """Whether the statement changed its one row."""

        def work(connection: Connection) -> bool:
            return connection.execute(statement, values).rowcount == 1

        return self._engine.run(work, again=again)

    def _insert(self, row: dict[str, Any]) -> bool:
        tries = count()

        def work(connection: Connection) -> bool:
            again = next(tries) > 0
            try:
                connection.execute(self._sql.create, row)
            except IntegrityError:
                # After a broken connection, what stands under a new random id is what the first try stored.
                return again
            return True

        return self._engine.run(work)

    def _patch_locked(self, connection: Connection, key: str, change: Change) -> bool:
        """The same with the row locked, for a session that so many write to that others are always faster."""
        connection.execute(text("BEGIN"))
        row = connection.execute(self._sql.lock, {"k": key}).first()
        if row is not None:
            connection.execute(self._sql.write, {"k": key, "new": _merge(row, change)})
        connection.execute(text("COMMIT"))
        return row is not None

    def _move(self, key: str, to: int, then: int) -> bool:
        try:
            return self._change(self._sql.move, k=key, to=to, next=then)
        except SQLAlchemyError:
            # "A failed touch is only logged": the session was read, and lives until its old deadline.
            log.warning("a session's idle deadline could not be moved", exc_info=True)
            return False

    def _sweep_while_working(self) -> None:
        try:
            self._drop(self._expired())
        except SQLAlchemyError:
            log.warning("expired sessions could not be removed", exc_info=True)

    def _expired(self) -> list[str]:
        def work(connection: Connection) -> list[str]:
            return list(connection.scalars(self._sql.find_expired))

        return self._engine.run(work)

    def _drop(self, keys: list[str]) -> int:
        def work(connection: Connection) -> int:
            return connection.execute(self._sql.drop_expired, {"keys": keys}).rowcount

        return self._engine.run(work) if keys else 0


def _milliseconds(seconds: float | None) -> int:
    return NEVER if seconds is None else max(1, round(seconds * 1000))


def _text(row: Any) -> str:
    return codec.record_text(bytes(row.record))


def _merge(row: Any, change: Change) -> bytes:
    return codec.merge(_text(row), change.changed, change.removed).encode()


def sql_store(
    engine_or_url: Any, *, table: str = "ringsession", timeout: float | None = None
) -> SqlStore:
    """A store in PostgreSQL, MySQL or MariaDB, by SQLAlchemy 2. It keeps every promise.

    engine_or_url: "postgresql+psycopg://user:password@host/database", "mysql+pymysql://..."; or an Engine, with
        timeouts of its own, whose pool lends a connection for each statement (never the application's transaction).
    table: "ringsession"; `create_table()` makes it.
    timeout: 2; seconds to connect, for each statement and to wait for a free connection, for a URL.

    Every 128th new session clears up to 256 expired ones; `sweep()` clears all. Read from the primary, not from
    a replica. Raises ValueError or TypeError for what will not do; nothing is connected before the first use.
    `pip install 'ringsession[sql]'` brings SQLAlchemy; the driver is yours to choose.

    >>> from ringsession import assoc_in, site_defaults
    >>> store = sql_store("postgresql+psycopg://web@db.internal/web")  # doctest: +SKIP
    >>> store.create_table()  # once, when you deploy                  # doctest: +SKIP
    """
    if type(table) is not str or not table.isidentifier():
        raise ValueError(f"table: expected a name of letters, digits and _, got {table!r:.60}")
    if not is_seconds(timeout):
        raise ValueError(f"timeout: expected seconds over 0, got {timeout!r:.60}")
    return SqlStore(open_engine(engine_or_url, timeout), table)
