"""Hold one connection to a SQLite file so that neither an interruption nor a fork can lose it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable

from ...codec import record_text

# "Do not open an SQLite database connection, then fork(2), then try to use that database connection
# in the child process" (sqlite.org, How To Corrupt). Closing it would drop the parent's locks.
inherited: list[object] = []


class Handle:
    """A connection that is closed as soon as nothing refers to the handle.

    A signal handler may raise between two steps, when no variable refers to the connection yet. A
    `sqlite3.Connection` refers to itself, so CPython would close it only at the next garbage
    collection.
    """

    __slots__ = ("connection", "process")

    def __init__(self) -> None:
        self.process = os.getpid()
        # The connection is not open yet, so no open file is ever without a handle.
        self.connection = sqlite3.Connection.__new__(sqlite3.Connection)

    def open(self, path: str) -> sqlite3.Connection:
        """Open the file. SQLite never waits for it, since that would stop all greenlets."""
        self.connection.__init__(  # type: ignore[misc]
            path, timeout=0, isolation_level=None, check_same_thread=False
        )
        self.connection.text_factory = record_text
        return self.connection

    def close(
        self,
        # Defaults, since the interpreter may have cleared the modules when it calls `__del__`.
        getpid: Callable[[], int] = os.getpid,
        keep: Callable[[object], None] = inherited.append,
        unopened: tuple[type[Exception], ...] = (sqlite3.ProgrammingError, AttributeError),
    ) -> None:
        """Close the connection, unless it belongs to the parent of this forked process."""
        try:
            if self.process == getpid():
                self.connection.close()
            else:
                keep(self.connection)
        except unopened:
            pass  # an interruption came before `open` finished

    __del__ = close
