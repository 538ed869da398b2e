"""Save a session in an event of Flask-SocketIO, which has no response to the client.

With manage_session=False, Flask-SocketIO opens a context for each event, and calls `save_session`
with a response that nobody sends.
"""

from __future__ import annotations

from flask import has_request_context, request

from ..session.phases import ABSENT, DESTROY, RECREATE
from ..session.committed import SessionCommitted
from ..session.state import State

_NEEDS_COOKIE = (
    "flask.session: this change needs a new cookie, and an event cannot send a cookie. In an event,"
    " change or clear a session that is stored on a server and that the client has. Start a"
    " session, recreate it, or change one that lives in its cookie, in a view."
)


_MARKS = ("sid", "namespace", "event")  # attributes that Flask-SocketIO gives the request


def is_event() -> bool:
    """Return whether the current context is that of an event."""
    return has_request_context() and all(hasattr(request, name) for name in _MARKS)


def check_event(state: State) -> None:
    """Raise SessionCommitted, before anything is stored, for a change that needs a cookie."""
    ends, changed = state.ending is DESTROY, state.change() is not None
    starts = changed and (ends or state.phase is ABSENT)
    values = {*state.sent, *([] if state.value is None else [state.value])}
    in_cookie = (changed or ends) and not all(map(state.backend.keeps_value, values))
    if starts or in_cookie or state.ending is RECREATE:
        raise SessionCommitted(_NEEDS_COOKIE)


def check_saved(state: State) -> None:
    """Raise SessionCommitted if the store has given the session another value."""
    if state.stored_as not in (None, state.value):
        raise SessionCommitted(_NEEDS_COOKIE)
