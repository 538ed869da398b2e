"""Sessions in a SQLite file: for the threads and processes of one machine.

Owns the table, its deadlines and the transactions. Knows nothing of cookies, ids and values; how connections are
opened and lent is `_sqlite_connections.py`'s affair.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from itertools import count
from math import inf
from typing import Any

from .. import codec
from . import Change, CopiesAsItself, Lifetime, Loaded, is_seconds
from ._sqlite_connections import SqliteConnections

log = logging.getLogger("ringsession")

_TOMBSTONE_SECONDS = 60
_CREATES_PER_SWEEP = 16
_SWEPT_AT_ONCE = 64

_LIVE = "key = ? AND record IS NOT NULL AND expires > ?"
_LOAD = "SELECT record, version, expires, ends, idle, refresh FROM ringsession WHERE key = ? AND expires > ?"
_FIND = f"SELECT record, version FROM ringsession WHERE {_LIVE}"
_MOVE = f"UPDATE ringsession SET expires = ?, refresh = ? WHERE {_LIVE}"
# An expired row that nobody has swept yet is as good as none.
_CREATE = (
    "INSERT INTO ringsession (key, record, version, expires, ends, idle, refresh) VALUES (?, ?, 0, ?, ?, ?, ?)"
    " ON CONFLICT (key) DO UPDATE SET record = excluded.record, version = 0, expires = excluded.expires,"
    " ends = excluded.ends, idle = excluded.idle, refresh = excluded.refresh WHERE expires <= ?"
)
_WRITE = f"UPDATE ringsession SET record = ?, version = version + 1 WHERE {_LIVE}"
_WRITE_IF_UNCHANGED = f"{_WRITE} AND version = ?"
_END = f"UPDATE ringsession SET record = NULL, version = version + 1, expires = ? WHERE {_LIVE}"
_SWEEP = (
    "DELETE FROM ringsession WHERE key IN"
    " (SELECT key FROM ringsession WHERE expires <= ? ORDER BY expires LIMIT ?)"
)


class SqliteStore(CopiesAsItself):
    """The store that `sqlite_store` makes."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        timeout: float,
        durable: bool,
        clock: Callable[[], float],
    ) -> None:
        self._connections = SqliteConnections(path, timeout, durable)
        self._clock = clock
        self._creates = count(1)

    def __repr__(self) -> str:
        return f"<sqlite_store {self._connections.path!r}>"

    def close(self) -> None:
        """Close the connections that no thread is using; a later call opens new ones."""
        self._connections.close()

    def load(self, key: str) -> Loaded | None:
        digest, now = bytes.fromhex(key), self._clock()
        row = self._connections.fetch(_LOAD, (digest, now))
        if row is None:
            return None
        record, version, expires, ends, idle, refresh = row
        if record is None:
            return Loaded(None)
        moved = False
        if now >= refresh and (later := min(ends, now + idle)) != expires:
            moved = self._move(digest, now, later, Lifetime(idle))
            expires = later if moved else expires
        return Loaded(record, version, None if expires == inf else expires - now, moved)

    def create(self, key: str, record: str, lifetime: Lifetime) -> bool:
        digest, now = bytes.fromhex(key), self._clock()
        idle = inf if lifetime.idle is None else lifetime.idle
        ends = inf if lifetime.absolute is None else now + lifetime.absolute
        refresh = inf if lifetime.idle is None else now + lifetime.granularity
        row = (digest, record, min(ends, now + idle), ends, idle, refresh, now)
        if next(self._creates) % _CREATES_PER_SWEEP == 0:
            self._connections.change(_SWEEP, (now, _SWEPT_AT_ONCE))
        return self._connections.change(_CREATE, row) == 1

    def patch(self, key: str, version: Any, change: Change) -> bool:
        digest, now = bytes.fromhex(key), self._clock()
        if self._write_if_unchanged(change.record, digest, now, version):
            return True
        with self._connections.transaction() as connection:
            row = connection.execute(_FIND, (digest, now)).fetchone()
            if row is None:
                return False
            merged = codec.merge(row[0], change.changed, change.removed)
            connection.execute(_WRITE, (merged, digest, now))
            return True

    def claim(self, key: str) -> str | None:
        digest, now = bytes.fromhex(key), self._clock()
        with self._connections.transaction() as connection:
            row: tuple[str, int] | None = connection.execute(_FIND, (digest, now)).fetchone()
            if row is None:
                return None
            connection.execute(_END, (now + _TOMBSTONE_SECONDS, digest, now))
        return row[0]

    def destroy(self, key: str) -> bool:
        digest, now = bytes.fromhex(key), self._clock()
        return self._connections.change(_END, (now + _TOMBSTONE_SECONDS, digest, now)) == 1

    def swap(self, key: str, name: str, change: Callable[[str | None], str]) -> str | None:
        digest = bytes.fromhex(key)
        while True:  # each round that fails is one in which another request has succeeded
            now = self._clock()
            row = self._connections.fetch(_FIND, (digest, now))
            if row is None:
                return None
            text = change(codec.value_text(row[0], name))
            merged = codec.merge(row[0], {name: text}, ())
            if self._write_if_unchanged(merged, digest, now, row[1]):
                return text

    def sweep(self) -> int:
        now, swept = self._clock(), 0
        while True:  # in small batches, so that no writer waits for long
            gone = self._connections.change(_SWEEP, (now, _SWEPT_AT_ONCE))
            swept += gone
            if gone < _SWEPT_AT_ONCE:
                return swept

    def _write_if_unchanged(self, record: str, digest: bytes, now: float, version: Any) -> bool:
        return self._connections.change(_WRITE_IF_UNCHANGED, (record, digest, now, version)) == 1

    def _move(self, digest: bytes, now: float, later: float, lifetime: Lifetime) -> bool:
        try:
            row = (later, now + lifetime.granularity, digest, now)
            return self._connections.change(_MOVE, row) == 1
        except sqlite3.OperationalError:
            # "A failed touch is only logged": the session was read, and lives until its old deadline.
            log.warning("a session's idle deadline could not be moved", exc_info=True)
            return False


def sqlite_store(
    path: str | os.PathLike[str],
    *,
    timeout: float = 2,
    durable: bool = False,
    clock: Callable[[], float] = time.time,
) -> SqliteStore:
    """A store in a SQLite file, for the threads and processes of one machine. It keeps every promise.

    path: the file, made with mode 600 if it is not there; its folder must be there. Not on a network file system.
    timeout: 2; seconds that a call waits for other writers before the request is a 503.
    durable: False; True waits for the disk at each write. Without it a power cut, but no crash of a process,
        may take the last writes with it (SQLite's synchronous=NORMAL in WAL mode).
    clock: time.time; seconds, for tests.

    The table `ringsession` is made if it is not there. Every 16th new session clears up to 64 expired ones; `sweep()`
    clears all. Threads and forked processes each get connections of their own.
    Raises ValueError for a path that cannot be such a file, and for bad options.

    >>> import os, tempfile
    >>> from ringsession import assoc_in, site_defaults
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = sqlite_store(os.path.join(folder, "sessions.db"))
    ...     config = assoc_in(site_defaults, ["session", "store"], store)
    """
    if timeout is None or not is_seconds(timeout):
        raise ValueError(f"timeout: expected seconds over 0, got {timeout!r:.60}")
    if type(durable) is not bool:
        raise ValueError(f"durable: expected True or False, got {durable!r:.60}")
    return SqliteStore(path, timeout, durable, clock)
