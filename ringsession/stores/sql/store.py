"""Keep sessions in PostgreSQL, MySQL or MariaDB, for any number of machines.

This module decides which statements each operation runs. `statements.py` has their SQL, and
`engine.py` runs them with a deadline and retries.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from sqlalchemy import text

from .. import NO_DETAILS, Change, CopiesAsItself, Details, Loaded, StoreUnavailable
from ..call_timeouts import Timeout, read_timeout
from ..compare_and_set import compare_and_set
from .create import create_row
from .engine import Execute, SqlCall, SqlEngine, open_engine
from .migration import find_faults, make_or_migrate
from .report import SqlReport
from .statements import Statements
from .sweep import sweep_a_few, sweep_all
from .rows import (
    is_ended,
    make_row,
    merge_change,
    new_version,
    read_live,
    read_text,
    read_times,
    write_times,
)
from .table import make_table
from .users import SqlUsers
from ..deadlines import UNLIMITED, Lifetime, Times, judge

log = logging.getLogger("ringsession")

_TRIES_WITHOUT_LOCK = 8
_CREATES_PER_SWEEP = 128


class SqlStore(SqlUsers, SqlReport, CopiesAsItself):
    """The store that `sql_store` makes."""

    def __init__(self, engine: SqlEngine, table: str) -> None:
        self._engine = engine
        self._table = make_table(table)
        engine.know_names({table, *self._table.columns.keys()})
        self._sql = Statements(self._table)
        self._creates = count(1)
        self._checked = False

    def __repr__(self) -> str:
        return f"<sql_store {self._engine!r}>"

    def create_table(self) -> None:
        """Create the table and its indexes, or add the missing parts to an older table.

        You may repeat this, also while processes with an older version still use the table. Raises
        the same exceptions as `check`.
        """
        self._engine.look(
            "create_table", lambda lent: make_or_migrate(lent, self._table), longer=math.inf
        )
        self.check()

    def check(self) -> None:
        """Raise ValueError if the table is missing or has other columns. `wrap_session` calls this.

        Raise StoreUnavailable if the server does not answer. After one success, later calls do
        nothing.
        """
        if self._checked:
            return
        faults = self._engine.look("check", lambda connection: find_faults(connection, self._table))
        if faults:
            raise ValueError(f"table {self._table.name!r}: {'; '.join(faults)}")
        self._checked = True

    def close(self) -> None:
        """Close the connections that no thread is using. A later call opens new ones."""
        self._engine.close()

    def load(self, key: str, limit: Lifetime = UNLIMITED) -> Loaded | None:
        call = self._engine.call("load")
        row = call.first(self._sql.load, k=key)
        if row is None:
            return None
        if row.record is None:
            return None if row.expires <= row.now else Loaded(None, successor=row.successor)
        times, now = read_times(row), row.now / 1000
        standing = judge(times, limit, now)
        if standing is None:
            over = judge(times, UNLIMITED, now) is None
            return None if over else Loaded(None, outlived=True)
        left, moved = standing.expires_in, False
        if standing.renewed is not None and self._move(call, key, row.seen, standing.renewed):
            left, moved = standing.renewed_in, standing.moves
        return read_live(row, times, left, moved, standing.due)

    def create(
        self, key: str, record: str, lifetime: Lifetime, details: Details = NO_DETAILS
    ) -> bool:
        call = self._engine.call("create")
        created = create_row(call, self._sql, make_row(key, record, lifetime, details))
        if next(self._creates) % _CREATES_PER_SWEEP == 0:
            sweep_a_few(call, self._sql)
        return created

    def patch(self, key: str, version: Any, change: Change) -> bool:
        call = self._engine.call("patch")
        new = {"new": change.record.encode(), "keep": int(change.disposable)}
        if type(version) is int and self._replace(call, key, version, new):
            return True
        for attempt in range(_TRIES_WITHOUT_LOCK):
            row = call.first(self._sql.find, k=key)
            if row is None:
                return False
            if self._replace(call, key, row.version, merge_change(row, change)):
                return True
            time.sleep(random.uniform(0, 0.001 * 2**attempt))
        return call.run(lambda execute: self._patch_locked(execute, key, change))

    def claim(self, key: str, version: Any, successor: str) -> bool:
        call = self._engine.call("claim")
        at = version if type(version) is int else -1  # -1 is never a version
        return call.change(self._sql.claim, k=key, at=at, to=successor, next=new_version())

    def destroy(self, key: str) -> bool:
        call, tries = self._engine.call("destroy"), count()
        values = {"k": key, "next": new_version()}

        def work(execute: Execute) -> bool:
            again = next(tries) > 0
            if execute(self._sql.destroy, values) == 1:
                return True
            # After a broken connection, the first try may have ended the session.
            return again and is_ended(execute(self._sql.load, {"k": key}))

        return call.run(work)

    def swap(self, key: str, name: str, change: Callable[[str | None], str]) -> str | None:
        call = self._engine.call("swap")

        def read() -> tuple[str, Any] | None:
            row = call.first(self._sql.find, k=key)
            return None if row is None else (read_text(row), row.version)

        def write(record: str, version: Any) -> bool:
            values = {"k": key, "at": version, "next": new_version(), "keep": 0}
            # The statement does not run again after an unknown outcome: a second try could not
            # tell its own write from another request's.
            if call.change_once(self._sql.replace, new=record.encode(), **values):
                return True
            if call.is_over:
                raise call.failed("other requests wrote to the session all the time")
            return False

        return compare_and_set(read, name, change, write, call.extend)

    def sweep(self) -> int:
        return sweep_all(self._engine, self._sql)

    def _replace(self, call: SqlCall, key: str, at: Any, new: dict[str, Any]) -> bool:
        """Store a complete record if the stored version is `at`."""
        return call.change(self._sql.replace, k=key, at=at, next=new_version(), **new)

    def _patch_locked(self, execute: Execute, key: str, change: Change) -> bool:
        """Patch with a lock on the row, after other requests were faster several times."""
        execute(text("BEGIN"))
        rows = execute(self._sql.lock, {"k": key})
        for row in rows:
            values = {"k": key, "next": new_version(), **merge_change(row, change)}
            execute(self._sql.write, values)
        execute(text("COMMIT"))
        return bool(rows)

    def _move(self, call: SqlCall, key: str, seen: int, renewed: Times) -> bool:
        try:
            return call.change(self._sql.move, k=key, old_seen=seen, **write_times(renewed))
        except StoreUnavailable as error:
            # The session could be read, and it keeps its old deadline.
            log.warning("Could not extend a session's idle timeout: %s", error)
            return False


def sql_store(
    engine_or_url: Any, *, table: str = "ringsession", timeout: Timeout | None = None
) -> SqlStore:
    """Return a store in PostgreSQL, MySQL or MariaDB. It uses SQLAlchemy 2.

    engine_or_url: "postgresql+psycopg://user:password@host/database" or "mysql+pymysql://...". The
        store opens up to 15 connections for each process, also behind PgBouncer. Or an Engine of
        yours that has timeouts: each statement gets a connection from its pool, never one with a
        transaction of yours.
    table: "ringsession"; `create_table()` creates it, and migrates an older one.
    timeout: 2; seconds for a whole call: connect, run the statements and retry. For a URL only; an
        Engine has its own timeouts.

    The store keeps every promise. Every 128th new session removes up to 256 expired ones; `sweep()`
    removes all of them. Connect to the primary, not to a replica. The store opens its first
    connection when it is first used. Install SQLAlchemy with `pip install 'ringsession[sql]'`, and
    the driver of your choice.
    Raises TypeError for an object that is neither a URL nor an Engine, and ValueError if an option
    cannot work.

    >>> from ringsession import assoc_in, site_defaults
    >>> store = sql_store("postgresql+psycopg://web@db.internal/web")  # doctest: +SKIP
    >>> store.create_table()  # once, when you deploy                  # doctest: +SKIP
    """
    if type(table) is not str or not table.isidentifier():
        raise ValueError(f"table: expected a name of letters, digits and _, got {table!r:.60}")
    return SqlStore(open_engine(engine_or_url, read_timeout(timeout)), table)
