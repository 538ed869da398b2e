"""Remove expired sessions from the table of `sql_store`, in small batches.

The store works without a sweep, since an expired row counts as absent.
"""

from __future__ import annotations

import logging

from .. import StoreUnavailable
from .engine import SqlCall, SqlEngine
from .statements import SWEPT_AT_ONCE, Statements

log = logging.getLogger("ringsession")


def sweep_all(engine: SqlEngine, sql: Statements) -> int:
    """Remove all expired sessions, in small batches, so that no request waits for long."""
    swept = 0
    while True:
        call = engine.call("sweep")
        keys = _find_expired(call, sql)
        swept += _drop(call, sql, keys)
        if len(keys) < SWEPT_AT_ONCE:
            return swept


def sweep_a_few(call: SqlCall, sql: Statements) -> None:
    """Remove one batch in the remaining time of a call. Log a failure in one line."""
    try:
        _drop(call, sql, _find_expired(call, sql))
    except StoreUnavailable as error:
        log.warning("Could not remove expired sessions: %s", error)


def _find_expired(call: SqlCall, sql: Statements) -> list[str]:
    return [row.key for row in call.run(lambda execute: execute(sql.find_expired))]


def _drop(call: SqlCall, sql: Statements, keys: list[str]) -> int:
    if not keys:
        return 0
    dropped: int = call.run(lambda execute: execute(sql.drop_expired, {"keys": keys}))
    return dropped
