"""Keep sessions in a SQLite file, for the threads and processes of one machine.

This module has the operations of a store, and `users.py` those for the sessions of a user.
`connections.py` opens the file and waits for its lock, and `table.py` describes the table.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from ... import codec
from . import statements as sql
from .. import NO_DETAILS, Change, CopiesAsItself, Details, Loaded
from ..call_timeouts import Timeout, read_timeout
from ..calling import describe
from ..compare_and_set import compare_and_set
from ..deadlines import UNLIMITED, Lifetime, Standing, Times, judge
from .connections import SqliteConnections, is_busy
from .report import SqliteReport
from .rows import make_fence, make_row, make_tombstone, new_version
from .sweep import sweep_all, sweep_if_free
from .users import SqliteUsers

log = logging.getLogger("ringsession")

_CREATES_PER_SWEEP = 16
_SHORT_WAIT = 0.05  # seconds


class SqliteStore(SqliteUsers, SqliteReport, CopiesAsItself):
    """The store that `sqlite_store` makes."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        timeout: float,
        durable: bool,
        clock: Callable[[], float],
    ) -> None:
        self._connections = SqliteConnections(path, timeout, durable)
        self._clock, self._creates = clock, count(1)

    def __repr__(self) -> str:
        return f"<sqlite_store {self._connections.path!r}>"

    def close(self) -> None:
        """Close the connections that no thread is using. A later call opens new ones."""
        self._connections.close()

    def load(self, key: str, limit: Lifetime = UNLIMITED) -> Loaded | None:
        digest, now = bytes.fromhex(key), self._clock()
        row = self._connections.fetch(sql.LOAD, (digest,))
        if row is None:
            return None
        record, version, created, seen, idle, absolute, disposable, successor, *login = row
        remembered, owner, handle, began, confirmed = login
        times = Times(created, seen, Lifetime(idle, absolute), bool(remembered))
        standing = judge(times, limit, now)
        if standing is None and (limit == UNLIMITED or judge(times, UNLIMITED, now) is None):
            return None
        if record is None:
            return Loaded(None, successor=successor and successor.hex())
        if standing is None:
            return Loaded(None, outlived=True)
        left, moved = standing.expires_in, False
        if standing.renewed is not None and self._move(digest, seen, standing):
            left, moved = standing.renewed_in, standing.moves
        return Loaded(
            record,
            version,
            left,
            moved,
            standing.due,
            bool(disposable),
            remembered=times.remembered,
            began=created if began is None else began,
            owner=owner and owner.hex(),
            handle=handle and handle.hex(),
            confirmed=confirmed,
        )

    def create(
        self, key: str, record: str, lifetime: Lifetime, details: Details = NO_DETAILS
    ) -> bool:
        digest = bytes.fromhex(key)

        def insert(connection: sqlite3.Connection) -> bool:
            now = self._clock()
            row = make_row(digest, record, lifetime, details, now)
            if details.continues:
                row = (*row, *make_fence(details, now), now)
                return connection.execute(sql.CONTINUE, row).rowcount == 1
            return connection.execute(sql.CREATE, (*row, now)).rowcount == 1

        created = self._connections.write(insert, self._connections.deadline())
        if next(self._creates) % _CREATES_PER_SWEEP == 0:
            sweep_if_free(self._connections, self._clock)
        return created

    def patch(self, key: str, version: Any, change: Change) -> bool:
        digest = bytes.fromhex(key)

        def write(connection: sqlite3.Connection) -> bool:
            now = self._clock()
            row = (change.record, new_version(), change.disposable, digest, now, version)
            if connection.execute(sql.WRITE_IF_UNCHANGED, row).rowcount == 1:
                return True
            connection.execute("BEGIN IMMEDIATE")
            found = connection.execute(sql.FIND, (digest, now)).fetchone()
            if found is not None:
                merged = codec.merge(found[0], change.changed, change.removed)
                connection.execute(
                    sql.WRITE, (merged, new_version(), change.disposable, digest, now)
                )
            connection.execute("COMMIT")
            return found is not None

        return self._write(write)

    def claim(self, key: str, version: Any, successor: str) -> bool:
        digest, heir = bytes.fromhex(key), bytes.fromhex(successor)

        def end(connection: sqlite3.Connection) -> bool:
            now = self._clock()
            row = (*make_tombstone(now, heir), digest, now, version)
            return connection.execute(sql.CLAIM, row).rowcount == 1

        if self._write(end):
            return True
        return self._connections.fetch(sql.MOVED, (digest, self._clock(), heir)) is not None

    def destroy(self, key: str) -> bool:
        digest = bytes.fromhex(key)

        def end(connection: sqlite3.Connection) -> bool:
            now = self._clock()
            row = (*make_tombstone(now, None), digest, now)
            return connection.execute(sql.END, row).rowcount == 1

        return self._write(end)

    def swap(self, key: str, name: str, change: Callable[[str | None], str]) -> str | None:
        digest, deadline = bytes.fromhex(key), self._connections.deadline()

        def read() -> Any:
            return self._connections.fetch(sql.FIND, (digest, self._clock()), deadline)

        def write(record: str, version: Any) -> bool:
            def replace(connection: sqlite3.Connection) -> bool:
                row = (record, new_version(), False, digest, self._clock(), version)
                return connection.execute(sql.WRITE_IF_UNCHANGED, row).rowcount == 1

            return self._connections.write(replace, deadline)

        def extend(seconds: float) -> None:
            nonlocal deadline
            deadline += seconds

        return compare_and_set(read, name, change, write, extend)

    def sweep(self) -> int:
        return sweep_all(self._connections, self._clock)

    def _move(self, digest: bytes, seen: float, standing: Standing) -> bool:
        """Store when the session was last used. Return whether that succeeded.

        Usually this does not wait for other writers, since a later read can do it as well. After
        half of the idle timeout there may be no later read in time, so this waits for a moment, and
        logs a failure.
        """
        renewed, left, after = standing.renewed, standing.expires_in, standing.renewed_in
        assert renewed is not None
        is_urgent = left is not None and after is not None and left <= after / 2

        def move(connection: sqlite3.Connection) -> bool:
            new = (renewed.created, renewed.seen, renewed.expires, digest, self._clock(), seen)
            return connection.execute(sql.MOVE, new).rowcount == 1

        try:
            deadline = time.monotonic() + _SHORT_WAIT if is_urgent else 0
            return self._connections.write(move, deadline)
        except sqlite3.Error as error:
            # The session could be read, and it keeps its old deadline.
            if is_urgent or not is_busy(error):
                log.warning("Could not extend a session's idle timeout: %s", describe(error))
            return False


