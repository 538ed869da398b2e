"""Open connections to one SQLite file, lend them to one thread at a time, and wait for its lock.

Owns the file and the waiting. Knows nothing of sessions; the table is `table.py`'s affair.

SQLite itself never waits here: it would do so inside one C call, which stops every greenlet of the
thread. Who finds the file locked pauses and tries again, until the deadline of the call.
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

from .handle import Handle, inherited
from .table import prepare_table

_Answer = TypeVar("_Answer")
_Ask = Callable[[sqlite3.Connection], _Answer]

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.001, 0.03  # seconds
# To replace the older table of a million sessions took 3 s; meanwhile, other workers may start.
_OPENING = 60
# Octets of the file that are mapped into memory. SQLite keeps hardly any of a million sessions'
# pages, so without the mapping a read among them costs several times one among a thousand.
_MAPPED = 1 << 30


class _Own:
    """The connections and the lock of one process."""

    __slots__ = ("process", "idle", "turn")

    def __init__(self) -> None:
        self.process = os.getpid()
        self.idle: list[Handle] = []
        # The writers of one process queue here, so that only one of them at a time polls the file.
        # Who waits here has a deadline. Greenlets of one thread are one owner. It is no
        # `threading.RLock`, because gevent replaces that with one in Python, which an interruption
        # may leave locked for good.
        self.turn = RLock()


def is_busy(error: BaseException) -> bool:
    """Return whether SQLite refused a statement only because somebody else has the file locked.

    >>> is_busy(sqlite3.OperationalError("database or disk is full"))
    False
    """
    # `sqlite_errorcode` exists from Python 3.11 on; SQLite's text for SQLITE_BUSY is always this.
    return isinstance(error, sqlite3.Error) and str(error) == "database is locked"


class SqliteConnections:
    """A file, and connections to it."""

    def __init__(self, path: str | os.PathLike[str], timeout: float, durable: bool) -> None:
        self._own = _Own()
        self.path = os.fspath(path)
        if not isinstance(self.path, str) or self.path in ("", ":memory:"):
            raise ValueError(f"path: expected that of a file, got {path!r}; see memory_store()")
        self._timeout = timeout
        self._synchronous = "FULL" if durable else "NORMAL"
        try:
            self._create_file()
            self.read(lambda connection: None, time.monotonic() + max(timeout, _OPENING))
        except (OSError, sqlite3.Error) as error:
            raise ValueError(
                f"path: expected that of a SQLite file, got {path!r}: {error}"
            ) from error
        self.close()  # a server that forks later must not share this connection with its workers

    def __del__(self) -> None:
        if self._own.process == os.getpid():
            self.close()

    def close(self) -> None:
        """Close the connections that are not lent; a later call opens new ones."""
        while self._own.idle:
            self._own.idle.pop().close()

    def deadline(self) -> float:
        """Return when a call that starts now has to give up waiting."""
        return time.monotonic() + self._timeout

    def fetch(self, statement: str, row: tuple[Any, ...], deadline: float | None = None) -> Any:
        """Return the first row that a reading statement finds, or None."""
        return self.read(lambda connection: connection.execute(statement, row).fetchone(), deadline)

    def read(self, ask: _Ask[_Answer], deadline: float | None = None) -> _Answer:
        """Return what `ask` reads. It waits only while the file is being opened or recovered."""
        try:
            return self._lend(ask)
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
        return self._repeat(self._lend, ask, self.deadline() if deadline is None else deadline)

    def write(self, ask: _Ask[_Answer], deadline: float) -> _Answer:
        """Return what `ask` answers, which writes; it is called again when the file was locked.

        deadline: by `time.monotonic`; one that is over means one try and no waiting.
        """
        if _is_greenlet():
            # To wait for a lock would stop every greenlet of this thread, so this one pauses.
            return self._repeat(lambda ask: self._in_turn(ask, 0), ask, deadline)
        return self._in_turn(ask, deadline)

    def _in_turn(self, ask: _Ask[_Answer], deadline: float) -> _Answer:
        turn = self._current().turn
        try:
            if not turn.acquire(timeout=max(0, deadline - time.monotonic())):
                raise sqlite3.OperationalError("database is locked")
            return self._repeat(self._lend, ask, deadline)
        finally:
            # A signal handler may raise just before or just after `acquire` returns, and no
            # variable could tell which. The lock itself knows whether this thread holds it.
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
            _pause(min(left, pause * random.uniform(0.5, 1)))
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _lend(self, ask: _Ask[_Answer]) -> _Answer:
        own = self._own
        if own.process != os.getpid():
            own = self._begin_anew()
        try:
            handle = own.idle.pop()
        except IndexError:
            handle = None
        if handle is None:  # outside the handler above, so that no traceback shows an IndexError
            handle = self._open()
        try:
            answer = ask(handle.connection)
        except BaseException as error:
            if is_busy(error) and not handle.connection.in_transaction:
                own.idle.append(handle)
            else:
                handle.close()  # it may be what is broken; to close it rolls back
            raise
        own.idle.append(handle)
        return answer

    def _current(self) -> _Own:
        return self._own if self._own.process == os.getpid() else self._begin_anew()

    def _begin_anew(self) -> _Own:
        inherited.append(self._own)
        own = self._own = _Own()
        return own

    def _create_file(self) -> None:
        # Only if there is none: to open and close the file would drop this process's locks on it.
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            pass

    def _open(self) -> Handle:
        handle = Handle()
        try:
            connection = handle.open(self.path)
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
            # In WAL mode, readers and the one writer do not wait for each other.
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise sqlite3.DatabaseError(f"expected WAL mode, got {mode}")
            prepare_table(connection)
        except BaseException:
            handle.close()
            raise
        return handle


def _is_greenlet() -> bool:
    """Return whether the caller shares its thread with others, as under gevent and eventlet."""
    greenlet = sys.modules.get("greenlet")
    return greenlet is not None and greenlet.getcurrent().parent is not None


def _pause(seconds: float) -> None:
    """Sleep. Under gevent let other greenlets run meanwhile, even if nothing was patched."""
    gevent = sys.modules.get("gevent")
    if gevent is not None and _is_greenlet():
        gevent.sleep(seconds)
    else:
        time.sleep(seconds)
