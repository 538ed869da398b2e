"""Set one key of a stored session at once, before the response starts. See `Session.swap`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic

from ..stores import SessionGone, StoreUnavailable
from .failure import fail
from .phases import ABSENT, GONE
from .state import State


def swap(state: State, key: str, change: Callable[[str | None], str]) -> str | None:
    """Set a stored key at once. Return its encoded value, or None for an ended session."""
    assert state.value is not None and state.loaded is not None and state.contents is not None
    state.asked = monotonic()
    try:
        text = _swap(state, state.value, key, change)
    except StoreUnavailable as error:
        fail(state, error)
        raise
    if text is None:
        return None
    state.contents.rebase(key, text)
    state.loaded = replace(state.loaded, record=state.contents.record, version=None)
    return text


def _swap(state: State, value: str, key: str, change: Callable[[str | None], str]) -> str | None:
    try:
        return state.backend.swap(value, key, change)
    except SessionGone:
        _lose(state)
        return None


def _lose(state: State) -> None:
    """Note that the session went while this request was running."""
    assert state.value is not None and state.loaded is not None and state.contents is not None
    state.phase = GONE
    # A session that the store dropped to make room is started again. Otherwise the loaded
    # record stays known, so that only this request's own changes count.
    if state.loaded.disposable and state.backend.load(state.value) is None:
        state.loaded, state.contents.record, state.phase = None, None, ABSENT
