"""Lend a connection to one call at a time: one of our own, or one of the application's pool.

Owns that a connection is used again only after its last statement was answered whole: what fails,
what is interrupted and what is lost is closed, never kept. Knows no statement.
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
_MOST_DEAD = 64  # that a pool may lend in a row
# After a fork the parent's connections must be neither used nor closed by the child.
_inherited: list[Held] = []
_all: WeakSet[OwnConnections] = WeakSet()


class Held:
    """A connection, and whether it has served before."""

    __slots__ = ("connection", "lent", "raw", "is_used", "is_changed", "__weakref__")

    def __init__(self) -> None:
        self.connection: Connection
        self.lent: PoolProxiedConnection  # the same as its pool sees it
        self.raw: Any = None  # the same as the driver made it
        self.is_used = False
        self.is_changed = False  # autocommit was turned on, and is to be turned off

    def hold(self, connection: Connection) -> None:
        self.connection = connection
        self.lent = connection.connection
        self.raw = self.lent.driver_connection

    def is_quiet(self) -> bool:
        """Return whether nothing came that nobody asked for: the end, or a late answer."""
        source: Any = self.raw if hasattr(self.raw, "fileno") else getattr(self.raw, "_sock", self)
        if source is self:
            return True  # a driver that does not show its socket
        try:
            number = source.fileno()
        except Exception:
            return False  # it is closed
        if not hasattr(select, "poll"):
            return not select.select([number], [], [], 0)[0]
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return not poll.poll(0)

    def drop(self) -> None:
        """Close the connection, whatever state it is in."""
        with suppress(Exception):
            if self.lent.is_valid:
                self.lent.invalidate()


class NoConnection(Exception):
    """All connections were in use until the deadline."""


class OwnConnections:
    """Connections of an engine without a pool, the last one used first."""

    def __init__(self, engine: Engine, timeout: float) -> None:
        self._engine = engine
        self._timeout = timeout
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        self._idle: list[Held] = []
        # Weak, so that a connection that an interruption made nobody's takes no place.
        self._open: WeakSet[Held] = WeakSet()
        self._lock = threading.Lock()

    def take(self, deadline: float) -> Held:
        """Return a connection that is ready. Raises what connecting raises, and NoConnection."""
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
        """Begin anew in a forked process, and keep SQLAlchemy from closing what it inherited."""
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
        """Close the connections that nobody uses."""
        while self._idle:
            with suppress(IndexError):
                self.discard(self._idle.pop())

    def close_unused(self) -> None:
        """Close what may have broken together with a connection that broke."""
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
    """Connections of the application's engine, from its pool and back to it for each statement."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dialect = engine.dialect

    def take(self, deadline: float) -> Held:
        """Return a connection that commits each statement.

        To set that takes an exchange with MySQL, which finds out that the server has closed a
        connection. Nothing of ours was sent by then, so that the next connection is tried, however
        many there are.
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
        """Turn autocommit on, unless the engine does that.

        SQLAlchemy's own option is not used: it would turn it off again while the pool takes the
        connection back, where an interruption costs the pool a place.
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
        """Close a connection that failed; the pool opens another in its place."""
        held.drop()

    def close_unused(self) -> None:
        """Do nothing: the pool itself closes what is older than a connection that broke."""

    def close(self) -> None:
        """Close the pool's connections that nobody uses."""
        self._engine.dispose()
