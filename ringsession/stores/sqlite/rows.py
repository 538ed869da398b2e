"""Make versions and the parameters of statements, and read the rows of a user's sessions."""

from __future__ import annotations

import os
from typing import Any

from .. import Details, UserSessionRow
from ..deadlines import TOMBSTONE, Lifetime, Times


def new_version() -> int:
    """Return 63 random bits. SQLite's integers have 64 bits, and one of them is the sign."""
    return int.from_bytes(os.urandom(8), "big") >> 1


def make_row(
    key: bytes, record: str, lifetime: Lifetime, details: Details, now: float
) -> tuple[Any, ...]:
    """Return the first parameters of `statements.CREATE` and `statements.CONTINUE`."""
    return (
        key,
        new_version(),
        Times(now, now, lifetime).expires,
        now,
        now,
        *lifetime,
        details.remembered,
        details.disposable,
        bytes.fromhex(details.cookie) or None,
        details.owner and bytes.fromhex(details.owner),
        details.handle and bytes.fromhex(details.handle),
        details.began,
        now if details.confirms else details.confirmed,
        record,
    )


def make_fence(details: Details, now: float) -> tuple[Any, ...]:
    """Return the parameters of `statements.CONTINUE` that find the login's old session."""
    assert details.replaces and details.owner and details.handle
    old, owner, handle = map(bytes.fromhex, (details.replaces, details.owner, details.handle))
    return (old, now, owner, handle)


def make_tombstone(now: float, successor: bytes | None) -> tuple[Any, ...]:
    """Return the first parameters of the statements that end a session."""
    return (new_version(), now + TOMBSTONE, now, now, TOMBSTONE, successor)


def read_user_session(row: tuple[Any, ...]) -> UserSessionRow:
    """Return what a user may know of one session, from a row of `statements.FIND_OWNED`."""
    key, handle, began, created, seen, idle, absolute, record = row
    times = Times(created, seen, Lifetime(idle, absolute))
    return UserSessionRow(key.hex(), handle.hex(), began, seen, times.idle_ends, times.ends, record)
