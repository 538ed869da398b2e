"""What becomes of a session when its response starts: a table decides, a step does it.

This module knows no request and no response.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import product
from time import monotonic
from typing import Any

from ..http.grammar import LONGEST_COOKIE_AGE
from ..http.origin import is_cross_site_write
from ..stores import Change, Loaded, SessionGone, StoreUnavailable
from .contents import EMPTY
from .failure import fail, say
from .outcome import Outcome
from .phases import ABSENT, DESTROY, GONE, LIVE, NONE, RECREATE, Ending, Phase
from .renewal import RequestRenewal
from .state import State
from .user import changes_user

NOT_STARTED = (
    "Started no session for a message or CSRF token: another site sent the request, so the cookie"
    " of a session that is there may not have come (SameSite=Lax)."
)
log = logging.getLogger("ringsession")


def nothing(state: State, change: Change | None) -> Outcome:
    return Outcome()


def keep(state: State, change: Change | None) -> Outcome:
    loaded = state.loaded
    assert loaded is not None and loaded.record is not None and state.value is not None
    if not loaded.moved or not (loaded.remembered or state.cookie_follows(loaded.record)):
        return Outcome(state.value, False, loaded.moved)
    try:
        # Another request may have moved the session meanwhile: a login. Its cookie must stay.
        found = state.backend.load_passive(state.value)
    except StoreUnavailable as error:
        log.warning("The cookie of a session could not be extended: %s", say(error))
        return Outcome(state.value)
    if found is None or found.record is None:
        return Outcome()
    max_age = _find_max_age(state, loaded) if loaded.remembered else None
    return Outcome(state.value, False, True, max_age=max_age)


def _find_max_age(state: State, loaded: Loaded | None) -> float:
    """Return the seconds for the cookie of a session that is remembered. None: a new one."""
    lasts = state.backend.lasts(loaded)
    return LONGEST_COOKIE_AGE if lasts is None else min(lasts, LONGEST_COOKIE_AGE)


def create(state: State, change: Change | None) -> Outcome:
    assert change is not None
    assert state.contents is not None
    if not state.contents.values and _may_replace(state):
        log.info(NOT_STARTED)
        return Outcome()
    renewal = None
    if state.remember or state.confirms or state.terms.user_key is not None:
        renewal = RequestRenewal(state, change)
    value = state.backend.create(change.record, disposable=change.disposable, renewal=renewal)
    outcome = Outcome(value, value is not None, event="session_created")
    if renewal is not None:
        outcome.handle = renewal.handle
        outcome.max_age = _find_max_age(state, None) if renewal.remember else None
    return outcome


def patch(state: State, change: Change | None) -> Outcome:
    assert state.value is not None and state.loaded is not None and change is not None
    value = state.backend.patch(state.value, state.loaded, change)
    is_new = value is not None and value != state.value
    max_age = _find_max_age(state, state.loaded) if state.loaded.remembered else None
    # A full store dropped the session meanwhile, so this is another one.
    event = "session_created" if is_new and state.loaded.disposable else None
    return Outcome(value, is_new, state.loaded.moved, max_age=max_age, event=event)


def touch(state: State, change: Change | None) -> Outcome:
    assert state.value is not None and state.loaded is not None
    try:
        value = state.backend.touch(state.value, state.loaded)
    except StoreUnavailable as error:
        log.warning("The idle timeout of a session could not be extended: %s", say(error))
        return Outcome(state.value)
    is_new = value is not None and value != state.value
    max_age = _find_max_age(state, state.loaded) if state.loaded.remembered else None
    return Outcome(value, is_new, True, max_age=max_age)


def drop(state: State, change: Change | None) -> Outcome:
    raise SessionGone


def destroy(state: State, change: Change | None) -> Outcome:
    """End the session; what the handler set after that starts another one."""
    ended = _end(state) | _end_former(state)
    return Outcome(ended=ended) if change is None else create(state, change)


def recreate(state: State, change: Change | None) -> Outcome:
    renewal = RequestRenewal(state, change)
    if state.value is not None:
        value = state.backend.recreate(state.value, state.loaded, renewal)
        outcome = Outcome(value, value is not None, handle=renewal.handle)
        if value is not None:
            outcome.event = _find_event(state)
            outcome.max_age = _find_max_age(state, None) if renewal.remember else None
        return outcome
    record = renewal.alone()
    outcome = Outcome() if record is None else create(state, Change(EMPTY, record))
    if _end(state) and outcome.value is None:
        return Outcome(ended=True)
    return outcome


def _find_event(state: State) -> str:
    """Return whether a new id is that of a session which was there, or of another one."""
    has_moved = state.loaded is not None and state.loaded.successor is not None
    return "session_recreated" if state.phase is LIVE or has_moved else "session_created"


def _may_replace(state: State) -> bool:
    """Return whether a new session could take the place of one whose cookie did not come.

    That is so for another site's form post. A message or a CSRF token is not worth the risk.
    """
    if state.sent:
        return False
    contents = state.contents
    is_empty = contents is None or not (contents.values or contents.is_whole)
    return is_empty and is_cross_site_write(state.request)


def _end_former(state: State) -> bool:
    """End the sessions of a former cookie, so that a logout holds whichever cookie comes next."""
    find = state.backend.find_former
    values = [] if find is None else find(state.request)
    return any([_destroy(state, value) for value in values if value != state.value])


def _end(state: State) -> bool:
    """End each session that the request brought, and return whether one of them was live."""
    if state.rivals:
        return any([_destroy(state, value) for value in state.rivals])
    if state.value is None or state.loaded is None:
        return False
    if state.phase is GONE and state.loaded.record is None and state.loaded.successor is None:
        return False  # another request ended it, and did not move it
    return _destroy(state, state.value)


def _destroy(state: State, value: str) -> bool:
    was_live = state.backend.destroy(value)
    state.ended = (*state.ended, value) if was_live else state.ended
    return was_live


Step = Callable[[State, "Change | None"], Outcome]
ANY: Any = None
# The first row that fits decides. changed: `State.change()` is not None. due: a read cannot move
# the idle deadline by itself, and the response is no failure (which is no activity).
TABLE: tuple[tuple[Any, Any, Any, Any, Step], ...] = (
    # phase  ending    changed due    step
    (ANY, RECREATE, ANY, ANY, recreate),
    (ANY, DESTROY, ANY, ANY, destroy),
    (ABSENT, NONE, True, ANY, create),
    (LIVE, NONE, True, ANY, patch),
    (LIVE, NONE, False, True, touch),
    (LIVE, NONE, False, False, keep),
    (GONE, NONE, True, ANY, drop),
    (ANY, ANY, ANY, ANY, nothing),
)


def _find_step(*case: Any) -> Step:
    for *row, step in TABLE:
        if all(wanted is ANY or wanted == found for wanted, found in zip(row, case)):
            return step
    raise AssertionError("the last row fits every case")


_STEPS = {case: _find_step(*case) for case in product(Phase, Ending, (False, True), (False, True))}


def decide(phase: Phase, ending: Ending, changed: bool, due: bool) -> Step:
    """Return the step for a case; see TABLE.

    >>> decide(Phase.LIVE, Ending.NONE, True, False).__name__
    'patch'
    """
    return _STEPS[phase, ending, changed, due]


def commit(state: State, status: int) -> Outcome:
    """Store what the request did to its session.

    status: of the response. Raises SessionGone for a write to a session that has ended, TypeError
    or ValueError for a value that cannot be stored, before anything is stored, and
    StoreUnavailable.
    """
    state.asked = monotonic()
    try:
        if state.is_refused:
            state.ending = NONE
        if state.ending is DESTROY:
            state.ask()  # what the session keeps of its cookie is needed for the deletion
        elif state.ending is RECREATE:
            state.load()
        change = state.change()
        if state.terms.user_key is not None and state.ending is NONE and state.phase is not ABSENT:
            state.ending = RECREATE if changes_user(state, change) else NONE
        is_activity = status < 500 and not state.is_refused
        due = state.loaded is not None and state.loaded.due and is_activity
        outcome = decide(state.phase, state.ending, change is not None, due)(state, change)
        state.stored_as = outcome.value
        return outcome
    except StoreUnavailable as error:
        fail(state, error)
        raise
