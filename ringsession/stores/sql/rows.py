"""Convert between the rows of `sql_store` and the contract's types: times, records, versions.

Pure functions, except for `new_version`.
"""

from __future__ import annotations

import secrets
from math import inf
from typing import Any

from ... import codec
from .. import Change, Details, Lifetime, Loaded, UserSessionRow
from ..deadlines import Times
from .table import NEVER


def new_version() -> int:
    """Return 63 random bits for a BIGINT. A counter could repeat values after a fail-over."""
    return secrets.randbits(63)


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else max(1, round(seconds * 1000))


def make_row(key: str, record: str, lifetime: Lifetime, details: Details) -> dict[str, Any]:
    """Return the parameters of `Statements.create` and `continue_login`."""
    idle, absolute = _milliseconds(lifetime.idle), _milliseconds(lifetime.absolute)
    return {
        "k": key,
        "new": record.encode(),
        "version": new_version(),
        "idle": idle,
        "absolute": absolute,
        "left": min(NEVER if time is None else time for time in (idle, absolute)),
        "remembered": int(details.remembered),
        "disposable": int(details.disposable),
        "cookie": details.cookie or None,
        "owner": details.owner,
        "handle": details.handle,
        "began": _milliseconds(details.began),
        "confirmed": _milliseconds(details.confirmed),
        "confirms": int(details.confirms),
        "old": details.replaces if details.continues else None,
    }


def read_times(row: Any) -> Times:
    """Return the times of a loaded row, in seconds."""
    idle, absolute = (None if time is None else time / 1000 for time in (row.idle, row.absolute))
    remembered = bool(row.remembered)
    return Times(row.created / 1000, row.seen / 1000, Lifetime(idle, absolute), remembered)


def read_live(row: Any, times: Times, left: float | None, moved: bool, due: bool) -> Loaded:
    """Return a store's answer for a loaded row that is live."""
    return Loaded(
        codec.record_text(bytes(row.record)),
        row.version,
        left,
        moved,
        due,
        bool(row.disposable),
        remembered=times.remembered,
        began=times.created if row.began is None else row.began / 1000,
        owner=row.owner,
        handle=row.handle,
        confirmed=None if row.confirmed is None else row.confirmed / 1000,
    )


def read_user_session(row: Any) -> UserSessionRow:
    """Return what a user may know of one session, from a row of `Statements.find_owned`."""
    times = read_times(row)
    ends = times.idle_ends, times.ends
    return UserSessionRow(row.key, row.handle, row.began / 1000, times.seen, *ends, read_text(row))


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