def sqlite_store(
    path: str | os.PathLike[str],
    *,
    timeout: Timeout = 2,
    durable: bool = False,
    clock: Callable[[], float] = time.time,
) -> SqliteStore:
    """Return a store in a SQLite file, for the threads and processes of one machine.

    path: the file. Its folder must exist and must not be on a network file system. A missing file
        is created with mode 600.
    timeout: 2; the seconds that one call waits for other writers in total. Then the client gets a
        503. A read never waits for a writer.
    durable: False; True waits for the disk at each write. With False a power cut may lose the last
        writes, but a crash of a process loses none (synchronous=NORMAL in WAL mode).
    clock: time.time; a function that returns seconds, for tests.

    The store keeps every promise. It creates the table `ringsession` if the file has none. It
    replaces the table of an older release, which ends its sessions. Every 16th new session deletes
    up to 64 expired ones; `sweep()` deletes all of them. Each thread and each forked process uses
    connections of its own.
    Raises ValueError if the path cannot be a SQLite file, and for invalid options.

    >>> import os, tempfile
    >>> from ringsession import assoc_in, site_defaults
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = sqlite_store(os.path.join(folder, "sessions.db"))
    ...     config = assoc_in(site_defaults, ["session", "store"], store)
    """
    seconds = read_timeout(timeout, is_needed=True)
    if type(durable) is not bool:
        raise ValueError(f"durable: expected True or False, got {durable!r:.60}")
    return SqliteStore(path, seconds, durable, clock)
