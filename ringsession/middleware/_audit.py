"""Write the audit log's records of what a response did to its session."""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import Any

from .. import codec
from ..http.audit_log import audit, is_on, log
from ..http.log_text import show_request
from ..request import Request
from ..session.outcome import Outcome
from ..session.state import State
from ..stores.ids import user_name

_LOST = "ended by another request"


def audit_outcome(state: State, request: Request, outcome: Outcome) -> None:
    """Write what a commit did: one record for each session that it ended, one for a new id."""
    if not log.isEnabledFor(logging.INFO):
        return
    for value in state.ended:
        handle, user = _name(value), None
        if value == state.value:
            handle, user = _find_handle(state), _find_loaded_user(state)
        audit("session_ended", request=request, handle=handle, user=user, reason="by the handler")
    if outcome.event is not None and outcome.value is not None:
        values = {} if state.contents is None else state.contents.values
        handle = outcome.handle or _name(outcome.value)
        user = _find_user(state, values.get(state.terms.user_key or ""))
        audit(outcome.event, request=request, handle=handle, user=user)


def audit_lost_race(state: State, request: Request) -> None:
    """Write that a write was dropped, since its session has ended."""
    if not is_on("session_lost_race"):
        return
    handle, shown = _find_handle(state), show_request(request)
    facts = {"handle": handle, "user": _find_loaded_user(state), "reason": _LOST}
    audit("session_lost_race", handle, shown, request=request, **facts)


def _find_handle(state: State) -> str | None:
    """Return the handle of the user's login; without one, a name for the id that opens nothing."""
    handle = None if state.loaded is None else state.loaded.handle
    return handle or _name(state.value)


def _name(value: str | None) -> str | None:
    if value is None:
        return None
    return sha256(value.encode("utf-8", "replace")).hexdigest()[:12]


def _find_loaded_user(state: State) -> str | None:
    """Return the user whom the loaded record names, if the audit log may name users."""
    record = None if state.loaded is None else state.loaded.record
    if not state.terms.audit_user or state.terms.user_key is None or record is None:
        return None
    try:
        text = codec.value_text(record, state.terms.user_key)
        return None if text is None else _find_user(state, codec.decode_value(text))
    except ValueError:  # a record that cannot be read
        return None


def _find_user(state: State, value: Any) -> str | None:
    """Return the name of a user, if the audit log may name users.

    value: of the session's `user_key`. One that names no user, from before the app had a
        `user_key`, may be anything, and stays out of the log.
    """
    if not state.terms.audit_user or state.terms.user_key is None:
        return None
    try:
        return user_name(value)
    except TypeError:
        return None
