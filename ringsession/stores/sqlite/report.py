"""Examine the file of a SQLite store, and change nothing in it."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ..findings import ERROR, OK, WARNING, Finding
from .connections import SqliteConnections
from .table import find_fault

_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SqliteReport:
    """The part of `SqliteStore` that examines its file. See `Reports`."""

    _connections: SqliteConnections

    def report(self) -> Iterator[Finding]:
        path = os.fspath(self._connections.path)
        try:
            mode = os.stat(path).st_mode
        except OSError as error:
            problem = (error.strerror or "it cannot be read").lower()
            yield Finding(ERROR, "file", f"{problem}; the app creates it when it opens the store")
            return
        yield _judge_mode(mode)
        # Not a connection of the store's, which would create what is missing.
        address = f"{Path(path).absolute().as_uri()}?mode=rw"
        try:
            with closing(sqlite3.connect(address, uri=True)) as connection:
                yield from _examine(connection)
        except sqlite3.Error as error:
            yield Finding(ERROR, "file", str(error))


def _judge_mode(mode: int) -> Finding:
    if os.name == "posix" and mode & _FOR_OTHERS:
        text = f"mode {stat.S_IMODE(mode):o} lets other users of the machine in; set 600"
        return Finding(WARNING, "file", text)
    return Finding(OK, "file", "exists")


def _examine(connection: sqlite3.Connection) -> Iterator[Finding]:
    fault = find_fault(connection)
    if fault is None:
        yield Finding(OK, "table", "'ringsession' has all columns")
    else:
        yield Finding(ERROR, "table", f"'ringsession': {fault}")
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode == "wal":
        yield Finding(OK, "journal mode", "wal")
    else:
        text = f"expected wal, got {mode}; the app sets it when it opens the store"
        yield Finding(WARNING, "journal mode", text)
