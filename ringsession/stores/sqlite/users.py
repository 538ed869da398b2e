"""Find and end the sessions of a user in a SQLite file, and end all sessions of a cookie."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from .. import UserSessionRow
from . import statements as sql
from .connections import SqliteConnections
from .rows import make_tombstone, read_user_session

_Answer = TypeVar("_Answer")

_ENDED_AT_ONCE = 128


class SqliteUsers:
    """The part of `SqliteStore` that makes it a `UserStore`."""

    _connections: SqliteConnections
    _clock: Callable[[], float]

    def find_sessions(self, owner: str) -> list[UserSessionRow]:
        return [
            read_user_session(row)
            for row in self._fetch_all(sql.FIND_OWNED, bytes.fromhex(owner), self._clock())
        ]

    def end_sessions(
        self, owner: str, *, handle: str | None = None, spare: str | None = None
    ) -> int:
        handles = [name and bytes.fromhex(name) for name in (handle, spare)]

        # One statement is enough, since SQLite has one writer at a time. A session that moves has
        # its new row before, or its `sql.CONTINUE` comes later and finds no live old row.
        def end(connection: sqlite3.Connection) -> int:
            now = self._clock()
            row = (*make_tombstone(now, None), bytes.fromhex(owner), now, *handles)
            return connection.execute(sql.END_OWNED, row).rowcount

        return self._write(end)

    def end_all_sessions(self, cookie: str) -> int:
        began, ended, after = self._clock(), 0, b""
        while True:
            row = (after, bytes.fromhex(cookie), began, self._clock(), _ENDED_AT_ONCE)
            keys = [key for (key,) in self._fetch_all(sql.FIND_OLDER, *row)]
            # A session that moves between two batches may get a key that the batches have passed,
            # so look again from the start until one look at the whole table finds nothing. That
            # look misses no session: a new row is stored before the old one ends, so that at each
            # moment one of the two is live.
            if not keys and not after:
                return ended
            ended += self._end_each(keys)
            after = keys[-1] if len(keys) == _ENDED_AT_ONCE else b""

    def count_sessions(self) -> int:
        ((found,),) = self._fetch_all(sql.COUNT, self._clock())
        return int(found)

    def _end_each(self, keys: list[bytes]) -> int:
        def end(connection: sqlite3.Connection) -> int:
            now = self._clock()
            rows = [(*make_tombstone(now, None), key, now) for key in keys]
            connection.execute("BEGIN IMMEDIATE")
            ended = connection.executemany(sql.END, rows).rowcount
            connection.execute("COMMIT")
            return ended

        return self._write(end) if keys else 0

    def _fetch_all(self, statement: str, *row: Any) -> list[Any]:
        return self._connections.read(
            lambda connection: connection.execute(statement, row).fetchall()
        )

    def _write(self, ask: Callable[[sqlite3.Connection], _Answer]) -> _Answer:
        return self._connections.write(ask, self._connections.deadline())
