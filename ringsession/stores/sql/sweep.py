"""Remove expired sessions from the table of `sql_store`, a few at a time.

Owns when a sweep ends. Nothing depends on a sweep: an expired row is as good as none.
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
    """Remove one batch in the time that is left to a call; a failure is one line in the log."""
    try:
        _drop(call, sql, _find_expired(call, sql))
    except StoreUnavailable as error:
        log.warning("Expired sessions could not be removed: %s", error)


def _find_expired(call: SqlCall, sql: Statements) -> list[str]:
    return [row.key for row in call.run(lambda execute: execute(sql.find_expired))]


def _drop(call: SqlCall, sql: Statements, keys: list[str]) -> int:
    if not keys:
        return 0
    dropped: int = call.run(lambda execute: execute(sql.drop_expired, {"keys": keys}))
    return dropped
