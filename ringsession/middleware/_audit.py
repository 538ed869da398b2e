"""Write the audit log's records of what a response did to its session."""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import Any

from .. import codec
from ..http.audit_log import audit, log
from ..http.log_text import show_request
from ..request import Request
from ..session.outcome import Outcome
from ..session.state import State


def audit_outcome(state: State, request: Request, outcome: Outcome) -> None:
    """Write what a commit did: one record for the end of a session, one for a new id."""
    if not log.isEnabledFor(logging.INFO):
        return
    if outcome.ended:
        before = None if state.loaded is None else state.loaded.record
        facts: dict[str, Any] = {"handle": _find_handle(state), "user": _find_user(state, before)}
        audit("session_ended", request=request, reason="by the handler", **facts)
    if outcome.event is not None and outcome.value is not None:
        values = None if state.contents is None else state.contents.values
        user = None if values is None or not state.terms.audit_user else values.get(_key(state))
        handle = outcome.handle or _name(outcome.value)
        audit(outcome.event, request=request, handle=handle, user=user)


def audit_lost_race(state: State, request: Request) -> None:
    """Write that a write was dropped, since its session has ended."""
    handle = _find_handle(state)
    user = _find_user(state, None if state.loaded is None else state.loaded.record)
    facts: dict[str, Any] = {"request": request, "handle": handle, "user": user}
    shown = show_request(request)
    audit("session_lost_race", handle, shown, reason="ended by another request", **facts)


def _find_handle(state: State) -> str:
    """Return the handle of the user's login; without one, a name for the id that opens nothing."""
    handle = None if state.loaded is None else state.loaded.handle
    return handle or _name(state.value)


def _name(value: str | None) -> str:
    return sha256((value or "").encode("utf-8", "replace")).hexdigest()[:12]


def _key(state: State) -> str:
    return state.terms.user_key or ""


def _find_user(state: State, record: str | None) -> Any:
    """Return the user whom a record names, if the audit log may name users."""
    if not state.terms.audit_user or record is None:
        return None
    try:
        text = codec.value_text(record, _key(state))
        return None if text is None else codec.decode_value(text)
    except ValueError:  # a record that cannot be read
        return None
