"""Open connections to one SQLite file, lend each to one thread at a time, and wait for its lock.

SQLite itself never waits: it would wait inside one C call, which stops every greenlet of the
thread. Instead a call that finds the file locked pauses and tries again, until its deadline.
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import time
from _thread import RLock
from collections.abc import Callable
from typing import Any, TypeVar

from ..calling import HARMLESS
from ..creating import MAY_CREATE
from .file import WatchedFile, create_file
from .handle import Handle, inherited
from .table import prepare_table, require_table

_Answer = TypeVar("_Answer")
_Ask = Callable[[sqlite3.Connection], _Answer]

_SHORTEST_PAUSE, LONGEST_PAUSE = 0.001, 0.03  # seconds
# Seconds to wait for the lock when a store opens its file. Another worker may be replacing an older
# table, which takes 3 s for a million sessions.
_OPENING = 60


class _Own:
    """The connections and the lock of one process."""

    __slots__ = ("process", "idle", "turn")

    def __init__(self) -> None:
        self.process = os.getpid()
        self.idle: list[Handle] = []
        # The writers of one process wait for this lock, each with a deadline, so that only one of
        # them polls the file. For the lock, all greenlets of a thread are one owner. It is not a
        # `threading.RLock`: gevent replaces that by one written in Python, which an interruption
        # may leave locked.
        self.turn = RLock()


def is_busy(error: BaseException) -> bool:
    """Return whether SQLite refused a statement only because the file is locked.

    >>> is_busy(sqlite3.OperationalError("database or disk is full"))
    False
    """
    # Compare the text, which is always this one for SQLITE_BUSY: `sqlite_errorcode` needs Python
    # 3.11.
    return isinstance(error, sqlite3.Error) and str(error) == "database is locked"


class SqliteConnections:
    """Connections to one file. Safe under threads, greenlets and after a fork."""

    def __init__(self, path: str | os.PathLike[str], timeout: float, durable: bool) -> None:
        self._own = _Own()
        self.path = os.fspath(path)
        if not isinstance(self.path, str) or self.path in ("", ":memory:"):
            raise ValueError(
                f"path: expected the path of a file, got {path!r}; for sessions in memory use"
                " memory_store()"
            )
        self._timeout = timeout
        self._synchronous = "FULL" if durable else "NORMAL"
        self._prepare = prepare_table
        try:
            if MAY_CREATE.get():
                create_file(self.path)
            self._file = WatchedFile(self.path)
            if MAY_CREATE.get():
                self.read(lambda connection: None, time.monotonic() + max(timeout, _OPENING))
        except (OSError, sqlite3.Error) as error:
            raise ValueError(
                f"path: expected the path of a SQLite file, got {path!r}: {error}"
            ) from error
        self._prepare = require_table  # a file without it is damaged from now on
        self.close()  # a server that forks later must not share a connection with its workers

    def close(self) -> None:
        """Close the connections that no thread is using. A later call opens new ones."""
        while self._own.idle:
            self._own.idle.pop().close()

    def deadline(self) -> float:
        """Return when a call that starts now must stop waiting, by `time.monotonic`."""
        return time.monotonic() + self._timeout

    def fetch(self, statement: str, row: tuple[Any, ...], deadline: float | None = None) -> Any:
        """Run a SELECT. Return its first row, or None."""
        return self.read(lambda connection: connection.execute(statement, row).fetchone(), deadline)

    def read(self, ask: _Ask[_Answer], deadline: float | None = None) -> _Answer:
        """Call `ask` with a connection, and return its result.

        A read waits only while another process opens or recovers the file.
        """
        try:
            return self._lend(ask)
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
        return self._repeat(self._lend, ask, self.deadline() if deadline is None else deadline)

    def write(self, ask: _Ask[_Answer], deadline: float) -> _Answer:
        """Call `ask`, which writes, with a connection. Call it again while the file is locked.

        deadline: by `time.monotonic`. If it has passed, call `ask` once and do not wait.
        """
        if _is_greenlet():
            # Waiting for a lock would stop every greenlet of this thread, so pause instead.
            return self._repeat(lambda ask: self._in_turn(ask, 0), ask, deadline)
        return self._in_turn(ask, deadline)

    def _in_turn(self, ask: _Ask[_Answer], deadline: float) -> _Answer:
        turn = self._current().turn
        try:
            if not turn.acquire(timeout=max(0, deadline - time.monotonic())):
                raise sqlite3.OperationalError("database is locked")
            return self._repeat(self._lend, ask, deadline)
        finally:
            # A signal handler may raise just before or just after `acquire` returns, so a variable
            # could not tell which. The lock itself knows whether this thread holds it.
            try:
                turn.release()
            except RuntimeError:
                pass

    def _repeat(
        self, attempt: Callable[[_Ask[_Answer]], _Answer], ask: _Ask[_Answer], deadline: float
    ) -> _Answer:
        pause = _SHORTEST_PAUSE
        while True:
            try:
                return attempt(ask)
            except sqlite3.OperationalError as error:
                left = deadline - time.monotonic()
                if left <= 0 or not is_busy(error):
                    raise
            pause_for(min(left, pause * random.uniform(0.5, 1)))
            pause = min(pause * 2, LONGEST_PAUSE)

    def _lend(self, ask: _Ask[_Answer]) -> _Answer:
        own = self._own
        if own.process != os.getpid():
            own = self._start_in_child()
        try:
            if time.monotonic() >= self._file.next_look:
                self._file.look()
            try:
                handle = own.idle.pop()
            except IndexError:
                handle = None
            if handle is None:  # outside the `except` block: no traceback shows an IndexError
                handle = self._open()
            try:
                answer = ask(handle.connection)
            except BaseException as error:
                if is_busy(error) and not handle.connection.in_transaction:
                    own.idle.append(handle)
                else:
                    handle.close()  # it may be broken; closing it also rolls back
                raise
        except sqlite3.Error as error:
            if not isinstance(error, sqlite3.IntegrityError):  # a trigger may have written that
                setattr(error, HARMLESS, str(error))
            raise
        own.idle.append(handle)
        return answer

    def _current(self) -> _Own:
        return self._own if self._own.process == os.getpid() else self._start_in_child()

    def _start_in_child(self) -> _Own:
        inherited.append(self._own)
        own = self._own = _Own()
        return own

    def _open(self) -> Handle:
        handle = Handle()
        try:
            connection = handle.open(self.path)
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            # Never map the file into memory: reading behind the end of a file that was cut short
            # would end the process by a signal.
            connection.execute("PRAGMA mmap_size = 0")
            connection.execute("PRAGMA cell_size_check = ON")
            # In WAL mode, readers and the one writer do not wait for each other.
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise sqlite3.DatabaseError(f"expected WAL mode, got {mode}")
            self._prepare(connection)
        except BaseException:
            handle.close()
            raise
        return handle


def _is_greenlet() -> bool:
    """Return whether the caller is a greenlet, as under gevent and eventlet."""
    greenlet = sys.modules.get("greenlet")
    return greenlet is not None and greenlet.getcurrent().parent is not None


def pause_for(seconds: float) -> None:
    """Sleep. Under gevent let other greenlets run, even if `time.sleep` is not patched."""
    gevent = sys.modules.get("gevent")
    if gevent is not None and _is_greenlet():
        gevent.sleep(seconds)
    else:
        time.sleep(seconds)
