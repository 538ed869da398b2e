"""Log that the store failed, in one line for each request: what failed, where, and after how long.

The state of a session calls this where the store fails, so that a handler that catches the error
hides nothing.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING

from ..codec import UnknownVersion
from ..http.audit_log import audit, is_on
from ..http.log_text import escape, show_request
from ..stores import StoreUnavailable
from .phases import FAILED

if TYPE_CHECKING:
    from .state import State

log = logging.getLogger("ringsession")

NOT_LOADED = "The session could not be loaded."
_NEWER = "a newer version of ringsession wrote the session's record"
_TOO_LATE = " after the response had started, so the session cannot be read"
_LONGEST = 500  # characters of what a store says


def say(error: BaseException) -> str:
    """Return what went wrong as one line."""
    if isinstance(error, UnknownVersion):
        return _NEWER
    return escape(" ".join(str(error).split()), _LONGEST).rstrip(".") or type(error).__name__


def fail(state: State, error: Exception) -> StoreUnavailable:
    """Note that the store failed, log the first failure, and return the exception for the app."""
    state.phase = FAILED
    if not state.has_failed:
        state.has_failed = True
        if is_on("store_unavailable"):
            _write(state, say(error))
        log.debug("The traceback of the store's failure:", exc_info=error)
    return StoreUnavailable(NOT_LOADED)


def _write(state: State, reason: str) -> None:
    request = state.request
    audit(
        "store_unavailable",
        _TOO_LATE if state.has_started or state.is_mute else ", so the response is a 503",
        reason,
        state.backend,
        show_request(request),
        monotonic() - state.asked,
        request=request,
        reason=reason,
    )


def note_failure(state: State, error: BaseException) -> bool:
    """Log a failure of the store. Return False for an exception that has another cause."""
    is_failure = state.phase is FAILED or isinstance(error, StoreUnavailable)
    if not is_failure or not isinstance(error, Exception):  # such as a worker's timeout
        return False
    fail(state, error)
    if not isinstance(error, StoreUnavailable):
        log.debug("The app's own error after that:", exc_info=error)
    return True
