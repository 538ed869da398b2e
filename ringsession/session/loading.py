"""Choose the session of a request that brought several, and log a store that failed too late.

This module knows no response. What the request knows of its session is kept in `state.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..request import Request, log_place
from ..stores import Loaded
from ..stores.backend import Backend

log = logging.getLogger("ringsession")

_AMBIGUOUS = (
    "The request brought %d live sessions in cookies of the same name, so it has none of them. List"
    ' the domains and paths that this app used before in ["session"]["former_cookie_attrs"], or'
    " give it a cookie_name of its own."
)
_FAILED_LATE = (
    "The session store failed after the response had started, so the session cannot be read."
    " method=%s path=%s"
)


class Found(NamedTuple):
    """The store's answer for all values of a request's cookie."""

    value: str | None = None  # the one that counts
    loaded: Loaded | None = None
    rivals: Sequence[str] = ()  # several values with a live session each: none counts


def choose_session(
    backend: Backend, values: Sequence[str], load: Callable[[str], Loaded | None]
) -> Found:
    """Let the one live session count; without any, the first that another request ended.

    Raises StoreUnavailable.
    """
    answers = [(value, load(value)) for value in values]
    found = [(value, loaded) for value, loaded in answers if loaded is not None]
    live = [pair for pair in found if pair[1].record is not None]
    chosen = backend.choose(live) if len(live) > 1 else next(iter(live or found), None)
    if chosen is not None:
        return Found(*chosen)
    if live:
        log.warning(_AMBIGUOUS, len(live))
    return Found(rivals=[value for value, _ in live])


def log_late_failure(request: Request, error: Exception) -> None:
    """Log that the store failed where no response can say so any more."""
    log.error(_FAILED_LATE, *log_place(request), exc_info=error)
