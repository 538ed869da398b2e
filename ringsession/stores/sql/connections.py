"""Lend each connection to one call at a time: the store's own, or one from the app's pool.

A connection is used again only after the complete answer to its last statement. A connection that
failed or whose call was interrupted is closed.
"""

from __future__ import annotations

import os
import random
import select
import threading
import time
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, Engine, PoolProxiedConnection
from sqlalchemy.exc import DBAPIError

from .drivers import set_up

_MOST = 15  # connections of one process
_MOST_DEAD = 64  # dead connections that a pool may lend in a row
# A forked child must neither use nor close its parent's connections.
_inherited: list[Held] = []
_all: WeakSet[OwnConnections] = WeakSet()


class Held:
    """A connection that the store holds while a call uses it, or while it is idle."""

    __slots__ = ("connection", "lent", "raw", "is_used", "is_changed", "__weakref__")

    def __init__(self) -> None:
        self.connection: Connection
        self.lent: PoolProxiedConnection  # the pool's object for this connection
        self.raw: Any = None  # the driver's object for this connection
        self.is_used = False  # an earlier call has used it
        self.is_changed = False  # autocommit is on and must be reset

    def hold(self, connection: Connection) -> None:
        self.connection = connection
        self.lent = connection.connection
        self.raw = self.lent.driver_connection

    def is_quiet(self) -> bool:
        """Return whether the connection is open and has no unread bytes, such as a late answer."""
        source: Any = self.raw if hasattr(self.raw, "fileno") else getattr(self.raw, "_sock", self)
        if source is self:
            return True  # the driver does not give access to its socket
        try:
            number = source.fileno()
        except Exception:
            return False  # the connection is closed
        if not hasattr(select, "poll"):
            return not select.select([number], [], [], 0)[0]
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return not poll.poll(0)

    def drop(self) -> None:
        """Close the connection in any state."""
        with suppress(Exception):
            if self.lent.is_valid:
                self.lent.invalidate()


class NoConnection(Exception):
    """All connections were in use until the deadline."""


class OwnConnections:
    """Up to 15 connections of the store's own engine. The one used last is used first."""

    def __init__(self, engine: Engine, timeout: float) -> None:
        self._engine = engine
        self._timeout = timeout
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        self._idle: list[Held] = []
        # Weak, so that a connection that an interrupted call lost does not count.
        self._open: WeakSet[Held] = WeakSet()
        self._lock = threading.Lock()

    def take(self, deadline: float) -> Held:
        """Return a connection. Raises NoConnection, or what the driver raises for a new one."""
        while True:
            while self._idle:
                with suppress(IndexError):  # another thread was faster
                    held = self._idle.pop()
                    if held.is_quiet():
                        return held
                    self.discard(held)
            new = self._reserve()
            if new is not None:
                return self._connect(new)
            if time.monotonic() > deadline:
                raise NoConnection(f"all {_MOST} connections are in use")
            time.sleep(random.uniform(0.001, 0.005))

    def leave_to_the_parent(self) -> None:
        """Start without connections in a forked process, and never close the inherited ones."""
        for held in list(self._open):
            with suppress(Exception):
                held.lent.detach()
            _inherited.append(held)
        self._begin()

    def give_back(self, held: Held) -> None:
        held.is_used = True
        self._idle.append(held)

    def discard(self, held: Held) -> None:
        """Close a connection that failed."""
        self._open.discard(held)
        held.drop()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            with suppress(IndexError):
                self.discard(self._idle.pop())

    def close_unused(self) -> None:
        """Close the connections that may be broken too after one of them broke."""
        self.close()

    def _reserve(self) -> Held | None:
        with self._lock:
            if len(self._open) >= _MOST:
                return None
            held = Held()
            self._open.add(held)
            return held

    def _connect(self, held: Held) -> Held:
        try:
            held.hold(self._engine.connect())
            set_up(held.raw, self._timeout)
        except BaseException:
            self._open.discard(held)
            with suppress(AttributeError):
                held.drop()
            raise
        return held


def _leave_all_to_the_parent() -> None:
    for connections in list(_all):
        connections.leave_to_the_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all_to_the_parent)


class LentConnections:
    """Connections from the pool of the application's engine, lent for one piece of work each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dialect = engine.dialect

    def take(self, deadline: float) -> Held:
        """Return a connection that commits each statement.

        MySQL needs an exchange for that, which fails if the server has closed the connection. No
        statement was sent yet, so this tries the next connection, up to 64 of them.
        """
        for _ in range(_MOST_DEAD):
            held = Held()
            held.hold(self._engine.connect())
            failure: Exception | None = None
            try:
                if held.is_quiet():
                    self._commit_each(held)
                    return held
            except Exception as error:
                failure = error
            except BaseException:
                held.drop()
                raise
            held.drop()
            is_dead = isinstance(failure, (DBAPIError, self._dialect.loaded_dbapi.Error))
            if failure is not None and (not is_dead or time.monotonic() > deadline):
                raise failure
        raise NoConnection(f"the pool lent {_MOST_DEAD} dead connections")

    def _commit_each(self, held: Held) -> None:
        """Turn autocommit on, unless the engine has done so.

        This does not use SQLAlchemy's own option. That would turn autocommit off while the pool
        takes the connection back, and an interruption at that moment would lose a pool slot.
        """
        connection: Any = held.lent.dbapi_connection
        with suppress(NotImplementedError):
            if self._dialect.detect_autocommit_setting(connection):
                return
        self._dialect.set_isolation_level(connection, "AUTOCOMMIT")
        held.is_changed = True

    def give_back(self, held: Held) -> None:
        try:
            if held.is_changed:
                dbapi_connection: Any = held.lent.dbapi_connection
                self._dialect.reset_isolation_level(dbapi_connection)
            held.connection.close()
        except BaseException as error:
            held.drop()
            if not isinstance(error, Exception):
                raise

    def discard(self, held: Held) -> None:
        """Close a connection that failed. The pool opens another one instead."""
        held.drop()

    def close_unused(self) -> None:
        """Do nothing: the pool itself closes all connections older than one that broke."""

    def close(self) -> None:
        """Close the pool's idle connections."""
        self._engine.dispose()
