"""Make versions and the parameters of the statements that end a session."""

from __future__ import annotations

import os
from typing import Any

from ..deadlines import TOMBSTONE


def new_version() -> int:
    """Return 63 random bits. SQLite's integers have 64 bits, and one of them is the sign."""
    return int.from_bytes(os.urandom(8), "big") >> 1


def make_tombstone(now: float, successor: bytes | None) -> tuple[Any, ...]:
    """Return the first parameters of `statements.END` and `statements.CLAIM`."""
    return (new_version(), now + TOMBSTONE, now, now, TOMBSTONE, successor)
