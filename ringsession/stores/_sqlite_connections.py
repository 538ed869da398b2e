"""Connections to one SQLite file: opened, lent to one thread at a time, never taken into a forked process.

Owns the file, the table's form and the turns of the writers. Knows nothing of sessions.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..codec import record_text

_COLUMNS = ["key", "record", "version", "expires", "ends", "idle", "refresh"]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS ringsession (
    key BLOB PRIMARY KEY NOT NULL,  -- SHA-256 of the id
    record TEXT,                    -- NULL: a tombstone
    version INTEGER NOT NULL,
    expires REAL NOT NULL,          -- this and what follows in unix seconds; Inf: never
    ends REAL NOT NULL,
    idle REAL NOT NULL,
    refresh REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS ringsession_expires ON ringsession (expires);
"""
# Octets of the file that are read where the system has them: without that, a read among a million sessions,
# hardly one of whose pages SQLite keeps, costs several times one among a thousand.
_MAPPED = 1 << 30
# "Do not open an SQLite database connection, then fork(2), then try to use that database connection in the
# child process" (sqlite.org, How To Corrupt): nor close it, which would drop the parent's locks.
_inherited: list[list[sqlite3.Connection]] = []


class SqliteConnections:
    """A file, and connections to it."""

    def __init__(self, path: str | os.PathLike[str], timeout: float, durable: bool) -> None:
        self._begin()
        self.path = os.fspath(path)
        if not isinstance(self.path, str) or self.path in ("", ":memory:"):
            raise ValueError(f"path: expected that of a file, got {path!r}; see memory_store()")
        self._timeout = timeout
        self._synchronous = "FULL" if durable else "NORMAL"
        try:
            self._create_file()
            self._idle.append(self._open())
        except (OSError, sqlite3.Error) as error:
            raise ValueError(
                f"path: expected that of a SQLite file, got {path!r}: {error}"
            ) from error
        self.close()  # whatever was opened before the server forks stays with the parent

    def _begin(self) -> None:
        self._process = os.getpid()
        self._idle: list[sqlite3.Connection] = []
        # SQLite's own waiting is by sleeping, for up to 0.1 s; in one process the writers queue here.
        self._turn = threading.Lock()

    def __del__(self) -> None:
        if self._process == os.getpid():
            self.close()

    def close(self) -> None:
        """Close the connections that are not lent; a later call opens new ones."""
        while self._idle:
            self._idle.pop().close()

    def fetch(self, statement: str, row: tuple[Any, ...]) -> Any:
        """What one statement that reads finds first."""
        connection = self._take()
        try:
            found = connection.execute(statement, row).fetchone()
        except BaseException:
            connection.close()  # it may be what is broken
            raise
        self._idle.append(connection)
        return found

    def change(self, statement: str, row: tuple[Any, ...]) -> int:
        """How many rows one statement that writes, a transaction of its own, has changed."""
        connection = self._take()
        try:
            with self._turn:
                changed = connection.execute(statement, row).rowcount
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return changed

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction that has the file for itself from the beginning."""
        connection = self._take()
        try:
            with self._turn:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
        except BaseException:
            connection.close()  # which rolls back
            raise
        self._idle.append(connection)

    def _take(self) -> sqlite3.Connection:
        if self._process != os.getpid():
            _inherited.append(self._idle)
            self._begin()
        try:
            return self._idle.pop()
        except IndexError:
            return self._open()

    def _create_file(self) -> None:
        # Only if it is not there: to open and close it by hand would drop the locks of this process's connections.
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            pass

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        connection.text_factory = record_text
        try:
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
            self._turn_wal_on(connection)
            connection.executescript(_SCHEMA)
            found = [row[1] for row in connection.execute("PRAGMA table_info(ringsession)")]
            if found != _COLUMNS:
                raise sqlite3.DatabaseError("its table ringsession has other columns")
        except BaseException:
            connection.close()
            raise
        return connection

    def _turn_wal_on(self, connection: sqlite3.Connection) -> None:
        """Readers and the one writer do not wait for each other; SQLite does not wait its timeout for this switch."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                if mode != "wal":
                    raise sqlite3.DatabaseError(f"expected WAL mode, got {mode}")
                return
