"""The user of a session: a stored session belongs to one user for life.

A request that changes the user therefore moves the session to a new id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..stores import Change
from .contents import Contents
from .phases import GONE, LIVE, NONE, RECREATE

if TYPE_CHECKING:
    from .state import State


def is_bound(state: State, contents: Contents) -> bool:
    """Return whether the store finds a loaded session by the user whom it names, if any."""
    owner = _find_owner(state, contents)
    assert state.loaded is not None
    return owner is None or owner == state.loaded.owner


def _find_owner(state: State, contents: Contents) -> str | None:
    assert state.terms.user_key is not None and state.backend.logins is not None
    try:
        return state.backend.logins.hash_user(contents.values.get(state.terms.user_key))
    except TypeError:  # which the commit raises
        return ""


def note_user(state: State) -> None:
    """Move the session to a new id if the handler has changed the user of a stored session.

    Now, not at the commit, so that a CSRF token which is read next belongs to the new id.
    """
    # Where another request has ended the session, a login starts another one.
    if state.ending is NONE and (state.phase is LIVE or state.phase is GONE):
        assert state.contents is not None and state.loaded is not None
        if _find_owner(state, state.contents) != state.loaded.owner:
            state.end(RECREATE)


def changes_user(state: State, change: Change | None) -> bool:
    """Return whether a change is one of the user. Raises TypeError for what names no user."""
    if state.terms.user_key is None or change is None or state.loaded is None:
        return False
    assert state.backend.logins is not None
    return state.backend.logins.changes_owner(state.loaded, change)


def set_remember(state: State, remember: bool | None) -> None:
    """Note what a login said of the session's times. Raises ValueError, TypeError."""
    if remember is not None and type(remember) is not bool:
        kind = type(remember).__name__
        raise TypeError(f"recreate: remember: expected True, False or None, got {kind}")
    if remember and not state.terms.may_remember:
        raise ValueError(
            'recreate: remember=True needs the times in ["session"]["remember"], such as'
            ' {"timeout": timedelta(days=30), "absolute_timeout": timedelta(days=90)}'
        )
    state.remember = state.remember if remember is None else remember
