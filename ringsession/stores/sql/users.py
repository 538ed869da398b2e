"""Find and end the sessions of a user in a SQL database, and end all sessions of a cookie.

Why no session escapes that moves to a new key meanwhile: its new row is committed before the old
one is claimed, so at each moment one of the two is live. A SELECT sees the table at one moment. If
it finds no live row, the login has no live session. A row that is being inserted at that moment
does not escape either: a login continues only from a live old row, and locks that row until the new
row is committed. So the SELECT would have found the old row. Without a user, the request that moves
the session notices that the old session has ended, and deletes the new one.

To repeat an UPDATE of all rows until it changes none would not be enough. On PostgreSQL it neither
sees a row that was inserted after it began, nor ends the old row if that was claimed before the
UPDATE came to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import UserSessionRow
from .engine import SqlCall, SqlEngine
from .rows import new_version, read_user_session
from .statements import ENDED_AT_ONCE, FOUND_AT_ONCE, Statements

# Seconds that a search through the whole table may take, beyond the time limit of a request.
_LONGER = 60


class SqlUsers:
    """The part of `SqlStore` that makes it a `UserStore`."""

    _engine: SqlEngine
    _sql: Statements

    def find_sessions(self, owner: str) -> list[UserSessionRow]:
        call = self._engine.call("find_sessions")
        rows = call.run(lambda execute: execute(self._sql.find_owned, {"owner": owner}))
        return [read_user_session(row) for row in rows]

    def end_sessions(
        self, owner: str, *, handle: str | None = None, spare: str | None = None
    ) -> int:
        call = self._engine.call("end_sessions")

        def find() -> list[tuple[str, str]]:
            rows = call.run(lambda execute: execute(self._sql.find_logins, {"owner": owner}))
            return [
                (row.key, row.handle)
                for row in rows
                if row.handle != spare and handle in (None, row.handle)
            ]

        found = find()
        # A login that begins from now on has another handle, and goes on.
        handles = {own for _, own in found}
        keys = [key for key, _ in found]
        while keys:
            for some in _batches(keys):
                self._end_each(call, some)
            keys = [key for key, own in find() if own in handles]
        return len(found)

    def end_all_sessions(self, cookie: str) -> int:
        (row,) = self._search("end_all_sessions", self._sql.now)
        values = {"cookie": cookie, "until": row.now, "after": ""}
        ended = 0
        while True:
            rows = self._search("end_all_sessions", self._sql.find_older, values)
            # A session that moves between two searches may get a key that they have passed, so
            # search again from the start, until one search of the whole table finds nothing.
            if not rows and not values["after"]:
                return ended
            keys = [row.key for row in rows]
            for some in _batches(keys):
                ended += self._end_each(self._engine.call("end_all_sessions"), some)
            values["after"] = keys[-1] if len(keys) == FOUND_AT_ONCE else ""

    def count_sessions(self) -> int:
        ((number,),) = self._search("count_sessions", self._sql.count)
        return int(number)

    def _search(self, name: str, statement: Any, values: Any = None) -> Any:
        return self._engine.look(
            name, lambda connection: connection.execute(statement, values).all(), longer=_LONGER
        )

    def _end_each(self, call: SqlCall, keys: list[str]) -> int:
        """End the sessions under these keys, and return how many were still live.

        By their keys, since a statement that finds the rows by their owner locks MySQL's index of
        the owners before the rows, while a claim has locked its row and waits for that index.
        """
        values = {"keys": keys, "next": new_version()}
        ended: int = call.run(lambda execute: execute(self._sql.end_each, values))
        return ended


def _batches(keys: list[str]) -> Iterator[list[str]]:
    """Yield a few keys at a time, so that no request waits for long, in one order for all."""
    keys = sorted(keys)
    for start in range(0, len(keys), ENDED_AT_ONCE):
        yield keys[start : start + ENDED_AT_ONCE]
