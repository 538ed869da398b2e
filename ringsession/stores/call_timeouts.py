"""Read the option `timeout` of a store: how long a request waits for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from . import is_seconds
from ..option_error import to_seconds

Timeout = float | timedelta


def read_timeout(timeout: Timeout | None, *, is_needed: bool = False) -> Any:
    """Return a timeout in seconds. Raises ValueError for anything but seconds over 0.

    is_needed: False; True refuses None.

    >>> read_timeout(timedelta(seconds=2))
    2.0
    """
    seconds = to_seconds(timeout)
    if not is_seconds(seconds) or (is_needed and seconds is None):
        raise ValueError(f"timeout: expected seconds over 0, got {timeout!r:.60}")
    return seconds
