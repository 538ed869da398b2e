"""Remove expired sessions from a SQLite file, in small batches.

The store works without a sweep, since an expired row counts as absent.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable

from ..calling import describe
from . import statements as sql
from .connections import LONGEST_PAUSE, SqliteConnections, is_busy, pause_for

log = logging.getLogger("ringsession")

_SWEPT_AT_ONCE = 64


def sweep_all(connections: SqliteConnections, clock: Callable[[], float]) -> int:
    """Remove all expired sessions, in small batches, so that no other writer waits for long.

    Other processes try again and again to lock the file. So it stays unlocked between two batches
    for about as long as a batch takes.
    """
    swept = 0
    while True:
        started = time.monotonic()
        deleted = _sweep_once(connections, clock, connections.deadline())
        swept += deleted
        if deleted < _SWEPT_AT_ONCE:
            return swept
        pause_for(min(time.monotonic() - started, LONGEST_PAUSE))


def sweep_if_free(connections: SqliteConnections, clock: Callable[[], float]) -> None:
    """Remove one batch, unless another writer has locked the file. Log a failure in one line."""
    try:
        _sweep_once(connections, clock, 0)
    except sqlite3.Error as error:
        if not is_busy(error):
            log.warning("Could not delete expired sessions: %s", describe(error))


def _sweep_once(connections: SqliteConnections, clock: Callable[[], float], deadline: float) -> int:
    def delete(connection: sqlite3.Connection) -> int:
        return connection.execute(sql.SWEEP, (clock(), _SWEPT_AT_ONCE)).rowcount

    return connections.write(delete, deadline)
