"""Convert between the rows of `sql_store` and the contract's types: times, records, versions.

Pure functions, except for `new_version`.
"""

from __future__ import annotations

import secrets
from math import inf
from typing import Any

from ... import codec
from .. import Change, Details, Lifetime
from .table import NEVER
from ..deadlines import Times


def new_version() -> int:
    """Return 63 random bits for a BIGINT. A counter could repeat values after a fail-over."""
    return secrets.randbits(63)


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else max(1, round(seconds * 1000))


def make_row(key: str, record: str, lifetime: Lifetime, details: Details) -> dict[str, Any]:
    """Return the parameters of `Statements.create`."""
    idle, absolute = _milliseconds(lifetime.idle), _milliseconds(lifetime.absolute)
    return {
        "k": key,
        "new": record.encode(),
        "version": new_version(),
        "idle": idle,
        "absolute": absolute,
        "left": min(NEVER if time is None else time for time in (idle, absolute)),
        "disposable": int(details.disposable),
        "cookie": details.cookie or None,
    }


def read_times(row: Any) -> Times:
    """Return the times of a loaded row, in seconds."""
    idle, absolute = (None if time is None else time / 1000 for time in (row.idle, row.absolute))
    return Times(row.created / 1000, row.seen / 1000, Lifetime(idle, absolute))


def write_times(times: Times) -> dict[str, int]:
    """Return the parameters of `Statements.move`."""
    return {
        "new_created": round(times.created * 1000),
        "new_seen": round(times.seen * 1000),
        "new_expires": NEVER if times.expires == inf else round(times.expires * 1000),
    }


def is_ended(rows: list[Any]) -> bool:
    """Return whether the key has a tombstone of a session that ended without a successor."""
    return any(
        row.record is None and row.successor is None and row.expires > row.now for row in rows
    )


def read_text(row: Any) -> str:
    """Return the record of a loaded row."""
    return codec.record_text(bytes(row.record))


def merge_change(row: Any, change: Change) -> dict[str, Any]:
    """Return the parameters of a write that merges a change into the stored record."""
    merged = codec.merge(read_text(row), change.changed, change.removed)
    return {"new": merged.encode(), "keep": int(change.disposable)}
