"""Do what a response says of the session: keep it, end it, replace its values, or recreate it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..request import Response
from .mapping import check_key, session_state
from .phases import DESTROY, NONE, RECREATE
from .state import State
from .user import set_remember


class Recreated(dict[str, Any]):
    """A session's new contents, to be stored under a new id. See `recreate`."""

    remember: bool | None = None


def recreate(session: Mapping[str, Any], *, remember: bool | None = None) -> Recreated:
    """Mark a session in a response to be stored under a new id, with exactly these keys.

    remember: None; see `Session.recreate`.

    Do this when somebody logs in: the old id is dead from that moment, and both timeouts start
    again.
    Source: ring.middleware.session/wrap-session, `{:recreate true}`.

    >>> {"status": 303, "session": recreate({"user": "ann"})}["session"]
    {'user': 'ann'}
    """
    recreated = Recreated(session)
    recreated.remember = remember
    return recreated


def apply_response(state: State, response: Response) -> Response:
    """Do what a response says of the session, and return the response without it.

    Absent = keep, None = end, a mapping = the new values, `recreate(mapping)` = these under a new
    id.
    """
    if "session" not in response:
        return response
    response = dict(response)
    session = response.pop("session")
    if session is None or session is False:  # as in Ring
        state.end(DESTROY)
    elif not isinstance(session, Mapping):
        given = type(session).__name__
        raise TypeError(f'response["session"]: expected a mapping or None, got {given}')
    elif session_state(session) is not state:
        _replace(state, session)
    return response


def _replace(state: State, session: Mapping[str, Any]) -> None:
    """Keys that the mapping lacks are removed; keys that this request never saw stay."""
    for key in session:
        check_key(key)
    contents = state.load()
    if isinstance(session, Recreated):
        set_remember(state, session.remember)
        if state.ending is NONE:
            state.ending = RECREATE
        state.is_exact = True
    contents.replace(session)
